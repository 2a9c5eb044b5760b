#!/usr/bin/env python3.11
# SPDX-License-Identifier: Apache-2.0
"""tests/attack/outside/daemon_killed.py BUILD: the daemon dies by SIGKILL (P7).

Whatever the programs did against it, every process of every cell is dead within a second, and the
next start removes what the dead one left behind.
"""
import os
import signal
import subprocess
import sys

from pool import Checks, descendants, groups_of, libc, members_of

PR_SET_CHILD_SUBREAPER = 36
WALL = 0x40000000
SECONDS_MAX = 1.0
STUBBORN = """
import ctypes, os, signal, time
libc = ctypes.CDLL(None)
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
libc.prctl(1, 0, 0, 0, 0)   # PR_SET_PDEATHSIG
libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
for _ in range(6):
    if os.fork() == 0:
        os.setsid()
        libc.prctl(1, 0, 0, 0, 0)
        time.sleep(1000)
os.kill(os.fork() or (time.sleep(1000) or 0), signal.SIGSTOP)
os.write(1, b"ready\\n")
time.sleep(1000)
"""


def reap_all(seconds):
    """Waits for every process that became ours. True when there is none left in time."""
    def late(*unused):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        while True:
            os.waitpid(-1, WALL)
    except ChildProcessError:
        return True
    except TimeoutError:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def kill(checks, daemon, what):
    """Ends the daemon; checks that all that it had ends with it. True when it left groups."""
    pid = daemon.pid
    count = len(descendants(pid))
    os.kill(pid, signal.SIGKILL)
    daemon.wait()
    ended = reap_all(SECONDS_MAX)
    checks.check(ended and count > 3 and not members_of(pid),
                 f"{what}: {count} processes end with it", f"{descendants(os.getpid())} live on")
    return bool(groups_of(pid))


def main():
    corral = os.path.join(sys.argv[1], "bin/corral")
    checks = Checks("P7 daemon killed")
    dead, left = [], []

    # Orphans become ours: how soon the host's own PID 1 reaps is nothing to measure by.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    daemon = subprocess.Popen([corral, "run", "-e", STUBBORN], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL)
    if checks.check(daemon.stdout.readline() == b"ready\n", "a stubborn program runs"):
        left.append(kill(checks, daemon, "in the middle of an execution"))
        dead.append(daemon.pid)
    daemon.stdout.close()

    # Under load: births, deaths and dispatches are all under way.
    for turn in range(3):
        daemon = subprocess.Popen([corral, "bench", "--streams", "4", "--workers", "8",
                                   "--seconds", "60"], stderr=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL)
        if checks.check(b"executions" in daemon.stderr.readline(), "a pool is under load"):
            left.append(kill(checks, daemon, "under load"))
            dead.append(daemon.pid)
        daemon.stderr.close()

    # Another daemon's start on this host may have swept some of them already.
    checks.check(any(left), "a dead daemon leaves its groups", "there is nothing to sweep")
    said = subprocess.run([corral, "run", "-e", "print(6 * 7)"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    checks.check(said.stdout == "42\n" and said.returncode == 0, "the next start works",
                 said.stderr)
    remain = [group for pid in dead for group in groups_of(pid)]
    checks.check(not remain, "and it sweeps", remain)
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
