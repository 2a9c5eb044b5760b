# SPDX-License-Identifier: Apache-2.0
# Somebody else goes on: a thread or a child that shares its memory and writes, children of every kind.
# expect: variant=thread verdict=ok limits=timeout:2s
# expect: variant=writing_thread verdict=ok limits=timeout:2s
# expect: variant=leaderless verdict=ok|exit|timeout limits=timeout:500ms
# expect: variant=shares_memory verdict=ok limits=timeout:2s
# expect: variant=shares_all verdict=ok limits=timeout:2s
# expect: variant=vfork verdict=ok stream limits=timeout:2s
# expect: variant=orphans verdict=ok limits=timeout:2s
# expect: variant=zombies verdict=ok limits=timeout:2s
# expect: variant=scribbler verdict=ok limits=timeout:2s
# expect: variant=runaway verdict=ok limits=timeout:2s
# expect: variant=bomb verdict=ok limits=timeout:2s
# expect: variant=ended_thread verdict=ok limits=timeout:2s
# expect: variant=session verdict=ok limits=timeout:2s
# uses: native
# stops: daemon (one process and one thread, or another worker)
# proof: the canary behind it counts threads and processes, and its memory is its own
hidden = Hidden()
# inc qword [rdi]; jmp to it
LOOP = bytes.fromhex("48ff07ebfb")
words = bytearray_address(1 << 16)
CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND = 0x100, 0x200, 0x400, 0x800


def clone(flags, *, writes, at=words):
    function = ctypes.cast(machine(LOOP) if writes else libc.pause, ctypes.c_void_p).value
    stack = map_new(1 << 16, READ | WRITE) + (1 << 15)
    return libc.clone(ctypes.c_void_p(function), ctypes.c_void_p(stack), flags, at)


if VARIANT == "thread":
    thread(time.sleep, 1000)
elif VARIANT == "writing_thread":
    # sharing all that a thread shares
    assert clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | 0x10000 | 0x40000, writes=True) > 0
    lie_and_wait(hidden)
elif VARIANT == "leaderless":
    thread(time.sleep, 1000)
    syscall("exit", 0)
elif VARIANT == "shares_memory":
    assert clone(CLONE_VM, writes=True) > 0
    lie_and_wait(hidden)
elif VARIANT == "shares_all":
    assert clone(CLONE_VM | CLONE_FS | CLONE_FILES | 17, writes=False) > 0
elif VARIANT == "vfork":
    # The parent is asleep in the call until the child ends, which it never does.
    hidden.flood_and_end()
    clone(CLONE_VM | 0x4000 | 17, writes=True)
elif VARIANT == "orphans":
    fork_quietly(lambda: [fork_quietly(lambda: time.sleep(1000)) for _ in range(3)])
elif VARIANT == "zombies":
    for _ in range(10):
        fork_quietly(lambda: None)
elif VARIANT == "scribbler":
    # Counts up the first call that the daemon will write for its worker, behind a page of data.
    assert clone(CLONE_VM, writes=True, at=ctypes.c_void_p(hidden.start + 2 * PAGE)) > 0
    lie_and_wait(hidden)
elif VARIANT == "runaway":
    # Always a new one, whose parent is gone.
    def run_away():
        while True:
            if os.fork():
                os._exit(0)

    fork_quietly(run_away)
elif VARIANT == "bomb":
    def multiply():
        while True:
            try:
                os.fork()
            except OSError:
                pass

    fork_quietly(multiply)
elif VARIANT == "ended_thread":
    for _ in range(20):
        thread(lambda: None).join()
else:
    fork_quietly(lambda: (os.setsid(), time.sleep(1000)))
    os.setpriority(os.PRIO_PROCESS, 0, 5)
