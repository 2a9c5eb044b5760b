# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/degrade.py: --reset rewind and auto on a machine that cannot: no BPF, or a kernel that does
not tell which pages were written.

The same programs give the same bytes, each worker is replaced, and it is told why, once.
"""
import json
import sys
from pathlib import Path

from tests.harness.daemon import ServeTest

REFUSING = Path(__file__).parents[1] / "harness/refusing.py"
PAGEMAP_SCAN = "0xc0606610"  # _IOWR('f', 16, struct pm_scan_arg), 96 bytes

# What the first leaves, and what the second must print.
LEAVINGS = (
    ("left = 1", "print('left' in globals())", "False\n"),
    ("import builtins; builtins.print = None", "print('here')", "here\n"),
    ("import sys; sys.setrecursionlimit(50)", "import sys; print(sys.getrecursionlimit())", "1000\n"),
    ("import os; os.environ['LEFT'] = '1'", "import os; print('LEFT' in os.environ)", "False\n"),
    ("import os; os.chdir('/tmp'); os.umask(0)",
     "import os; print(os.getcwd(), os.umask(0))", "/workspace 18\n"),
    ("open('/tmp/left', 'w').write('x')", "import os; print(os.listdir('/tmp'))", "[]\n"),
    ("import signal; signal.alarm(100)", "import signal; print(signal.alarm(0))", "0\n"),
    ("x = bytearray(32 << 20)", "print(sum(bytearray(1 << 20)))", "0\n"),
)


class Degraded(ServeTest):
    prefix = ()

    def start(self, *arguments, **options):
        return super().start(*arguments, prefix=self.prefix, **options)

    def metric(self, name):
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

    def run_all(self):
        """What became of the workers."""
        resets = []
        for first, second, output in LEAVINGS:
            for code, expected in ((first, ""), (second, output)):
                answer = self.execute(code).json
                self.assertEqual((answer["verdict"], answer["stdout"]), ("ok", expected), answer)
                resets.append(answer["reset"])
        return resets

    def replaces_each(self, reset, why, *options):
        for policy in ("rewind", "auto"):
            daemon = self.serve("--reset", policy, "--shards", "1", *options, workers=1)
            self.assertEqual(set(self.run_all()), {reset})
            self.assertEqual([self.metric(name) for name in (
                "corral_images", "corral_rewinds_total", "corral_rewind_failures_total",
                "corral_birth_failures_total", "corral_quarantined_total")], [0] * 5)
            self.end(daemon)
            said = [json.loads(line) for line in self.log().splitlines()]
            told = [line["message"] for line in said if "rewound" in line["message"]]
            self.assertEqual(len(told), 1, said)
            self.assertIn("no worker can be rewound, each is replaced", told[0])
            self.assertIn(why, told[0])
            self.assertEqual([line["level"] for line in said if line["message"] in told], ["warning"])

    def test_nothing_is_missing_here(self):
        """Else the others show nothing."""
        daemon = self.serve("--reset", "rewind", "--shards", "1", workers=1)
        resets = self.run_all()
        self.assertIn("rewind", resets)
        self.assertEqual(self.metric("corral_images"), 1)
        self.assertGreater(self.metric("corral_rewinds_total"), 0)
        self.end(daemon)

    def test_without_bpf(self):
        self.replaces_each("replace:kernel", "bpf-tracing is absent", "--without", "bpf")

    def test_without_bpf_replacing_is_no_news(self):
        daemon = self.serve("--without", "bpf", "--reset", "replace", workers=1)
        self.end(daemon)
        self.assertNotIn("rewound", self.log())

    def test_without_written_pages(self):
        for error in ("ENOSYS", "ENOTTY"):
            self.prefix = (sys.executable, str(REFUSING), PAGEMAP_SCAN, error)
            self.replaces_each("replace:image", "pages")

    def test_the_doctor_knows(self):
        for prefix, state in (((), "ok"), ((sys.executable, str(REFUSING), PAGEMAP_SCAN, "ENOTTY"), "degraded")):
            self.prefix = prefix
            found = {each["name"]: each for each in json.loads(self.corral("doctor", "--json").out)["findings"]}
            self.assertEqual(found["written pages"]["state"], state)
            if prefix:
                self.assertIn("each is replaced", found["written pages"]["advice"])
