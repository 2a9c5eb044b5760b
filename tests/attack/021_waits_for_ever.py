# SPDX-License-Identifier: Apache-2.0
# Waits for what never comes; its CPU time stands still.
# expect: variant=sleep verdict=timeout limits=timeout:200ms,cpu_time:100ms wall_max=1200ms
# expect: variant=pipe verdict=timeout limits=timeout:200ms,cpu_time:100ms wall_max=1200ms
# expect: variant=locks verdict=timeout limits=timeout:200ms,cpu_time:100ms wall_max=1200ms
# expect: variant=futex verdict=timeout limits=timeout:200ms,cpu_time:100ms wall_max=1200ms
# expect: variant=vfork verdict=timeout limits=timeout:200ms,cpu_time:100ms wall_max=1200ms
# stops: daemon (its own clock)
# proof: control none: outside nobody keeps the time
if VARIANT == "sleep":
    time.sleep(10**6)
elif VARIANT == "pipe":
    os.read(os.pipe()[0], 1)
elif VARIANT == "locks":
    first, second = threading.Lock(), threading.Lock()

    def cross(one, other):
        with one:
            time.sleep(0.01)
            with other:
                pass

    thread(cross, first, second)
    cross(second, first)
    time.sleep(10**6)
elif VARIANT == "futex":
    word = ctypes.c_uint32(7)
    syscall("futex", ctypes.byref(word), 0, 7, None, None, 0)
else:
    # The child sleeps in the parent's memory, and the parent waits for it in the kernel.
    libc.vfork.restype = ctypes.c_int
    if libc.vfork() == 0:
        while True:
            syscall("futex", ctypes.byref(ctypes.c_uint32(7)), 0, 7, None, None, 0)
