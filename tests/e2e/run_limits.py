# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/run_limits.py: every limit bites, is clamped and said so, or is refused."""
from tests.harness.command import CorralTest

OPTIONS = ("timeout", "cpu-time", "memory", "pids", "output", "files", "open-files", "syscalls")
NONSENSE = ("-1", "0", "lots", "", "1e999G", "0x10", "5 5", "1,5", "٣")

# Option, a value beyond its caps, what is used, a program, and the verdict that the cap gives it.
CLAMPED = (
    ("timeout", "1us", "1 ms", "while True: pass", "timeout", 0.001),
    ("timeout", "2h", "1 h", "1", "ok", None),
    ("cpu-time", "1ns", "1 ms", "while True: pass", "limit:cpu", 0.001),
    ("cpu-time", "1000h", "1 h", "1", "ok", None),
    ("memory", "1", "8 MiB", "x = b'x' * (20 << 20)", "limit:memory", 8 << 20),
    ("memory", "999999999999G", "64 GiB", "1", "ok", None),
    ("pids", "99999999999999999999", "4096", "1", "ok", None),
    ("output", "8G", "4 GiB", "1", "ok", None),
    ("files", "1", "64 KiB", "open('f', 'wb').write(bytes(200000))", "limit:files", 64 << 10),
    ("files", "1T", "16 GiB", "1", "ok", None),
    ("open-files", "1", "16", "import resource\n"
     "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (16, 16)", "ok", None),
    ("open-files", "100000", "4096", "1", "ok", None),
    ("syscalls", "2000000000000", "1000000000000", "1", "ok", None),
)


class Limits(CorralTest):
    def check(self, code, verdict, *options):
        document = self.document(code, *options)
        self.assertEqual(document["verdict"], verdict, (code, options, document["stderr"]))
        return document

    def test_bite(self):
        """The same program just below its limit and just above."""
        for option, enough, little, code, verdict in (
                ("timeout", "20s", "100ms", "import signal; signal.sigtimedwait([10], 0.3)",
                 "timeout"),
                ("cpu-time", "20s", "100ms", "import time\nwhile time.process_time() < 0.3: pass",
                 "limit:cpu"),
                ("memory", "128M", "64M", "x = b'x' * (80 << 20)", "limit:memory"),
                ("pids", "8", "7", "import threading\nstop = threading.Event()\n"
                 "crew = [threading.Thread(target=stop.wait) for i in range(7)]\n"
                 "try:\n    for one in crew: one.start()\nfinally: stop.set()", "limit:pids"),
                ("output", "100", "99", "print('x' * 99)", "limit:output"),
                ("files", "3M", "1M", "open('/tmp/f', 'wb').write(bytes(2 << 20))",
                 "limit:files"),
                # 0, 1, 2 and the control socket are open, and so is every number below the limit.
                ("syscalls", "600", "400", "import os\nfor i in range(500): os.getuid()",
                 "limit:syscalls"),
                ("open-files", "64", "63", "held = [open('/dev/null') for i in range(60)]",
                 "error")):
            with self.subTest(option=option):
                self.check(code, "ok", f"--{option}", enough)
                self.check(code, verdict, f"--{option}", little)

    def test_of_memory_counts_files_and_all_processes(self):
        for place in ("/tmp/f", "/workspace/f", "/dev/shm/f"):
            self.check(f"f = open('{place}', 'wb')\nwhile f.write(bytes(1 << 20)): pass",
                       "limit:memory", "--memory", "48M", "--files", "1G")
        self.check("import os, signal\nfor i in range(4):\n    if not os.fork():\n"
                   "        x = b'x' * (20 << 20); signal.pause()\nos.wait()",
                   "limit:memory", "--memory", "64M")

    def test_of_files_holds_for_all_places_together(self):
        document = self.check(
            "import errno\nfor place in '/tmp', '/workspace', '/dev/shm':\n"
            "    open(place + '/f', 'wb').write(bytes(1 << 20))\n",
            "limit:files", "--files", "2500K")
        self.assertIn("No space left on device", document["error"]["message"])

    def test_of_cpu_time_counts_children(self):
        self.check("import os\nfor i in range(3): os.fork()\nwhile True: pass", "limit:cpu",
                   "--cpu-time", "200ms", "--timeout", "20s")

    def test_of_output_counts_both_streams(self):
        code = "import sys; sys.stdout.write('x' * 60); sys.stderr.write('y' * 60)"
        self.check(code, "ok", "--output", "120")
        self.check(code, "limit:output", "--output", "119")

    def test_beyond_the_caps_are_clamped_and_said_so(self):
        for option, value, used, code, verdict, limit in CLAMPED:
            with self.subTest(option=option, value=value):
                process = self.corral("run", "--json", f"--{option}", value, "-e", code)
                self.assertSays(process, process.returncode, f"corral: {option.replace('-', '_')} "
                                f"{value} is outside what this pool allows; using {used}")
                self.assertIn(f'"verdict":"{verdict}"', process.out.decode())
                if limit:
                    self.assertRegex(process.out.decode(), rf'"value":{limit}\b')

    def test_that_are_nonsense_are_refused_with_a_sentence(self):
        for option in OPTIONS:
            form = ("a duration such as 30s or 500ms" if option in ("timeout", "cpu-time") else
                    "a whole number" if option in ("pids", "open-files", "syscalls") else
                    "a size such as 256M")
            for value in NONSENSE:
                process = self.corral("run", f"--{option}={value}", "-e", "print('ran')")
                self.assertSays(process, 2, f"corral run: {option.replace('-', '_')} cannot be "
                                            f"'{value}': give {form} above zero")
                self.assertEqual(process.out, b"")

    def test_take_the_last_of_several(self):
        self.check("while True: pass", "timeout", "--timeout", "1h", "--timeout", "100ms")
