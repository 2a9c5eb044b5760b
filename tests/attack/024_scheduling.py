# SPDX-License-Identifier: Apache-2.0
# More than its share of the CPU, by every knob of the scheduler; and less for everybody else:
# /proc/self/autogroup weighs a whole session, and a worker must not be in the daemon's.
# expect: verdict=ok stdout=held
# stops: ids (capabilities, session), seccomp
# proof: control gets through: SCHED_FIFO, nice -20
denied("nice -20", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20), (EPERM, EACCES))
denied("all CPUs", lambda: os.sched_setaffinity(0, range(1024)), EPERM, False)
refused("sched_setscheduler", 0, 1, ctypes.byref(ctypes.c_int(1)), by=EPERM, what="SCHED_FIFO")
refused(251, 1, 0, 1 << 13, by=EPERM, what="ioprio_set", harmless=False)
refused(314, 0, ctypes.create_string_buffer(48), 0, by=EPERM, what="sched_setattr", harmless=False)
if not CONTROL:
    expect(os.getpriority(os.PRIO_PROCESS, 0) >= 0, "it runs before others")
    for knob in ("autogroup", "timens_offsets", "uid_map", "gid_map", "setgroups"):
        try:
            with open(f"/proc/self/{knob}", "w") as file:
                file.write("19")
        except OSError:
            pass
    # What it did to its own session is seen in no other: the oracle reads the daemon's.
    expect(os.getsid(0) != 0, "it is in a session from outside of its cell")
    expect(os.getpgid(0) != 0, "it is in a process group from outside of its cell")
held()
