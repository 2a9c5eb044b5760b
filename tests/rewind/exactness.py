#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""tests/rewind/exactness.py [COUNT]: is every rewound worker what it was? Needs root.

A corral serve --verify --reset rewind proves each rewind (pool/proof.c). Through it go COUNT
(1,000) programs of tests/rewind/generate.py, which leave residue of every kind, and all programs of
bench/programs/python. Fails on any mismatch, on any worker or execution lost for a reason of ours,
on a verdict that is not the program's own, and when hardly any worker was rewound: then nothing was
proved. And what the kernel tells nobody from outside, a program that looks around (look.py) must see
as in a fresh worker, whoever was there before it. Ends with "N passed, M failed".

EXACTNESS_SEED (1) makes it other programs; a failure names each as SEED.NUMBER, and
tests/rewind/generate.py SEED COUNT prints them.
"""
import collections
import http.client
import json
import os
import sys
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
import generate  # noqa: E402
from tests.harness.daemon import ServeTest  # noqa: E402

SEED = int(os.environ.get("EXACTNESS_SEED", "1"))
COUNT = 1000
DEMO_ROUNDS = 2
CONNECTIONS, WORKERS = 24, 12
LOOK_EVERY = 8          # programs
REWOUND_PART_MIN = 0.4  # of the programs
EXPECTED_PART_MIN = 0.8 # end as they would alone: the others disturb themselves, not each other
OURS = {"lost", "denied", "rejected", "cancelled"}
TOLD_MAX = 20           # failures in one message
LIMITS = {"timeout": 30, "cpu_time": 20, "output": "16M"}
DEMO = ROOT / "bench/programs/python"
LOOK = (Path(__file__).parent / "look.py").read_text()


def demo_programs():
    for path in sorted(DEMO.glob("*.py")):
        code = path.read_text()
        words = code.splitlines()[0].removeprefix("# expect: ").split()
        expected = dict(word.split("=", 1) for word in words)
        limits = dict(pair.split(":") for pair in expected.get("limits", "").split(",") if pair)
        if expected["verdict"] != "timeout":
            limits["timeout"] = 60  # its own is for a quiet machine
        yield generate.Program(path.stem, code, expected["verdict"], (), limits)


class Runs:
    """Programs through several connections at once; what came back, in `tally` and `wrong`."""

    def __init__(self, test, programs, look):
        self.test, self.look = test, look
        self.programs = self.with_looks(programs)
        self.lock = threading.Lock()
        self.tally, self.verdicts = collections.Counter(), collections.Counter()
        self.looks, self.wrong = 0, []

    @staticmethod
    def with_looks(programs):
        for number, program in enumerate(programs):
            yield program
            if number % LOOK_EVERY == 0:
                yield generate.Program(f"look behind {program.name}", LOOK, "ok", ())

    def next(self):
        with self.lock:
            return next(self.programs, None)

    def looked(self, program, document):
        if document["verdict"] != "ok":
            return [f"{program.name}: {document['verdict']}: {document['stderr'][-500:]}"]
        seen = json.loads(document["stdout"])
        return [f"{program.name}: {what}: {seen.get(what)}, in a fresh worker {self.look.get(what)}"
                for what in {**seen, **self.look} if seen.get(what) != self.look.get(what)]

    def judge(self, program, document):
        verdict = document["verdict"]
        with self.lock:
            if program.code is LOOK:
                self.looks += 1
                self.wrong += self.looked(program, document)
                return
            self.tally[document["reset"]] += 1
            self.verdicts["expected" if verdict == program.verdict else verdict] += 1
            # Pieces side by side may disturb each other; one alone, or a whole program, ends as it says.
            if verdict in OURS or (verdict != program.verdict and len(program.pieces) <= 1):
                self.wrong.append(
                    f"{program.name} {' '.join(program.pieces)}: {verdict}, not {program.verdict}: "
                    f"{document['reason']} {document['stderr'][-300:]}")

    def client(self):
        connection = self.test.connection()
        while program := self.next():
            try:
                answer = self.test.execute(program.code, connection, limits={**LIMITS, **program.limits})
                self.judge(program, answer.json)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                with self.lock:
                    self.wrong.append(f"{program.name} {' '.join(program.pieces)}: {error!r}")
                connection.close()
        connection.close()

    def run(self):
        threads = [threading.Thread(target=self.client) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self


class Exactness(ServeTest):
    def prove(self, programs, rewound_part_min):
        daemon = self.serve("--verify", "--reset", "rewind", workers=WORKERS)
        runs = Runs(self, programs, self.execute(LOOK, limits=LIMITS).json)
        runs.look = json.loads(runs.look["stdout"])
        runs.run()
        pool = self.ask("GET", "/v1/pool").json
        count = sum(runs.tally.values())
        print(f"\n{count} programs: {dict(runs.tally.most_common())}; {dict(runs.verdicts.most_common())}\n"
              f"{pool['rewinds']} rewinds proved, {pool['rewind_mismatches']} mismatches, "
              f"{pool['rewind_failures']} replaced instead, {runs.looks} looks, {pool['births']} births", flush=True)
        self.end(daemon)
        log = self.log()
        told = [line for line in log.splitlines() if "is not what it was" in line]
        self.assertEqual(pool["rewind_mismatches"], 0, "\n".join(told[:TOLD_MAX]))
        self.assertFalse(runs.wrong, "\n".join(runs.wrong[:TOLD_MAX]))
        self.assertEqual(pool["birth_failures"], 0, log[-2000:])
        self.assertGreaterEqual(runs.verdicts["expected"], count * EXPECTED_PART_MIN)
        self.assertGreaterEqual(pool["rewinds"], count * rewound_part_min)

    def test_holds_behind_programs_that_leave_residue_of_every_kind(self):
        self.prove(generate.programs(SEED, COUNT), REWOUND_PART_MIN)

    def test_holds_behind_each_kind_of_residue_alone(self):
        self.prove(generate.each(SEED), REWOUND_PART_MIN)

    def test_holds_behind_the_programs_of_the_demo(self):
        self.prove(list(demo_programs()) * DEMO_ROUNDS, REWOUND_PART_MIN)


if __name__ == "__main__":
    if sys.argv[1:]:
        COUNT = int(sys.argv[1])
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(Exactness))
    failed = len({test.id() for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed} passed, {failed} failed", flush=True)
    sys.exit(failed > 0)
