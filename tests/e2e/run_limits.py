# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/run_limits.py: every limit of corral run bites, is clamped and said so, or is refused."""
from tests.harness.command import CorralTest

OPTIONS = ("timeout", "cpu-time", "memory", "pids", "output", "files", "open-files")
NONSENSE = ("-1", "0", "lots", "", "1e999G", "0x10", "5 5", "1,5", "٣")

# Option, a value beyond its caps, what is said, and a program with the verdict that the cap gives it.
CLAMPED = (
    ("timeout", "1us", "timeout 1us is outside what this pool allows; using 1 ms",
     "while True: pass", "timeout", 0.001),
    ("timeout", "2h", "timeout 2h is outside what this pool allows; using 1 h", "1", "ok", None),
    ("cpu-time", "1ns", "cpu_time 1ns is outside what this pool allows; using 1 ms",
     "while True: pass", "limit:cpu", 0.001),
    ("cpu-time", "1000h", "cpu_time 1000h is outside what this pool allows; using 1 h", "1", "ok", None),
    ("memory", "1", "memory 1 is outside what this pool allows; using 8 MiB",
     "x = b'x' * (20 << 20)", "limit:memory", 8 << 20),
    ("memory", "999999999999G", "memory 999999999999G is outside what this pool allows; using 64 GiB",
     "1", "ok", None),
    ("pids", "99999999999999999999", "pids 99999999999999999999 is outside what this pool allows; "
     "using 4096", "1", "ok", None),
    ("output", "8G", "output 8G is outside what this pool allows; using 4 GiB", "1", "ok", None),
    ("files", "1", "files 1 is outside what this pool allows; using 64 KiB",
     "open('f', 'wb').write(bytes(200000))", "limit:files", 64 << 10),
    ("files", "1T", "files 1T is outside what this pool allows; using 16 GiB", "1", "ok", None),
    ("open-files", "1", "open_files 1 is outside what this pool allows; using 16",
     "import resource\nassert resource.getrlimit(resource.RLIMIT_NOFILE) == (16, 16)", "ok", None),
    ("open-files", "100000", "open_files 100000 is outside what this pool allows; using 4096", "1", "ok",
     None),
)


class Limits(CorralTest):
    def check(self, code, verdict, *options):
        document = self.document(code, *options)
        self.assertEqual(document["verdict"], verdict, (code, options, document["stderr"]))
        return document

    def test_bite(self):
        """The same program just below its limit and just above."""
        for option, enough, little, code, verdict in (
                ("timeout", "20s", "100ms", "import signal; signal.sigtimedwait([10], 0.3)", "timeout"),
                ("cpu-time", "20s", "100ms", "import time\nwhile time.process_time() < 0.3: pass",
                 "limit:cpu"),
                ("memory", "128M", "64M", "x = b'x' * (80 << 20)", "limit:memory"),
                ("pids", "8", "7", "import threading\nstop = threading.Event()\n"
                 "crew = [threading.Thread(target=stop.wait) for i in range(7)]\n"
                 "try:\n    for one in crew: one.start()\nfinally: stop.set()", "limit:pids"),
                ("output", "100", "99", "print('x' * 99)", "limit:output"),
                ("files", "3M", "1M", "open('/tmp/f', 'wb').write(bytes(2 << 20))", "limit:files"),
                # 0, 1, 2 and the control socket are open, and so is every number below the limit.
                ("open-files", "64", "63", "held = [open('/dev/null') for i in range(60)]", "error")):
            with self.subTest(option=option):
                self.check(code, "ok", f"--{option}", enough)
                self.check(code, verdict, f"--{option}", little)

    def test_of_memory_counts_files_and_all_processes(self):
        for place in ("/tmp/f", "/workspace/f", "/dev/shm/f"):
            self.check(f"f = open('{place}', 'wb')\nwhile f.write(bytes(1 << 20)): pass", "limit:memory",
                       "--memory", "48M", "--files", "1G")
        self.check("import os, signal\nfor i in range(4):\n    if not os.fork():\n"
                   "        x = b'x' * (20 << 20); signal.pause()\nos.wait()",
                   "limit:memory", "--memory", "64M")

    def test_of_files_holds_for_all_places_together(self):
        document = self.check(
            "import errno\nfor place in '/tmp', '/workspace', '/dev/shm':\n"
            "    open(place + '/f', 'wb').write(bytes(1 << 20))\n", "limit:files", "--files", "2500K")
        self.assertIn("No space left on device", document["error"]["message"])

    def test_of_cpu_time_counts_children(self):
        self.check("import os\nfor i in range(3): os.fork()\nwhile True: pass", "limit:cpu",
                   "--cpu-time", "200ms", "--timeout", "20s")

    def test_of_output_counts_both_streams(self):
        code = "import sys; sys.stdout.write('x' * 60); sys.stderr.write('y' * 60)"
        self.check(code, "ok", "--output", "120")
        self.check(code, "limit:output", "--output", "119")

    def test_beyond_the_caps_are_clamped_and_said_so(self):
        for option, value, sentence, code, verdict, limit in CLAMPED:
            with self.subTest(option=option, value=value):
                process = self.corral("run", "--json", f"--{option}", value, "-e", code)
                self.assertEqual(process.err.decode(), f"corral: {sentence}\n")
                self.assertIn(f'"verdict":"{verdict}"', process.out.decode())
                if limit:
                    self.assertRegex(process.out.decode(), rf'"value":{limit}\b')

    def test_that_are_nonsense_are_refused_with_a_sentence(self):
        for option in OPTIONS:
            for value in NONSENSE:
                process = self.corral("run", f"--{option}={value}", "-e", "print('ran')")
                form = ("a duration such as 30s or 500ms" if option in ("timeout", "cpu-time") else
                        "a whole number" if option in ("pids", "open-files") else "a size such as 256M")
                self.assertSays(process, 2, f"corral run: {option.replace('-', '_')} cannot be '{value}': "
                                            f"give {form} above zero")
                self.assertEqual(process.out, b"")

    def test_take_the_last_of_several(self):
        self.check("while True: pass", "timeout", "--timeout", "1h", "--timeout", "100ms")
