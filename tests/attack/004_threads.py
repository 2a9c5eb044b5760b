# SPDX-License-Identifier: Apache-2.0
# Threads until no more can be started.
# expect: verdict=ok limits=pids:16 stdout=held
# stops: cgroup (pids), rlimit (nproc)
# proof: control none: the machine's own limit is the next one
count = 0
try:
    while count < 1000:
        thread(time.sleep, 600)
        count += 1
except RuntimeError as error:
    expect("can't start new thread" in str(error), str(error))
expect(count == 15, f"{count} threads beside the first, of 16 allowed")
held()
sys.stdout.flush()
os._exit(0)
