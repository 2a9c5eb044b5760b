# SPDX-License-Identifier: Apache-2.0
# Changes everything that a process can change about itself.
# expect: verdict=ok
# stops: daemon (a fresh worker for each execution)
# proof: control none: 115 b says what it sees before and after
import locale
import resource
import signal

os.environ["LEFT"] = "left"
os.putenv("LD_PRELOAD", "/tmp/evil.so")
os.chdir("/tmp")
os.umask(0)
locale.setlocale(locale.LC_ALL, "C")
for name in ("NOFILE", "NPROC", "CORE", "STACK", "AS", "CPU", "DATA"):
    number = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(number)[1]
    resource.setrlimit(number, (1 << 30 if hard < 0 else hard // 2, hard))
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
signal.signal(signal.SIGUSR1, lambda *rest: None)
signal.setitimer(signal.ITIMER_REAL, 3600)
os.nice(5)
for name in ("oom_score_adj", "coredump_filter", "comm"):
    denied(name, lambda: os.open(f"/proc/self/{name}", os.O_WRONLY), EROFS, False)
libc.prctl(4, 0, 0, 0, 0)            # PR_SET_DUMPABLE
libc.prctl(1, 0, 0, 0, 0)            # PR_SET_PDEATHSIG
libc.prctl(29, 1_000_000, 0, 0, 0)   # PR_SET_TIMERSLACK
libc.prctl(36, 1, 0, 0, 0)           # PR_SET_CHILD_SUBREAPER
libc.prctl(41, 1, 0, 0, 0)           # PR_SET_THP_DISABLE
libc.prctl(53, 0, 8, 0, 0)           # PR_SET_SPECULATION_CTRL
