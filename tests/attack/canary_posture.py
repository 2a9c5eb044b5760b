# SPDX-License-Identifier: Apache-2.0
# tests/attack/canary_posture.py: the last of the innocent programs behind each hostile one.
#
# It tells all that a program can be told of its worker, but for what differs between new workers of
# a template. That must be what it was before any hostile program ran.
# expect: verdict=ok
# stops: daemon
import fcntl
import resource
import signal
import socket


def posture():
    """Lines that are the same in each new worker of a template, whatever its slot."""
    with open("/proc/self/maps") as file:
        for line in file:
            words = line.split()
            yield " ".join(words[:3] + words[5:])
    wanted = ("Sig", "Shd", "Cap", "NoNew", "Sec", "Threads", "Umask", "TracerPid", "Cpus_allowed:",
              "THP", "Spec", "Vm", "NSpid", "CoreD")
    changing = ("VmPeak", "VmHWM", "VmRSS", "VmPTE", "SigQ")
    with open("/proc/self/status") as file:
        yield from (line for line in file if line.startswith(wanted) and not line.startswith(changing))
    for name in ("limits", "comm", "cmdline", "oom_score_adj", "coredump_filter", "timers",
                 "timerslack_ns", "personality"):
        with open(f"/proc/self/{name}") as file:
            yield f"{name} {file.read()!a}"
    for fd in range(4):
        with open(f"/proc/self/fdinfo/{fd}") as file:
            kind = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
            yield f"{fd} {kind} {[line for line in file if line.startswith(('pos', 'flags'))]}"
    stack = (ctypes.c_uint64 * 3)()
    libc.sigaltstack(None, ctypes.byref(stack))
    yield f"alternate stack {list(stack)} restart {syscall(219)}"
    yield f"itimers {[signal.getitimer(number) for number in range(3)]}"
    yield f"processes {sorted(name for name in os.listdir('/proc') if name.isdigit())}"
    for folder in ("/workspace", "/tmp", "/dev/shm"):
        yield f"{folder} {os.listdir(folder)} {os.statvfs(folder).f_ffree}"
    timer = ctypes.c_int()
    yield f"the first timer {syscall(222, 1, 0, ctypes.byref(timer))} is {timer.value}"
    for option in (2, 3, 7, 21, 23, 30, 37, 39, 42, 52, 66, 68):  # PR_GET_…
        value = ctypes.c_int()
        yield f"prctl {option} {libc.prctl(option, ctypes.byref(value), 0, 0, 0)} {value.value}"
    yield f"scheduling {os.getpriority(0, 0)} {os.sched_getscheduler(0)} {syscall(252, 1, 0)}"
    control = socket.socket(fileno=os.dup(3))
    yield f"socket {[control.getsockopt(1, option, 16) for option in (7, 8, 13, 16, 18, 20, 21, 34, 42)]}"
    yield f"owner {[[fcntl.fcntl(fd, question) for question in (9, 11)] for fd in range(4)]}"
    yield f"environment {sorted(os.environ)} {libc.getenv(b'LD_PRELOAD')}"
    yield f"limits {[resource.getrlimit(number) for number in range(16)]}"
    yield f"the first child {fork_number()}"


def fork_number():
    pid = os.fork() or os._exit(0)
    os.waitpid(pid, 0)
    return pid


for line in posture():
    print(line.rstrip())
