# SPDX-License-Identifier: Apache-2.0
# Leaves processes behind that hold the control socket, the pipes and everything else there is,
# and write to all of it as long as they live.
# expect: verdict=ok limits=timeout:5s
# stops: daemon (an empty cell before reuse), ring (a fresh channel for each worker)
# proof: control none: there is no channel outside; 076 b would see what is written
import signal


def write_on():
    os.setsid()
    for number in (1, 2, 13, 15):
        signal.signal(number, signal.SIG_IGN)
    while True:
        for fd in range(0, 16):
            try:
                os.write(fd, b"hidden")
            except OSError:
                pass


for _ in range(4):
    fork_quietly(lambda: fork_quietly(write_on))
