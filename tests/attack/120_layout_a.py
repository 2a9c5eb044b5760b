# SPDX-License-Identifier: Apache-2.0
# Moves what the kernel would map next: the break, the stack, the place of new mappings.
# expect: verdict=ok limits=timeout:5s
# stops: daemon (the same layout for each worker of a template)
# proof: control none: 120_layout_b says what it sees before and after
import mmap

libc.sbrk(1 << 20)
keep = [mmap.mmap(-1, 1 << size) for size in range(12, 24)]
del keep[::2]


def deep(depth):
    return deep(depth - 1) if depth else None


sys.setrecursionlimit(20000)
deep(15000)
