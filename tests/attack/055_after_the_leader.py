# SPDX-License-Identifier: Apache-2.0
# An orphan goes on writing when the leader is gone.
# expect: verdict=ok limits=timeout:10s first=leader wall_max=2s
# stops: daemon (kills with the leader's end), namespaces (pid)
# proof: control none: outside an orphan lives on, as everybody knows
import signal


def write_on():
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        os.write(1, b"orphan\n")
        time.sleep(0.001)


os.write(1, b"leader\n")
if os.fork() == 0:
    if os.fork() == 0:
        write_on()
    os._exit(0)
os.wait()
