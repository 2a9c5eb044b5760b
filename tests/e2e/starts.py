# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/starts.py: a start that does not get to its end, and the one after it.

A corral serve with fault points compiled in (build/faults, base/fault.h) is killed at each step of
its start, and fails at each of those of the listener. The next one, an ordinary corral with the
same socket, state directory and options, must find nothing in its way and leave nothing behind.
"""
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
from pathlib import Path

from tests.harness.command import BUILD, SECONDS_MAX, cgroups
from tests.harness.daemon import ServeTest

FAULTY = (BUILD if BUILD.name == "faults" else BUILD / "faults") / "bin/corral"
OPTIONS = ("--listen", "127.0.0.1:0")
# What a start does before it has a pool, in this order: the point, and what there is then.
STEPS = {
    "memory.region": set(),
    "token.open": {"state"},
    "token.write": {"state"},
    "token.link": {"state"},
    "server.memory": {"state", "state/token"},
    "listen.bind": {"state", "state/token"},
    "listen.listen": {"state", "state/token", "corral.sock"},
    "listen.tcp": {"state", "state/token", "corral.sock"},
    "pool.memory": {"state", "state/token", "corral.sock"},
}
# And behind the pool.
LAST_STEPS = ("server.stores", "server.shard")


class Starts(ServeTest):
    def setUp(self):
        super().setUp()
        self.assertTrue(FAULTY.exists(), f"{FAULTY} is missing: make FAULTS=1 all")

    def begin(self, plan):
        """A start with that plan: whether it got to its end, and the process."""
        shutil.rmtree(self.folder.name + "/state", ignore_errors=True)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(self.folder.name + "/notify")
        daemon = self.start("serve", "--socket", self.path, "--workers", "1",
                            "--state-dir", self.folder.name + "/state", *OPTIONS, corral=FAULTY,
                            stderr=open(self.folder.name + "/log", "wb"),
                            env={**os.environ, "CORRAL_FAULT": plan,
                                 "NOTIFY_SOCKET": self.folder.name + "/notify"})
        ended = os.pidfd_open(daemon.pid)
        readable, _, _ = select.select([notify, ended], [], [], SECONDS_MAX)
        os.close(ended)
        notify.close()
        os.unlink(self.folder.name + "/notify")
        self.assertTrue(readable, "it neither started nor ended: " + self.log())
        return notify in readable, daemon

    def left(self):
        """What lies in the folder but the log."""
        return {str(path.relative_to(self.folder.name))
                for path in Path(self.folder.name).rglob("*")} - {"log"}

    def crash(self, plan):
        """How far it came until it was killed: "start", "end"; None: it was not."""
        started, daemon = self.begin(plan)
        if started:
            daemon.send_signal(signal.SIGTERM)
        if daemon.wait(SECONDS_MAX) == 0:
            return None
        self.assertEqual(daemon.returncode, -signal.SIGKILL, self.log())
        self.orphans_await()
        return "end" if started else "start"

    def token(self):
        return Path(self.folder.name + "/state/token").read_text()

    def start_well(self, token=None):
        """An ordinary start, all that a client wants of it, and an end that leaves nothing."""
        daemon = self.serve(*OPTIONS, workers=1)
        self.assertRegex(self.token(), re.compile(r"\A[0-9a-f]{64}\Z"))
        if token:
            self.assertEqual(self.token(), token, "the whole one that stood there stays")
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
        connection = http.client.HTTPConnection("127.0.0.1", self.tcp_port(), timeout=SECONDS_MAX)
        connection.request("POST", "/v1/execute", json.dumps({"code": "print(2)"}),
                           {"Content-Type": "application/json",
                            "Authorization": "Bearer " + self.token()})
        self.assertEqual(json.loads(connection.getresponse().read())["stdout"], "2\n")
        connection.close()
        dead = {process.pid for process in self.started} - {daemon.pid}
        self.assertEqual(cgroups(dead), [], "groups of a dead one are left")
        self.end(daemon)
        self.assertEqual(self.left(), {"state", "state/token"})

    def test_that_is_killed_before_it_has_a_pool_is_in_nobodys_way(self):
        for point, left in STEPS.items():
            with self.subTest(point=point):
                self.assertEqual(self.crash(f"!{point}:1"), "start", "it is never passed")
                self.assertEqual(self.left(), left)
                self.start_well(self.token() if "state/token" in left else None)

    def test_that_is_killed_at_any_step_until_its_end_is_in_nobodys_way(self):
        steps = {"start": len(STEPS), "end": 0}  # those are the test above
        while killed_in := self.crash(f"!*:{sum(steps.values()) + 1}"):
            steps[killed_in] += 1
            with self.subTest(steps=steps):
                self.start_well()
        print(f"\n{steps}", end=" ")
        self.assertGreater(steps["start"], 2 * len(STEPS))
        self.assertGreater(steps["end"], 1)

    def test_that_fails_says_why_and_leaves_nothing(self):
        for point in (*STEPS, *LAST_STEPS):
            with self.subTest(point=point):
                started, daemon = self.begin(point + ":1")
                self.assertFalse(started, "it is never passed")
                self.assertEqual(daemon.wait(SECONDS_MAX), 125, self.log())
                said = [line for line in self.log().splitlines()
                        if line.startswith("corral serve: ")]
                self.assertEqual(len(said), 1, self.log())
                self.assertLessEqual(self.left(), {"state", "state/token"})
                if "state/token" in self.left():
                    self.assertEqual(len(self.token()), 64)
        self.start_well()
