# SPDX-License-Identifier: Apache-2.0
"""tests/attack/outside/pool.py: what the tests from outside know of a running corral.

Processes are found by their parent and by their cgroup, waited for by pidfd, and ended by their
number alone.
"""
import ctypes
import glob
import os
import select
import time

libc = ctypes.CDLL(None)


def status_of(pid):
    """/proc/PID/status as a dictionary; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}


def descendants(pid):
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parent = status_of(name).get("PPid")
            children.setdefault(parent, []).append(int(name))
    found, pending = [], [pid]
    while pending:
        more = children.get(str(pending.pop()), [])
        found += more
        pending += more
    return found


def helpers(pid, name):
    """Children of the daemon called `name` that are in its own pid namespace."""
    return [child for child in descendants(pid)
            if (status := status_of(child)).get("Name") == name
            and len(status.get("NSpid", "").split()) == 1]


def groups_of(pid):
    return glob.glob(f"/sys/fs/cgroup/**/corral.{pid}.*", recursive=True)


def members_of(pid):
    """Every process in the daemon's groups."""
    found = set()
    for group in groups_of(pid):
        for file in glob.glob(f"{group}/**/cgroup.procs", recursive=True):
            try:
                with open(file) as lines:
                    found.update(map(int, lines))
            except OSError:
                pass
    return found - {0}


def wait_dead(pids, seconds):
    """Waits for all of them to end; those that did not."""
    due = time.monotonic() + seconds
    alive = []
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(max(0, due - time.monotonic()) * 1000):
            alive.append(pid)
        os.close(fd)
    return alive


class Checks:
    """Prints a line for each fact, and at the end the sum."""

    def __init__(self, title):
        self.title, self.passed, self.failed = title, 0, 0

    def check(self, fact, what, otherwise=""):
        print(f"{'ok  ' if fact else 'FAIL'} {self.title:34} {what}"
              f"{'' if fact else ': ' + str(otherwise)}", flush=True)
        self.passed, self.failed = self.passed + bool(fact), self.failed + (not fact)
        return fact

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed > 0
