# SPDX-License-Identifier: Apache-2.0
# Leaves signals on their way, handlers of its own code, everything blocked, itself stopped or traced.
# expect: variant=blocked verdict=ok limits=timeout:2s
# expect: variant=handler verdict=ok limits=timeout:2s
# expect: variant=ignored verdict=ok limits=timeout:2s
# expect: variant=pending verdict=ok limits=timeout:2s
# expect: variant=queued verdict=ok limits=timeout:2s
# expect: variant=alarm verdict=ok limits=timeout:2s
# expect: variant=intervals verdict=ok limits=timeout:2s
# expect: variant=timer verdict=ok limits=timeout:2s
# expect: variant=timer_kills verdict=ok|signal limits=timeout:2s
# expect: variant=stopped verdict=timeout limits=timeout:300ms
# expect: variant=stopped_at_the_end verdict=ok limits=timeout:2s
# expect: variant=traced verdict=ok limits=timeout:2s
# expect: variant=stack verdict=ok limits=timeout:2s
# expect: variant=out_of_a_handler verdict=ok limits=timeout:2s
# expect: variant=parent_death verdict=ok limits=timeout:2s
# expect: variant=processor_time verdict=ok limits=timeout:2s
# uses: native
# stops: daemon (signals as they were, or another worker)
# proof: the canary behind it tells masks, dispositions, what is pending, timers and the other stack
import resource
import signal

hidden = Hidden()
ALL = ctypes.c_uint64(2**64 - 1)


def block_all():
    syscall(14, 2, ctypes.byref(ALL), None, 8)  # rt_sigprocmask(), glibc's own 32 and 33 as well


if VARIANT == "blocked":
    block_all()
elif VARIANT in ("handler", "alarm"):
    # A handler that is native code of this program: pause() of libc stands for it.
    action = (ctypes.c_uint64 * 19)(ctypes.cast(libc.pause, ctypes.c_void_p).value)
    for number in range(1, 32):
        libc.sigaction(number, ctypes.byref(action), None)
    if VARIANT == "alarm":
        libc.alarm(1)
elif VARIANT == "out_of_a_handler":
    # Its handler ends the execution and never comes back: what it interrupted could go on.
    tail = hidden.record(8, hidden.END, 0, (1).to_bytes(8, "little"))
    code = b"\x49\xbc" + struct.pack("<Q", ctypes.addressof(hidden.tail))  # mov r12, &tail
    code += b"\x49\xbd" + struct.pack("<Q", tail) + BELL_AND_WAIT          # mov r13, tail
    action = (ctypes.c_uint64 * 19)(ctypes.cast(machine(code), ctypes.c_void_p).value)
    libc.sigaction(signal.SIGALRM, ctypes.byref(action), None)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    libc.nanosleep((ctypes.c_long * 2)(1000, 0), None)
elif VARIANT == "ignored":
    for number in set(range(1, 32)) - {9, 19}:
        libc.signal(number, ctypes.c_void_p(1))
elif VARIANT in ("pending", "queued"):
    block_all()
    for number in (1, 10, 14, 15, 17, 34, 64):
        if VARIANT == "pending":
            os.kill(os.getpid(), number)
        for value in range(50):
            syscall("rt_sigqueueinfo", os.getpid(), number, ctypes.byref(
                (ctypes.c_int * 32)(number, 0, -1, 0, value, value)))
elif VARIANT == "intervals":
    for which in range(3):
        signal.setitimer(which, 1000 + which, 7)
elif VARIANT in ("timer", "timer_kills"):
    # timer_create() on each clock; the event kills, or is a signal of its own.
    for clock in (0, 1, 2, 3, 7):
        event = (ctypes.c_int * 16)(0, 0, 9 if VARIANT == "timer_kills" else 40, 0)
        timer = ctypes.c_int()
        syscall(222, clock, ctypes.byref(event), ctypes.byref(timer))
        syscall(223, timer.value, 0, ctypes.byref((ctypes.c_long * 4)(0, 10**6, 0, 5 * 10**6)), None)
elif VARIANT == "stopped":
    os.kill(os.getpid(), signal.SIGSTOP)
elif VARIANT == "stopped_at_the_end":
    hidden.end(ring=False)
    os.fork() or (os.kill(2, signal.SIGSTOP), hidden.ring(), time.sleep(1000))
    time.sleep(1000)
elif VARIANT == "traced":
    syscall("ptrace", 0, 0, 0, 0)
    lie_and_wait(hidden)
elif VARIANT == "stack":
    libc.sigaltstack(ctypes.byref((ctypes.c_uint64 * 3)(bytearray_address(1 << 16).value, 0, 1 << 16)), None)
elif VARIANT == "parent_death":
    libc.prctl(1, 0, 0, 0, 0)
elif VARIANT == "processor_time":
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
