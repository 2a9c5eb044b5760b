# SPDX-License-Identifier: Apache-2.0
# Where things are. All workers of a template share one layout (docs/threat-model.md), so nothing
# here may tell what another did.
# expect: verdict=ok stdout=held unchanged
# stops: daemon
# proof: the same program says something else in a process that did as 120_layout_a
import mmap

libc.sbrk.restype = ctypes.c_void_p
print(hex(libc.sbrk(0)), hex(ctypes.cast(libc.sbrk, ctypes.c_void_p).value), hash("corral"))
print(hex(ctypes.addressof(ctypes.c_char.from_buffer(mmap.mmap(-1, 1 << 20)))))
with open("/proc/self/maps") as file:
    print(*sorted(line.split()[0] for line in file), sep="\n")
with open("/proc/self/stat") as file:
    print(file.read().split()[25:29])
held()
