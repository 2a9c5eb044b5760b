# SPDX-License-Identifier: Apache-2.0
# Everything that a process can say of itself, but for what must differ.
# expect: verdict=ok stdout=held unchanged
# stops: daemon
# proof: the same program says something else when it runs behind 115 a in one process
import locale
import resource
import signal

print(sorted(os.environ), os.getcwd(), oct(os.umask(0o22)), locale.setlocale(locale.LC_ALL))
print(libc.getenv(b"LD_PRELOAD"), os.nice(0), os.sched_getaffinity(0), os.getgroups())
for number in range(16):
    print("rlimit", number, resource.prlimit(0, number))
for number in signal.valid_signals():
    print(number, signal.getsignal(number) if number not in (2,) else "", end=" ")
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getitimer(signal.ITIMER_REAL))
for name in ("oom_score_adj", "coredump_filter", "comm", "personality", "cmdline", "environ"):
    with open(f"/proc/self/{name}") as file:
        print(name, ascii(file.read()))
for option in (2, 3, 7, 21, 23, 30, 37, 39, 42, 52):
    word = ctypes.c_int(0)
    print("prctl", option, libc.prctl(option, ctypes.byref(word), 0, 0, 0), word.value)
WANTED = ("Cap", "Sig", "Shd", "NoNew", "Seccomp", "Threads", "Groups", "Umask", "NStgid", "PPid",
          "Cpus_allowed_list", "THP", "Spec", "TracerPid", "FDSize", "CoreDumping")
with open("/proc/self/status") as file:
    print(*(line for line in file if line.startswith(WANTED)), sep="")
for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
    try:
        with open(f"/proc/self/fdinfo/{fd}") as file:
            about = [line.strip() for line in file if line.startswith(("pos", "flags"))]
        print(fd, os.readlink(f"/proc/self/fd/{fd}").split(":")[0], about)
    except OSError:
        pass
held()
