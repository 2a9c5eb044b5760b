# SPDX-License-Identifier: Apache-2.0
"""tests/harness/command.py: corral as a child process, and what it must not leave behind.

This process is the reaper of orphans: whatever a corral leaves alive becomes our child and is seen
here. After each test nothing may be left of any corral that it started: no process, no control
group, no mount. Every wait has a limit, and none waits for time to pass.
"""
import ctypes
import json
import os
import signal
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CORRAL_BUILD", ROOT / "build"))
CORRAL = BUILD / "bin/corral"
SECONDS_MAX = 60  # of one command

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cgroups(pids):
    """The directories corral.PID.START of these processes, in every hierarchy."""
    return [f"{folder}/{name}" for folder, names, _ in os.walk("/sys/fs/cgroup") for name in names
            if name.startswith("corral.") and int(name.split(".")[1]) in pids]


def mounts():
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def children():
    """Our children, the living and the dead that nobody waited for."""
    return [int(pid) for task in Path("/proc/self/task").iterdir()
            for pid in (task / "children").read_text().split()]


class CorralTest(unittest.TestCase):
    def setUp(self):
        self.started = []
        self.mounts = mounts()

    def tearDown(self):
        running = [process for process in self.started if process.poll() is None]
        for process in running:
            process.kill()
        if running:
            self.orphans_await()
        for process in self.started:
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.assertEqual([process.args for process in running], [], "still running")
        left = [(pid, Path(f"/proc/{pid}/cmdline").read_text()) for pid in children()]
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(left, [], "processes are left")
        self.assertEqual(cgroups({process.pid for process in self.started}), [], "groups are left")
        self.assertEqual(mounts() - self.mounts, set(), "mounts are left")

    def start(self, *arguments, prefix=(), corral=CORRAL, **options):
        """A corral that runs; pipes for its streams unless the options say otherwise."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen([*prefix, str(corral), *arguments], **options)
        self.started.append(process)
        return process

    def corral(self, *arguments, input=None, **options):
        """Runs it to its end: the process, with stdout and stderr as bytes."""
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*arguments, **options)
        process.out, process.err = process.communicate(input, timeout=SECONDS_MAX)
        return process

    def evaluate(self, code, *options, **how):
        return self.corral("run", *options, "-e", code, **how)

    def document(self, code, *options, **how):
        """The result of --json."""
        process = self.evaluate(code, "--json", *options, **how)
        self.assertEqual(process.err, b"")
        self.assertEqual(process.out.count(b"\n"), 1)
        document = json.loads(process.out)
        document["_code"] = process.returncode
        return document

    def assertSays(self, process, code, *lines):
        """The exit code, and on stderr these lines of ours and no other."""
        said = [line for line in process.err.decode().splitlines() if line.startswith("corral")]
        self.assertEqual((process.returncode, said), (code, list(lines)), process.err.decode())

    def orphans_await(self):
        """Until every orphan that came to us has ended."""
        signal.alarm(SECONDS_MAX)
        try:
            while True:
                os.waitpid(-1, 0x40000000)  # __WALL: children without an exit signal as well
        except ChildProcessError:
            pass
        finally:
            signal.alarm(0)
