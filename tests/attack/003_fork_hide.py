# SPDX-License-Identifier: Apache-2.0
# A fork bomb whose parts leave their session, ignore every signal and rename themselves.
# expect: verdict=timeout limits=timeout:500ms wall_max=1500ms
# stops: cgroup (pids), namespaces (pid)
# proof: control none: it would take the machine with it; the oracle counts what is left
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
turn = 0
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            turn += 1
            libc.prctl(15, b"kworker/%d" % turn, 0, 0, 0)
    except OSError:
        pass
