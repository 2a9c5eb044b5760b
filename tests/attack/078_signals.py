# SPDX-License-Identifier: Apache-2.0
# Signals to everybody who has a number, by every call.
# expect: variant=everybody verdict=ok stdout=held limits=timeout:5s
# expect: variant=group verdict=signal signal=9 limits=timeout:5s
# expect: variant=sweep verdict=ok stdout=held limits=timeout:10s
# expect: variant=init verdict=ok stdout=held limits=timeout:5s
# expect: variant=descriptors verdict=ok stdout=held limits=timeout:5s
# stops: namespaces (pid), ids (uid), landlock (signals)
# proof: control gets through: kill(1)
import signal

if CONTROL:
    denied("kill(1)", lambda: os.kill(1, 0), EPERM)
elif VARIANT == "everybody":
    # All but itself and PIDs 1 that it can see: that is nobody.
    denied("kill(-1)", lambda: os.kill(-1, signal.SIGKILL), (EPERM, ESRCH))
elif VARIANT == "group":
    os.killpg(0, signal.SIGCONT)
    os.killpg(0, signal.SIGKILL)
elif VARIANT == "sweep":
    for pid in range(1, 40_000):
        if pid != os.getpid():
            refused("kill", pid, 9, by=(EPERM, ESRCH), what=f"kill {pid}")
            refused("tgkill", pid, pid, 9, by=(EPERM, ESRCH), what=f"tgkill {pid}")
            refused("kill", -pid, 9, by=(EPERM, ESRCH), what=f"kill -{pid}")
elif VARIANT == "init":
    for number in range(1, 65):
        refused("kill", 1, number, by=EPERM, what=f"signal {number} to PID 1")
    refused("kill", os.getppid() or 1, 9, by=EPERM, what="the parent")
    information = ctypes.create_string_buffer(128)
    ctypes.c_int32.from_buffer(information).value = 9
    refused("rt_sigqueueinfo", 1, 9, information, by=EPERM)
else:
    for pid in range(1, 64):
        fd = syscall("pidfd_open", pid, 0)
        if fd >= 0 and pid != os.getpid():
            refused("pidfd_send_signal", fd, 9, None, 0, by=EPERM, what=f"pidfd of {pid}")
    refused("pidfd_send_signal", 3, 9, None, 0, by=EBADF, what="the socket as a pidfd")
held()
