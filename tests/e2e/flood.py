#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Much output is no offence: below its limit it comes whole, however often the worker rings."""
import json
import os
import subprocess
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("CORRAL_BUILD", Path(__file__).resolve().parents[2] / "build"))
CORRAL = str(BUILD / "bin" / "corral")

# 1 GiB, 4,096 times what the ring holds.
FLOOD = "line = 'x' * 65535 + '\\n'\nfor turn in range(16384): print(line, end='')"


class Flood(unittest.TestCase):
    def test_a_long_output_to_a_fast_reader_ends_well(self):
        # The bench's reader is never full, so nothing but the output itself is ever in the way.
        ended = subprocess.run([CORRAL, "bench", "--code", FLOOD, "--output", "2G", "--workers",
                                "2", "--seconds", "0.5", "--json"], capture_output=True, text=True,
                               timeout=120)
        report = json.loads(ended.stdout)
        self.assertEqual(list(report["verdicts"]), ["ok"])
        self.assertEqual(ended.returncode, 0)

    def test_a_long_output_to_a_slow_reader_comes_whole(self):
        with subprocess.Popen([CORRAL, "run", "--output", "2G", "-e", FLOOD],
                              stdout=subprocess.PIPE) as run:
            size = sum(len(part) for part in iter(lambda: run.stdout.read1(4096), b""))
        self.assertEqual(size, 16384 * 65536)
        self.assertEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main()
