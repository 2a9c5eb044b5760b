# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/watch.py: corral status --watch, and the socket that every client command takes."""
import json
import os
import pty
import signal

from tests.harness.daemon import ServeTest
from tests.harness.command import SECONDS_MAX


class Watch(ServeTest):
    """corral status --watch."""

    def watch(self, *options, **how):
        return self.start("status", "--socket", self.path, *options, **how)

    def stop(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(SECONDS_MAX), 0)

    def test_prints_a_line_each_time_with_rates_from_the_second_on(self):
        daemon = self.serve()
        process = self.watch("--watch=0.1")
        # The second worker may still be born.
        self.assertRegex(process.stdout.readline(),
                         rb"^[12] idle, 0 busy, [01] resetting, 0 dead, 0 waiting\n$")
        for _ in range(5):
            self.execute("print(1)")
        for line in process.stdout:
            if b"; ok " in line:
                break
        self.assertRegex(line.decode(), r"waiting; [\d.]+ executions/s, p50 [\d.]+ [mu]?s, "
                         r"p99 [\d.]+ [mu]?s; ok [\d.]+/s\n$")
        self.stop(process)
        self.end(daemon)

    def test_prints_documents(self):
        daemon = self.serve()
        process = self.watch("--watch", "0.1", "--json")
        first = json.loads(process.stdout.readline())
        self.assertIsNone(first["executions_per_second"])
        self.assertEqual(first["pool"]["templates"]["python"]["total"], 2)
        self.assertIsNone(first["execution_seconds"]["p50"])
        for _ in range(4):
            self.execute("raise SystemExit(3)")
        begun = 0
        for document in map(json.loads, process.stdout):
            begun += document["executions_per_second"]
            if document["verdicts_per_second"]["exit"]:
                break
        self.assertGreater(begun, 0)
        self.assertEqual(document["verdicts_per_second"]["ok"], 0)
        self.assertGreater(document["execution_seconds"]["p50"], 0)
        self.assertGreaterEqual(document["execution_seconds"]["p99"],
                                document["execution_seconds"]["p50"])
        self.stop(process)
        self.end(daemon)

    def test_survives_the_daemon(self):
        daemon = self.serve()
        process = self.watch("--watch=0.1")
        process.stdout.readline()
        process.stdout.readline()
        self.end(daemon)
        while b"cannot reach the daemon at" not in process.stdout.readline():
            pass
        daemon = self.serve()
        while (line := process.stdout.readline()) != b"the daemon was started anew; rates begin again\n":
            self.assertTrue(line)
        self.assertNotIn(b"executions/s", process.stdout.readline())
        self.assertIn(b"executions/s", process.stdout.readline())
        self.stop(process)
        self.end(daemon)

    def test_draws_in_place_on_a_terminal(self):
        daemon = self.serve()
        leader, follower = pty.openpty()
        process = self.watch("-w0.1", stdout=follower, stdin=follower)
        seen = b""
        while seen.count(b"\x1b[J") < 3:
            seen += os.read(leader, 65536)
        frames = seen.replace(b"\r\n", b"\n").split(b"\x1b[J")
        text = frames[1].split(b"\x1b[?7h")[0].removeprefix(b"\x1b[?7l").decode()
        lines = text.count("\n")
        # Each frame begins where the one before did.
        self.assertIn(f"\x1b[{lines}A".encode(), frames[1])
        self.assertTrue(text.startswith("daemon      corral "), text)
        self.assertRegex(text, r"\nworkers     2 python: [12] idle, 0 busy")
        self.assertIn("\nrates       0.0 executions/s, p50 -, p99 -\n", text)
        self.assertTrue(text.endswith("\nverdicts    no verdicts\n"), text)
        self.assertEqual(seen.count(b"\x1b[?7l"), seen.count(b"\x1b[?7h"))
        self.stop(process)
        os.close(leader)
        os.close(follower)
        self.end(daemon)

    def test_ends_when_nobody_reads(self):
        daemon = self.serve()
        process = self.watch("--watch=0.05")
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(SECONDS_MAX), 0)
        self.end(daemon)

    def test_refuses_what_makes_no_sense(self):
        for options, sentence in (
                (("--watch=0",), "--watch cannot be '0': give seconds from 0.05 to 3600"),
                (("--watch", "soon"), "--watch cannot be 'soon': give seconds from 0.05 to 3600")):
            self.assertSays(self.corral("status", *options), 2, "corral status: " + sentence)
        for options in (("5",), ("--watch=1", "2")):
            self.assertEqual(self.corral("status", *options).returncode, 2)

    def test_every_client_command_takes_the_socket(self):
        for command in (("exec", "-e", "1"), ("status",), ("drain",)):
            for options, environment in ((("--socket", self.path + ".no"), {}),
                                         ((), {"CORRAL_SOCKET": self.path + ".no"})):
                process = self.corral(*command[:1], *options, *command[1:],
                                      env={**os.environ, **environment})
                self.assertEqual(process.returncode, 125)
                self.assertIn(f"cannot reach the daemon at {self.path}.no:".encode(), process.err)
