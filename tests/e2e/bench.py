# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/bench.py: corral bench, and every program of bench/programs with its expectation."""
import json
import re
import tempfile
from pathlib import Path

from tests.harness.command import ROOT, CorralTest

PROGRAMS = ROOT / "bench/programs/python"
KEYS = ["executions", "errors", "verdicts", "per_second", "latency_usec", "workers", "streams",
        "reset", "layers"]
LAYERS = ["namespaces", "view", "ids", "cgroup", "seccomp", "landlock", "bpf-tracing"]


class Bench(CorralTest):
    def bench(self, *options, code=0):
        process = self.corral("bench", "--json", *options)
        self.assertEqual(process.returncode, code, process.err)
        self.assertEqual(process.out.count(b"\n"), 1)
        return json.loads(process.out)

    def test_tells_the_figures_of_a_closed_loop(self):
        figures = self.bench("--seconds", "1", "--workers", "6", "--streams", "3",
                             "--code", "print(1)")
        self.assertEqual(list(figures), KEYS)
        self.assertEqual(list(figures["latency_usec"]), ["p50", "p90", "p99", "p999", "max"])
        latencies = list(figures["latency_usec"].values())
        self.assertEqual(latencies, sorted(latencies))
        self.assertGreater(latencies[0], 0)
        self.assertGreater(figures["executions"], 10)
        self.assertEqual((figures["errors"], figures["workers"], figures["streams"]), (0, 6, 3))
        self.assertEqual(figures["verdicts"], {"ok": figures["executions"]})
        self.assertLessEqual(figures["per_second"], figures["executions"])
        # The first of a shard may end before its image is there.
        self.assertGreater(figures["reset"]["rewound"], figures["reset"]["replaced"])
        self.assertEqual(sum(figures["reset"].values()), figures["executions"])
        self.assertEqual(list(figures["layers"]), LAYERS)
        self.assertLessEqual(set(figures["layers"].values()), {"enforced", "degraded"})

    def test_replaces_where_it_is_told_to(self):
        figures = self.bench("--seconds", "0.3", "--workers", "2", "--reset", "replace")
        self.assertEqual(figures["reset"], {"rewound": 0, "replaced": figures["executions"]})

    def test_warms_the_modules_that_it_is_told(self):
        code = "import sys; assert 'colorsys' in sys.modules and 'asyncio' not in sys.modules"
        for options, verdict in (("--imports", "colorsys"), "ok"), ((), "error"):
            figures = self.bench("--seconds", "0.2", "--workers", "2", "--code", code, *options,
                                 code=int(verdict != "ok"))
            self.assertEqual(list(figures["verdicts"]), [verdict])

    def test_counts_what_did_not_end_as_expected(self):
        figures = self.bench("--seconds", "0.3", "--workers", "2",
                             "--code", "raise SystemExit(3)", code=1)
        self.assertEqual(figures["verdicts"], {"exit": figures["executions"]})
        self.assertEqual(figures["errors"], figures["executions"])

    def test_keeps_the_rate_of_an_open_loop(self):
        figures = self.bench("--rate", "50", "--seconds", "1", "--workers", "8", "--code", "1")
        self.assertEqual(figures["executions"], 50)
        self.assertEqual((figures["errors"], figures["streams"]), (0, 0))

    def test_gives_every_execution_its_limits(self):
        figures = self.bench("--seconds", "0.3", "--workers", "2", "--timeout", "50ms",
                             "--code", "while True: pass", code=1)
        self.assertEqual(list(figures["verdicts"]), ["timeout"])

    def test_prints_a_table_for_people(self):
        process = self.corral("bench", "--seconds", "0.3", "--workers", "2")
        self.assertEqual(process.returncode, 0)
        self.assertRegex(process.out.decode(), r"code +\d+ +[\d.]+/s .* ok \d+")
        self.assertRegex(process.out.decode(), r"pool: 2 workers on \d+ CPUs: ")
        for layer in LAYERS:
            self.assertRegex(process.out.decode(), rf"\n  {layer} +(enforced|degraded) ")

    def test_runs_a_folder_of_programs_each_as_its_header_says(self):
        figures = self.bench("--programs", str(PROGRAMS), "--seconds", "4", "--streams", "4",
                             "--workers", "8")
        self.assertEqual(figures["errors"], 0, figures["verdicts"])
        self.assertGreaterEqual(figures["executions"], len(list(PROGRAMS.glob("*.py"))))
        self.assertEqual(set(figures["verdicts"]), {
            "ok", "error", "exit", "signal", "timeout", "limit:cpu", "limit:memory",
            "limit:output"})

    def test_refuses_what_makes_no_sense(self):
        number = "give a number from"
        for options, code, sentence in (
                (("--streams", "0"), 2, f"--streams cannot be '0': {number} 1 to 4096"),
                (("--seconds", "soon"), 2, f"--seconds cannot be 'soon': {number} 0.1 to 86400"),
                (("--rate", "nan"), 2, f"--rate cannot be 'nan': {number} 0.01 to 1e+06"),
                (("--workers", "-1"), 2, f"--workers cannot be '-1': {number} 1 to 16384"),
                (("--code", "1", "--programs", "/"), 2, "give --code or --programs, not both"),
                (("--programs", "/no/such"), 125,
                 "cannot read the folder /no/such: No such file or directory"),
                (("--runtime", "perl"), 125, "there is no runtime 'perl': give python")):
            self.assertSays(self.corral("bench", *options), code, f"corral bench: {sentence}")

    def test_refuses_a_folder_that_is_none_of_programs(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertSays(self.corral("bench", "--programs", folder), 125,
                            f"corral bench: there is no *.py in the folder {folder}")
            Path(folder, "odd.py").write_text("# expect: verdict=ok limits=speed:3\n")
            self.assertSays(self.corral("bench", "--programs", folder), 125,
                            "corral bench: odd.py: its first line names no limit in 'speed:3'")


class Programs(CorralTest):
    """One test a program, made below."""

    def check(self, path):
        text = path.read_text()
        expected = dict(field.split("=", 1) for field in
                        re.match(r"# expect: (.*)\n", text)[1].split())
        limits = [f"--{limit.split(':')[0].replace('_', '-')}={limit.split(':')[1]}"
                  for limit in expected.get("limits", "").split(",") if limit]
        process = self.corral("run", "--json", *limits, str(path))
        document = json.loads(process.out)
        self.assertEqual(document["verdict"], expected["verdict"], document["stderr"])
        if "name" in expected:
            self.assertEqual(document["error"]["name"], expected["name"])
        for field, name in (("code", "exit_code"), ("signal", "signal")):
            if field in expected:
                self.assertEqual(document[name], int(expected[field]))
        if first := re.search(r"^# stdout: (.*)$", text, re.M):
            self.assertEqual(document["stdout"].partition("\n")[0], first[1])


def add_tests():
    for path in sorted(PROGRAMS.glob("*.py")):
        setattr(Programs, f"test_{path.stem}", lambda self, path=path: self.check(path))


add_tests()
