# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/pressure.py: memory runs out for all that Corral is, and for no execution by itself.

A corral serve lives in a memory group of the test's own with less room than its executions together
want, each of which stays below its own limit. Row 144 of the attacks: the kernel takes workers, not
the daemon, its templates or nurseries, and whom it takes gets the one verdict that is true.
"""
import errno
import json
import os
import unittest
from pathlib import Path

from tests.harness.daemon import Answer, ServeTest

MIB = 1 << 20
WORKERS = 6
ROOM = 192 * MIB
# Of each execution: below its own limit, and more than twice the room together.
HELD, LIMIT = 96 * MIB, "160M"
WHOLE = f"held = bytearray(b'x') * {HELD}\nimport signal\nsignal.pause()"
# Smaller, each of them, than the daemon.
PARTS = f"""
import os, signal
for _ in range(12):
    if os.fork() == 0:
        held = bytearray(b'x') * ({HELD} // 12)
        signal.pause()
os.wait()
raise SystemExit(9)
"""
ADJUST = """
import os
before = int(open("/proc/self/oom_score_adj").read())
for wanted in (-1000, -999, -1, 0, 1, 500, 999, 1000):
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(wanted))
        break
    except OSError as refusal:
        errno = refusal.errno
after = int(open("/proc/self/oom_score_adj").read())
[before, after, errno]
"""


def memory_group():
    """The directory of our own group in the v1 memory hierarchy, or None."""
    path = next((line.split(":", 2)[2] for line in
                 Path("/proc/self/cgroup").read_text().splitlines()
                 if "memory" in line.split(":")[1].split(",")), None)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if path is not None and rest.startswith("cgroup ") and "memory" in rest.split()[2].split(","):
            root, point = fields.split()[3:5]
            return Path(point + "/" + path.removeprefix(root))
    return None


@unittest.skipUnless(memory_group(), "memory is not counted by cgroup v1 here")
class Pressure(ServeTest):
    def setUp(self):
        super().setUp()
        self.group = memory_group() / f"corral-test.{os.getpid()}"
        self.group.mkdir()
        self.addCleanup(self.group_remove)

    def group_remove(self):
        """And what a daemon that did not end by itself has left below it."""
        for folder, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(folder)

    def start(self, *arguments, **options):
        """In the group, with all that it starts."""
        return super().start(*arguments, preexec_fn=lambda: self.write("cgroup.procs", 0), **options)

    def write(self, name, value):
        with open(self.group / name, "w", encoding="ascii") as file:
            file.write(str(value))

    def read(self, name):
        return int((self.group / name).read_text())

    def serve_short(self):
        """A daemon that has little room beyond what it has taken."""
        daemon = self.serve("--shards", "2", "--memory", LIMIT, workers=WORKERS)
        self.idle_await()
        self.write("memory.limit_in_bytes", self.read("memory.usage_in_bytes") + ROOM)
        return daemon

    def idle_await(self):
        """Until all workers are idle, and so every cell before them is gone."""
        while self.ask("GET", "/v1/pool").json["templates"]["python"]["idle"] != WORKERS:
            pass

    def helpers(self, daemon):
        """Templates and nurseries: those of its processes that are in no cell."""
        found = set()
        for task in Path(f"/proc/{daemon.pid}/task").iterdir():
            for pid in (task / "children").read_text().split():
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue  # a worker that is gone by now
                if f"\nNSpid:\t{pid}\n" in status:
                    found.add(pid)
        return found

    def running(self):
        return self.ask("GET", "/v1/executions").json["executions"]

    def crowd(self, code):
        """As many as there are workers at one time; those that are left are ended."""
        waiting = [self.begin(code) for _ in range(WORKERS)]
        while len(running := self.running()) > ROOM // HELD:
            pass
        for one in running:
            self.ask("DELETE", "/v1/executions/" + one["id"])
        answers = []
        for connection in waiting:
            answers.append(Answer(connection.getresponse()))
            connection.close()
        return [answer.json for answer in answers]

    def expect_short(self, code, rounds):
        daemon = self.serve_short()
        for _ in range(rounds):
            documents = self.crowd(code)
            for document in documents:
                self.assertIn(document["verdict"], ("lost", "cancelled"), document)
                if document["verdict"] == "lost":
                    self.assertIn("ran out of memory", document["reason"])
                    self.assertIsNone(document["limit"])
            lost = [document for document in documents if document["verdict"] == "lost"]
            self.assertGreaterEqual(len(lost), WORKERS - ROOM // HELD)
            self.assertEqual(self.execute("print(1)").json["verdict"], "ok")
        # Of its own limit an execution hears even there, once there is room for that much.
        self.idle_await()
        own = self.execute(WHOLE, limits={"memory": "64M"}).json
        self.assertEqual(own["verdict"], "limit:memory", own)
        self.assertEqual(own["limit"]["value"], 64 * MIB)
        self.idle_await()
        for killed in ("template is gone: it ended", "the nursery ended"):
            self.assertNotIn(killed, self.log())
        self.end(daemon)

    def test_of_large_programs_takes_them_and_nothing_else(self):
        self.expect_short(WHOLE, rounds=3)

    def test_of_many_small_processes_takes_them_and_nothing_else(self):
        self.expect_short(PARTS, rounds=1)

    def test_finds_no_worker_that_made_itself_safer_than_the_daemon(self):
        daemon = self.serve("--shards", "2")
        own = int(Path(f"/proc/{daemon.pid}/oom_score_adj").read_text())
        # The kernel itself would let it go as far as the daemon's own: its /proc is read-only.
        self.assertEqual(json.loads(self.execute(ADJUST).json["result"]["text"]),
                         [1000, 1000, errno.EROFS])
        self.assertEqual(len(self.helpers(daemon)), 4)
        for pid in self.helpers(daemon):
            self.assertEqual(int(Path(f"/proc/{pid}/oom_score_adj").read_text()), own)
        self.end(daemon)
