# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/bench_daemon.py: corral bench --socket: the same figures, through the daemon."""
import json
import os
import re
import socket
import subprocess
import threading

from tests.e2e.bench import KEYS, LAYERS, PROGRAMS
from tests.harness.daemon import ServeTest
from tests.harness.command import ROOT, SECONDS_MAX


class BenchDaemon(ServeTest):
    workers, options = 8, ()

    def setUp(self):
        super().setUp()
        self.daemon = self.serve(*self.options, workers=self.workers)

    def tearDown(self):
        self.end(self.daemon)
        super().tearDown()

    def bench(self, *options, code=0):
        process = self.corral("bench", "--json", "--socket", self.path, *options)
        self.assertEqual(process.returncode, code, process.err)
        self.assertEqual(process.out.count(b"\n"), 1)
        return json.loads(process.out)

    def executions(self):
        return self.ask("GET", "/v1/pool").json["executions"]

    def test_has_the_keys_of_an_embedded_one_and_counts_what_the_daemon_did(self):
        figures = self.bench("--seconds", "1", "--streams", "3", "--code", "print(1)")
        self.assertEqual(list(figures), KEYS)
        latencies = list(figures["latency_usec"].values())
        self.assertEqual(latencies, sorted(latencies))
        self.assertGreater(latencies[0], 0)
        self.assertEqual(figures["executions"], self.executions())
        self.assertGreater(figures["executions"], 10)
        self.assertEqual(figures["verdicts"], {"ok": figures["executions"]})
        self.assertEqual((figures["errors"], figures["workers"], figures["streams"]), (0, 8, 3))
        # The first of a shard may end before its image is there.
        self.assertGreater(figures["reset"]["rewound"], figures["reset"]["replaced"])
        self.assertEqual(sum(figures["reset"].values()), figures["executions"])
        self.assertEqual(list(figures["layers"]), LAYERS)
        self.assertEqual(figures["layers"], self.ask("GET", "/v1/pool").json["layers"])

    def test_keeps_one_connection_a_stream(self):
        process = self.start("bench", "--json", "--socket", self.path, "--seconds", "1.5",
                             "--streams", "3")
        while self.executions() < 20:
            pass
        # Ours is not kept.
        most = max(len([name for name in os.listdir(f"/proc/{self.daemon.pid}/fd")
                        if self.is_connection(name)]) for _ in range(20))
        out, _ = process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 0)
        self.assertGreater(json.loads(out)["executions"], 3)
        self.assertLessEqual(most, 3 + 1)
        self.assertGreaterEqual(most, 3)

    def is_connection(self, name):
        """Of this socket: accepted ones have its path, as /proc/net/unix tells, in state 03."""
        try:
            inode = os.readlink(f"/proc/{self.daemon.pid}/fd/{name}")
        except OSError:
            return False
        with open("/proc/net/unix") as table:
            return any(f" {inode[8:-1]} {self.path}" in line and " 03 " in line for line in table
                       ) if inode.startswith("socket:") else False

    def test_keeps_the_rate_of_an_open_loop(self):
        figures = self.bench("--rate", "40", "--seconds", "1", "--code", "1")
        self.assertEqual(figures["executions"], 40)
        self.assertEqual((figures["errors"], figures["streams"]), (0, 0))

    def test_expects_and_limits_as_an_embedded_one(self):
        figures = self.bench("--seconds", "0.3", "--code", "raise SystemExit(3)", code=1)
        self.assertEqual(figures["verdicts"], {"exit": figures["executions"]})
        self.assertEqual(figures["errors"], figures["executions"])
        figures = self.bench("--seconds", "0.3", "--timeout", "50ms", "--code", "while True: pass",
                             code=1)
        self.assertEqual(list(figures["verdicts"]), ["timeout"])

    def test_runs_a_folder_of_programs_each_as_its_header_says(self):
        figures = self.bench("--programs", str(PROGRAMS), "--seconds", "4", "--streams", "4")
        self.assertEqual(figures["errors"], 0, figures["verdicts"])
        self.assertGreaterEqual(figures["executions"], len(list(PROGRAMS.glob("*.py"))))

    def test_is_not_misled_by_what_a_program_prints(self):
        figures = self.bench("--seconds", "0.3", "--code",
                             "import sys\nprint('\"verdict\":\"timeout\"')\n{'verdict': 'lost'}")
        self.assertEqual(list(figures["verdicts"]), ["ok"])

    def test_sends_a_program_that_is_larger_than_a_sockets_buffer(self):
        figures = self.bench("--seconds", "0.3", "--code", "'" + "x" * 100_000 + "'; print(1)")
        self.assertEqual(list(figures["verdicts"]), ["ok"])

    def test_prints_a_table_for_people(self):
        process = self.corral("bench", "--socket", self.path, "--seconds", "0.3")
        self.assertEqual(process.returncode, 0)
        self.assertRegex(process.out.decode(), r"code +\d+ +[\d.]+/s .* ok \d+")
        self.assertRegex(process.out.decode(), r"pool: 8 workers on \d+ CPUs: ")

    def test_refuses_what_makes_no_sense(self):
        self.assertSays(
            self.corral("bench", "--socket", self.path, "--workers", "3"), 2,
            "corral bench: --workers, --shards, --imports, --reset, --verify and --without are the "
            "daemon's own: give them without --socket")
        process = self.corral("bench", "--socket", self.path, "--code", "1", "--runtime", "perl")
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"the daemon refused (400): ", process.err)
        process = self.corral("bench", "--socket", self.path + "x")
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"cannot reach the daemon at", process.err)

    def test_says_when_the_daemon_goes_away(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path + ".mute")
            listener.listen()

            def hang_up():
                client, _ = listener.accept()
                client.recv(1000)
                client.close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            process = self.corral("bench", "--socket", self.path + ".mute")
            thread.join()
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"the daemon closed the connection before its answer", process.err)

    def test_and_embedded_are_compared_by_the_bench(self):
        said = subprocess.run(
            [ROOT / "bench/daemon_overhead", "--build", os.environ.get("CORRAL_BUILD", "build"),
             "--rounds", "1", "--seconds", "0.3", "--workers", "4", "--idle", "20"],
            capture_output=True, timeout=SECONDS_MAX, cwd=ROOT)
        self.assertEqual(said.returncode, 0, said.stderr)
        figures = json.loads(said.stdout)
        self.assertEqual(figures["bench"], "daemon_overhead")
        self.assertTrue(re.fullmatch(r"[\d.]+", figures["kernel"].split("-")[0]))
        for streams in ("1", "2"):
            one = figures["streams"][streams]
            for side in ("embedded", "daemon", "daemon_idle"):
                self.assertGreater(one[side]["per_second"], 1, one)
            self.assertAlmostEqual(one["throughput_ratio"], one["daemon"]["per_second"]
                                   / one["embedded"]["per_second"], delta=0.01)
