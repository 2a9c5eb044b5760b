# SPDX-License-Identifier: Apache-2.0
# Every way to end, told exactly.
# expect: variant=zero verdict=ok code=0
# expect: variant=one verdict=exit code=1
# expect: variant=max verdict=exit code=255
# expect: variant=wrap verdict=ok code=0
# expect: variant=minus verdict=exit code=255
# expect: variant=text verdict=exit code=1
# expect: variant=raise verdict=error code=1
# expect: variant=thread verdict=ok
# expect: variant=quick verdict=exit code=7
# expect: variant=atexit verdict=exit code=8
# expect: variant=exec verdict=exit code=9
# expect: variant=execsignal verdict=signal signal=6
# expect: variant=abort verdict=signal signal=6
# expect: variant=fault verdict=signal signal=11
# expect: variant=kill verdict=signal signal=9
# expect: variant=term verdict=signal signal=15
# expect: variant=hangup verdict=signal signal=1
# expect: variant=alarm verdict=signal signal=14
# expect: variant=realtime verdict=signal signal=34
# expect: variant=last verdict=signal signal=64
# expect: variant=sigsys verdict=signal signal=31
# expect: variant=rawexit verdict=exit code=3
# expect: variant=children verdict=ok stdout=held
# stops: daemon (what the kernel says of the process)
# proof: control none: it is about truth, not about harm
import atexit
import signal


def every_signal():
    for number in range(1, 65):
        if number in (32, 33):  # the C library's own
            continue

        def die():
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        if number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
            continue
        status = child(die)
        ignored = number in (signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH)
        expect(os.WIFSIGNALED(status) and os.WTERMSIG(status) == number or ignored and not status,
               f"signal {number} ends with {status}")
    held()


def realtime(number):
    os.kill(os.getpid(), number)
    time.sleep(5)


endings = dict(
    zero=lambda: sys.exit(0), one=lambda: sys.exit(1), max=lambda: sys.exit(255),
    wrap=lambda: sys.exit(256), minus=lambda: sys.exit(-1), text=lambda: sys.exit("no"),
    thread=lambda: thread(sys.exit, 5).join(), quick=lambda: os._exit(7),
    atexit=lambda: atexit.register(os._exit, 8),
    execsignal=lambda: os.execv("/bin/sh", ["sh", "-c", "kill -ABRT $$"]),
    exec=lambda: os.execv("/bin/sh", ["sh", "-c", "exit 9"]), abort=os.abort,
    fault=lambda: ctypes.string_at(0), kill=lambda: os.kill(os.getpid(), 9),
    term=lambda: os.kill(os.getpid(), 15), hangup=lambda: os.kill(os.getpid(), 1),
    alarm=lambda: (signal.setitimer(signal.ITIMER_REAL, 0.01), time.sleep(5)),
    realtime=lambda: realtime(34), last=lambda: realtime(64), sigsys=lambda: realtime(31),
    rawexit=lambda: syscall(231, 3), children=every_signal,
)
endings["raise"] = lambda: 1 / 0
endings[VARIANT]()
