# SPDX-License-Identifier: Apache-2.0
# Recursion in C until the stack is at its end.
# expect: verdict=signal signal=11 limits=timeout:10s
# stops: rlimit (stack), rlimit (core)
# proof: control none: a crash of its own is nobody else's
sys.setrecursionlimit(10**9)
deep = []
for _ in range(300_000):
    deep = [deep]
repr(deep)
