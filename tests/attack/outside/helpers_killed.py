#!/usr/bin/env python3.11
# SPDX-License-Identifier: Apache-2.0
"""tests/attack/outside/helpers_killed.py BUILD: the template or the nursery dies or is wedged.

Under load, in one pool: each is killed, then the template is stopped, so that it does not answer.
Executions may have to wait; none may fail, and the pool must go on.
"""
import os
import re
import signal
import subprocess
import sys

from pool import Checks, helpers, wait_dead

WEDGED_SECONDS_MAX = 15  # TEMPLATE_BIRTH_NSEC_MAX and some
PROGRESS = re.compile(r"(\d+) executions")


class Load:
    """corral bench, whose progress line on stderr is the clock of this test; births all the time."""

    def __init__(self, corral):
        self.seen = 0
        self.lines = []
        self.process = subprocess.Popen(
            [corral, "bench", "--streams", "2", "--workers", "6", "--shards", "1",
             "--seconds", "24", "--reset", "replace"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self):
        text = self.process.stderr.readline()
        self.lines.append(text)
        if match := PROGRESS.search(text):
            self.seen = int(match[1])
        return text

    def until(self, is_so):
        """Reads on until it is so; False when the load has ended before."""
        while not is_so():
            if not self.line():
                return False
        return True

    def goes_on(self):
        """Whether executions are done after this moment."""
        before = self.seen
        return self.until(lambda: self.seen > before + 20)


def main():
    checks = Checks("145 helpers killed")
    load = Load(os.path.join(sys.argv[1], "bin/corral"))
    pid = load.process.pid
    checks.check(load.goes_on(), "a pool is under load", load.lines)
    for name in ("corral-python", "corral-init"):
        first = helpers(pid, name)
        if not checks.check(len(first) == 1, f"there is one {name} to kill", first):
            continue
        os.kill(first[0], signal.SIGKILL)
        checks.check(not wait_dead(first, 5), f"{name} is killed")
        checks.check(load.until(lambda: helpers(pid, name) not in ([], first)),
                     f"{name}: there is another one", load.lines[-3:])
        checks.check(load.goes_on(), f"{name}: the pool goes on", load.lines[-3:])
    stopped = helpers(pid, "corral-python")
    os.kill(stopped[0], signal.SIGSTOP)
    checks.check(not wait_dead(stopped, WEDGED_SECONDS_MAX), "a wedged template is ended")
    checks.check(load.goes_on(), "and the pool goes on", load.lines[-3:])
    load.process.stderr.close()
    report = load.process.stdout.read()
    checks.check(load.process.wait() == 0, "no execution failed", report)
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
