# SPDX-License-Identifier: Apache-2.0
"""tests/rewind/module.py NAME PART PARTS: runs in a worker: one part of a module of Python's own
tests. Its value says which worker it is, how many tests ran, and which of them did not pass: in the
numbers is nothing that differs between two runs, so no times and no messages, which hold addresses.
"""
import io
import os
import sys
import unittest

from test import support

name, part, parts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
support.verbose = 0
support.use_resources = []  # neither the network nor what takes a minute


def tests_of(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_of(one)
        else:
            yield one


def ids(outcomes):
    # Of a subtest the test: its own name has the parameters.
    return sorted(getattr(test, "test_case", test).id() for test, *_ in outcomes)


loader = unittest.TestLoader()
tests = list(tests_of(loader.loadTestsFromName("test.test_" + name)))
tests = tests[len(tests) * (part - 1) // parts:len(tests) * part // parts]
told = io.StringIO()
result = unittest.TextTestRunner(told, verbosity=0, warnings="ignore").run(unittest.TestSuite(tests))
numbers = {
    "ran": result.testsRun, "failed": ids(result.failures), "errors": ids(result.errors),
    "skipped": ids(result.skipped), "failed as expected": ids(result.expectedFailures),
    "passed unexpectedly": ids((test,) for test in result.unexpectedSuccesses),
}
# The control socket is the worker's own.
{"worker": os.fstat(3).st_ino, "numbers": numbers, "unloaded": loader.errors, "told": told.getvalue()[-2000:]}
