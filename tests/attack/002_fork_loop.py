# SPDX-License-Identifier: Apache-2.0
# Forks until it is refused, counts, then goes on for ever.
# expect: variant=fewer verdict=timeout limits=timeout:500ms,pids:16 stdout=held wall_max=1500ms
# expect: variant=usual verdict=timeout limits=timeout:500ms,pids:32 stdout=held wall_max=1500ms
# expect: variant=more verdict=timeout limits=timeout:500ms,pids:64 stdout=held wall_max=1500ms
# stops: cgroup (pids), rlimit (nproc)
# proof: control none: it would take the machine with it
import signal

children = 0
try:
    while children < 1000:
        if os.fork() == 0:
            signal.pause()
        children += 1
except OSError as error:
    expect(error.errno == EAGAIN, f"fork fails with {error}")
allowed = dict(fewer=16, usual=32, more=64)[VARIANT]
expect(children == allowed - 1, f"{children} children beside the leader, of {allowed} allowed")
held()
sys.stdout.flush()
while True:
    try:
        if os.fork() == 0:
            signal.pause()
    except OSError:
        pass
