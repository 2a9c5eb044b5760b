# SPDX-License-Identifier: Apache-2.0
# Changes one thing about itself, so that no other is the reason to replace its worker. What comes
# behind it on each slot (canary_posture.py) tells all of these.
# expect: variant=environment verdict=ok
# expect: variant=place verdict=ok
# expect: variant=umask verdict=ok
# expect: variant=locale verdict=ok
# expect: variant=limits verdict=ok
# expect: variant=core_limit verdict=ok
# expect: variant=oom_score verdict=ok
# expect: variant=core_filter verdict=ok
# expect: variant=name verdict=ok
# expect: variant=name_file verdict=ok
# expect: variant=slack verdict=ok
# expect: variant=slack_file verdict=ok
# expect: variant=dumpable verdict=ok
# expect: variant=subreaper verdict=ok
# expect: variant=keep_capabilities verdict=ok
# expect: variant=large_pages verdict=ok
# expect: variant=speculation verdict=ok
# expect: variant=machine_check verdict=ok
# expect: variant=timestamps verdict=ok|signal
# expect: variant=cpuid verdict=ok
# expect: variant=merging verdict=ok
# expect: variant=write_or_execute verdict=ok
# expect: variant=affinity verdict=ok
# expect: variant=batch verdict=ok
# expect: variant=disk_priority verdict=ok
# expect: variant=nice verdict=ok
# expect: variant=personality verdict=ok
# expect: variant=arguments verdict=ok
# expect: variant=table verdict=ok
# expect: variant=random verdict=ok
# expect: variant=time_zone verdict=ok
# expect: variant=process_numbers verdict=ok
# stops: daemon (as it was, or another worker)
# proof: each of these is a line of canary_posture.py, or a fact of canary.py
import locale
import random
import resource


def written(name, text):
    def write():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)

    denied(name, write, EROFS, False)


def prctl(*words):
    libc.prctl(*words, *[0] * (5 - len(words)))


def limits():
    for number in range(16):
        soft, hard = resource.getrlimit(number)
        resource.setrlimit(number, (soft // 2 if soft > 0 else soft, hard // 2 if hard > 0 else hard))


def arguments():
    # What ps(1) would show: the string that the kernel copied to the stack.
    ctypes.memset(ctypes.c_void_p.in_dll(libc, "program_invocation_name").value, 88, 6)


things = dict(
    environment=lambda: (os.environ.update(LEFT="1", MARKER="1"), os.unsetenv("PATH"), libc.clearenv()),
    place=lambda: os.chdir("/tmp"),
    umask=lambda: os.umask(0),
    locale=lambda: (locale.setlocale(locale.LC_ALL, "C"), libc.setlocale(6, b"POSIX")),
    limits=limits,
    core_limit=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    oom_score=lambda: written("oom_score_adj", "1000"),
    core_filter=lambda: written("coredump_filter", "0xff"),
    name=lambda: libc.prctl(15, b"left"),
    name_file=lambda: written("comm", "left"),
    slack=lambda: prctl(29, 1_000_000),
    slack_file=lambda: written("timerslack_ns", "1000000"),
    dumpable=lambda: prctl(4, 0),
    subreaper=lambda: prctl(36, 1),
    keep_capabilities=lambda: prctl(8, 1),
    large_pages=lambda: prctl(41, 1),
    speculation=lambda: (prctl(53, 0, 8), prctl(53, 1, 8)),
    machine_check=lambda: prctl(33, 1, 0),
    timestamps=lambda: prctl(26, 2),
    cpuid=lambda: syscall(158, 0x1012, 1),
    merging=lambda: prctl(67, 1),
    write_or_execute=lambda: prctl(65, 1),
    affinity=lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    batch=lambda: syscall("sched_setscheduler", 0, 3, ctypes.byref(ctypes.c_int(0))),
    disk_priority=lambda: syscall(251, 1, 0, 3 << 13),
    nice=lambda: os.nice(5),
    personality=lambda: syscall("personality", 0x0040000),
    arguments=arguments,
    table=lambda: ctypes.memset(libc.mmap(None, 4096, 3, 0x22, -1, 0), 1, 4096),
    random=lambda: random.seed(1),
    time_zone=lambda: (os.environ.update(TZ="XXX-7"), time.tzset()),
    process_numbers=lambda: [child(lambda: None) for _ in range(20)],
)
try:
    things[VARIANT]()
except OSError as error:
    print("refused:", error)
