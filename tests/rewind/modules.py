#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""tests/rewind/modules.py [quick | PATTERN…]: is Python in a rewound worker Python? Needs root.

Modules of Python's own tests (Debian's libpython3.11-testsuite) run as programs in a corral serve
--verify --reset rewind of one worker, which proves each rewind (pool/proof.c): each once in a fresh
worker ("reset": "replace"), then twice in one that was just rewound. Which tests ran, failed and
were skipped must be the same: some fail in any cell, and then they fail here and there. Behind each
run a program that looks around (look.py) must see what it sees in a fresh worker. Fails on any
mismatch, any difference, and any verdict but `ok`: none of ours, and none of the module's.

What takes long is run in parts, each an execution of its own; resources of the suite (network, much
CPU) are not asked for. `quick` is the dozen of `make test`; with patterns, those whose names contain
one. test_sqlite3 is in no package of Debian 12. Ends with "N passed, M failed".
"""
import collections
import json
import re
import sys
import time
import unittest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))
from tests.harness.daemon import ServeTest  # noqa: E402

HERE, SUITE = Path(__file__).parent, Path("/usr/lib/python3.11/test")
PROGRAM = (HERE / "module.py").read_text()
LOOK = (HERE / "look.py").read_text() + "\nos.fstat(3).st_ino"
FIRST = "import os\nos.fstat(3).st_ino"  # leaves nothing: its worker is rewound
# The same for all: whoever lowered a hard limit is no worker for others.
LIMITS = {"timeout": 240, "cpu_time": 200, "memory": "1G", "pids": 128, "output": "16M", "files": "256M"}
SECONDS_MAX = LIMITS["timeout"] + 20  # of one answer
MODULES_MIN = 70
STAYED_PART_MIN = 0.4  # of the runs
TOLD_MAX = 2000  # characters of one failure

QUICK = """
    list dict tuple sort re json bytes float memoryio contextlib struct dataclasses
""".split()
MODULES = """
    list dict json re asyncio.test_queues asyncio.test_locks asyncio.test_tasks asyncio.test_subprocess
    subprocess signal threading abc array asyncgen atexit augassign base64 baseexception binascii binop bisect
    bool bufio builtin bytes call class cmath cmd code codeccallbacks codecs codeop collections colorsys compare
    complex configparser contains context contextlib contextlib_async copy copyreg coroutines csv ctypes
    dataclasses datetime dbm_dumb decorators defaultdict deque descr dictviews difflib dis dynamic enum
    enumerate except_star exception_group exceptions extcall fcntl file filecmp fileinput fileio float fnmatch
    format fractions frame fstring funcattrs functools gc generators genericalias genericpath genexps getopt
    gettext glob grammar graphlib gzip hashlib heapq hmac html htmlparser index inspect int ipaddress isinstance
    iter keyword linecache locale long marshal math memoryio memoryview minidom mmap named_expressions
    numeric_tower opcache operator optparse ordered_dict pathlib patma picklebuffer pickletools pkgutil plistlib
    popen posixpath pow pprint print property pulldom pwd pyexpat queue quopri raise random range repl reprlib
    richcmp sax sched scope secrets select set shelve shlex shutil slice sort stat statistics string strptime
    strtod struct super symtable syntax sys tabnanny tempfile textwrap thread threading_local time tokenize
    traceback tuple types typing unicode unpack unparse urlparse userdict userlist userstring uuid weakref
    weakset with yield_from zipfile zlib
""".split()
# In so many executions.
PARTS = {"asyncio.test_tasks": 4, "asyncio.test_subprocess": 4, "subprocess": 6, "signal": 6, "threading": 6,
         "weakref": 4, "re": 4, "json": 4, "bytes": 4, "contextlib": 4, "struct": 4}


class Run(NamedTuple):
    worker: int
    numbers: dict
    reset: str
    told: str


class Modules(ServeTest):
    names = MODULES

    def setUp(self):
        super().setUp()
        self.resets, self.wrong = collections.Counter(), []
        self.tests, self.runs, self.stayed = 0, 0, 0

    def answer(self, code, **fields):
        """Through a connection of its own, which waits longer than the usual ones."""
        connection = self.connection()
        connection.connect()
        connection.sock.settimeout(SECONDS_MAX)
        document = self.execute(code, connection, limits=LIMITS, **fields).json
        connection.close()
        if document.get("verdict") != "ok":
            raise ValueError(f"it did not end well: {str(document)[-TOLD_MAX:]}")
        return document

    def run_part(self, arguments, **fields):
        document = self.answer(PROGRAM, args=arguments, **fields)
        value = document["result"]["json"]
        if value["unloaded"] or not value["numbers"]["ran"]:
            raise ValueError(f"it proves nothing: {value}")
        return Run(value["worker"], value["numbers"], document["reset"], value["told"])

    def looked(self, worker):
        """Whether it was that worker in which a program looked around, and saw no one's traces."""
        document = self.answer(LOOK)
        seen = json.loads(document["stdout"])
        for what in {**seen, **self.fresh}:
            if seen.get(what) != self.fresh.get(what):
                self.wrong.append(
                    f"{self.name}: it left {what}: {seen.get(what)}, in a fresh worker {self.fresh.get(what)}")
        return document["result"]["json"] == worker

    def rewound(self, arguments, reference):
        """One run in a worker that served before and was rewound."""
        first = self.answer(FIRST)
        run = self.run_part(arguments)
        self.runs += 1
        self.resets[run.reset] += 1
        if (first["reset"], first["result"]["json"]) != ("rewind", run.worker):
            self.wrong.append(f"{self.name}: it ran in no rewound worker ({first['reset']})")
        if run.numbers != reference.numbers:
            self.wrong.append(f"{self.name}: {self.difference(reference, run)}")
        self.stayed += self.looked(run.worker)

    @staticmethod
    def difference(reference, run):
        return "; ".join(f"{what}: fresh {reference.numbers[what]}, rewound {run.numbers[what]}"
                         for what in run.numbers if reference.numbers[what] != run.numbers[what]) + run.told

    def run_module(self, name):
        parts = PARTS.get(name, 1)
        begun, resets = time.monotonic(), self.resets.copy()
        tests = 0
        for part in range(1, parts + 1):
            self.name = f"test_{name} {part}/{parts}"
            arguments = [name, str(part), str(parts)]
            try:
                reference = self.run_part(arguments, reset="replace")
                tests += reference.numbers["ran"]
                for _ in range(2):
                    self.rewound(arguments, reference)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.wrong.append(f"{self.name}: {error!r}")
        self.tests += tests
        print(f"{name:24} {tests:5} tests {time.monotonic() - begun:6.1f} s  {dict(self.resets - resets)}", flush=True)

    def test_say_the_same_in_a_rewound_worker_as_in_a_fresh_one(self):
        self.assertTrue((SUITE / "test_list.py").exists(), "libpython3.11-testsuite is missing: run tools/install-deps")
        daemon = self.serve("--shards", "1", "--verify", "--reset", "rewind", "--log-level", "debug", workers=1)
        self.fresh = json.loads(self.answer(LOOK)["stdout"])
        print()
        for name in self.names:
            self.run_module(name)
        pool = self.ask("GET", "/v1/pool").json
        self.end(daemon)
        log = self.log()
        instead = collections.Counter(re.findall("worker could not be rewound: ([^\"]*)", log))
        print(f"{len(self.names)} modules, {self.tests} tests; {self.runs} runs in rewound workers: "
              f"{dict(self.resets)}, {self.stayed} of these workers served on\n{pool['rewinds']} rewinds proved, "
              f"{pool['rewind_mismatches']} mismatches; replaced instead: {dict(instead)}", flush=True)
        self.assertEqual(pool["rewind_mismatches"], 0, log)
        self.assertEqual(pool["birth_failures"], 0, log)
        self.assertFalse(self.wrong, "\n".join(self.wrong))
        self.assertGreaterEqual(self.stayed, STAYED_PART_MIN * self.runs)
        if self.names is MODULES:
            self.assertGreaterEqual(len(set(MODULES)), MODULES_MIN)


def main():
    patterns = sys.argv[1:]
    if patterns == ["quick"]:
        Modules.names = QUICK
    elif patterns:
        Modules.names = [name for name in MODULES if any(pattern in name for pattern in patterns)]
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(Modules))
    failed = len({test.id() for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed} passed, {failed} failed", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
