# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/api_examples.py: docs/api.md shows what happens: its examples are run here.

An example is a fenced block that begins with "$ ": a command, and what it prints. The figures of
`usage` and an `id` are another time others; everything else has to be as the page says.
"""
import json
import re
import subprocess

from tests.harness.command import ROOT, SECONDS_MAX
from tests.harness.daemon import ServeTest

SOCKET = "/run/corral/corral.sock"  # where the page's daemon listens
ID = re.compile(r'"id":"[0-9a-f]+"')


def examples():
    """(command, expected output) of each."""
    for block in re.findall(r"^```\n(\$ .*?)^```$", (ROOT / "docs/api.md").read_text(), re.M | re.S):
        lines = block[2:].splitlines(keepends=True)
        end = 1
        while subprocess.run(["sh", "-n"], input="".join(lines[:end]), text=True,
                             capture_output=True).returncode or lines[end - 1].endswith("\\\n"):
            end += 1
        yield "".join(lines[:end]), "".join(lines[end:])


def document(text):
    """Without line breaks for the page's width, and with one value for what is never the same."""
    try:
        value = json.loads(text.replace("\n", ""))
    except json.JSONDecodeError:
        return ID.sub('"id":"…"', text.strip()).splitlines()
    if "id" in value:
        value["id"] = len(value["id"])
    value["usage"] = sorted(value.get("usage", {}))
    return value


class ApiPage(ServeTest):
    def test_shows_what_happens(self):
        daemon, count = self.serve(), 0
        for command, wanted in examples():
            with self.subTest(command=command):
                said = subprocess.run(["sh", "-c", command.replace(SOCKET, self.path)], text=True,
                                      capture_output=True, timeout=SECONDS_MAX, check=True)
                self.assertEqual(document(said.stdout), document(wanted))
                count += 1
        self.end(daemon)
        self.assertGreaterEqual(count, 2, "the page's examples were not found")
