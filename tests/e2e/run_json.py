# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/run_json.py: corral run --json: one document with every field, whatever happened."""
import base64

from tests.harness.command import CorralTest

# Name, and the types it may have; None stands for null.
FIELDS = {
    "verdict": (str,), "exit_code": (int, None), "signal": (int, None), "limit": (dict, None),
    "reason": (str,), "stdout": (str,), "stderr": (str,), "dropped_bytes": (int,),
    "result": (dict,), "error": (dict, None), "usage": (dict,), "reset": (str,),
}
USAGE = ("wall_usec", "cpu_usec", "queue_usec", "memory_peak_bytes", "output_bytes",
         "processes", "system_calls", "page_faults")
OPTIONAL = {"stdout_base64", "stderr_base64", "_code"}

ENDINGS = (
    # code, options, what stands in the document, exit code
    ("1", (), {"verdict": "ok", "exit_code": 0}, 0),
    ("raise KeyError('k')", (), {"verdict": "error", "exit_code": 1}, 1),
    ("import sys; sys.exit(6)", (), {"verdict": "exit", "exit_code": 6}, 6),
    ("import os; os.kill(os.getpid(), 11)", (), {"verdict": "signal", "signal": 11}, 139),
    ("while 1: pass", ("--timeout", "1.25s"), {
        "verdict": "timeout", "limit": {"name": "timeout", "value": 1.25}}, 124),
    ("while 1: pass", ("--cpu-time", "0.2"), {
        "verdict": "limit:cpu", "limit": {"name": "cpu_time", "value": 0.2}}, 152),
    ("x = b'x' * (1 << 28)", ("--memory", "32M"), {
        "verdict": "limit:memory", "limit": {"name": "memory", "value": 32 << 20}}, 137),
    ("import os, signal\nfor i in range(9): os.fork() or signal.pause()", ("--pids", "4"), {
        "verdict": "limit:pids", "limit": {"name": "pids", "value": 4}}, 137),
    ("while 1: print('x' * 99)", ("--output", "5K"), {
        "verdict": "limit:output", "limit": {"name": "output", "value": 5120}}, 153),
    ("open('f', 'wb').write(bytes(9 << 20))", ("--files", "1M"), {
        "verdict": "limit:files", "limit": {"name": "files", "value": 1 << 20}}, 153),
)


class Document(CorralTest):
    def check_shape(self, document):
        self.assertEqual(FIELDS.keys(), document.keys() - OPTIONAL)
        for name, types in FIELDS.items():
            value = document[name]
            self.assertIn(None if value is None else type(value), types, name)
        self.assertEqual(sorted(document["usage"]), sorted(USAGE))
        for name in USAGE:
            self.assertIs(type(document["usage"][name]), int, name)
        self.assertEqual(set(document["result"]), {"text", "json"})
        if document["error"]:
            self.assertEqual(set(document["error"]), {"name", "message", "traceback"})
        if document["limit"]:
            self.assertEqual(set(document["limit"]), {"name", "value"})

    def test_has_every_field_for_every_verdict(self):
        for code, options, expected, exit_code in ENDINGS:
            with self.subTest(code=code):
                document = self.document(code, *options)
                self.check_shape(document)
                self.assertEqual(document["_code"], exit_code)
                expected = {"exit_code": None, "signal": None, "limit": None, **expected}
                self.assertEqual({name: document[name] for name in expected}, expected)
                self.assertEqual(document["reset"], "replace:policy")
                self.assertEqual(bool(document["reason"]), document["verdict"] not in (
                    "ok", "error", "exit"))

    def test_counts_what_the_program_used(self):
        usage = self.document("x = b'x' * (50 << 20)\nfor i in range(3 * 10**6): pass\n"
                              "print(1)")["usage"]
        self.assertGreater(usage["memory_peak_bytes"], 50 << 20)
        self.assertLess(usage["memory_peak_bytes"], 70 << 20)
        self.assertGreater(usage["cpu_usec"], 20_000)
        self.assertGreater(usage["wall_usec"], 20_000)
        self.assertEqual(usage["output_bytes"], 2)
        usage = self.document("import signal; signal.sigtimedwait([signal.SIGUSR1], 0.2)")["usage"]
        self.assertGreaterEqual(usage["wall_usec"], 200_000)
        self.assertLess(usage["cpu_usec"], 100_000)

    def test_holds_text_of_any_script(self):
        text = "Grüße, 世界 👋\u200f \"quoted\" \\ back\t\x01\n"
        document = self.document(
            f"import sys; sys.stdout.write({text!r}); sys.stderr.write({text!r})")
        self.assertEqual((document["stdout"], document["stderr"]), (text, text))
        self.assertEqual(OPTIONAL & document.keys(), {"_code"})

    def test_holds_bytes_that_are_no_text_in_base64_as_well(self):
        for data in (b"\xff\xfe", b"a\0b", b"\xed\xa0\x80", bytes(range(256)) * 20):
            document = self.document(f"import sys; sys.stdout.buffer.write({data!r})")
            self.assertEqual(base64.b64decode(document["stdout_base64"]), data)
            repaired = "".join("\ufffd" if c == "\0" or "\udc80" <= c <= "\udcff" else c
                               for c in data.decode("utf-8", "surrogateescape"))
            self.assertEqual(document["stdout"], repaired)
            self.assertNotIn("stderr_base64", document)

    def test_holds_the_value_of_the_last_expression(self):
        for code, text, value in (
                ("{'a': [1, 2.5, None, True], 'b': 'x'}",
                 "{'a': [1, 2.5, None, True], 'b': 'x'}", {"a": [1, 2.5, None, True], "b": "x"}),
                ("x = 2\nx ** 10", "1024", 1024),
                ("'ü'", "'ü'", "ü"),
                ("object", "<class 'object'>", None),
                ("{1, 2}", "{1, 2}", None)):
            document = self.document(code)
            self.assertEqual(document["result"], {"text": text, "json": value}, code)
        for code in ("None", "x = 1", "print(1)", "", "def f(): 1"):
            self.assertEqual(self.document(code)["result"], {"text": None, "json": None}, code)

    def test_holds_the_exception_that_ended_the_program(self):
        document = self.document("def inner():\n    raise ValueError('why: ü')\ninner()")
        error = document["error"]
        self.assertEqual((error["name"], error["message"]), ("ValueError", "why: ü"))
        self.assertTrue(error["traceback"].startswith("Traceback (most recent call last):\n"))
        self.assertIn('File "/workspace/main.py", line 2, in inner\n', error["traceback"])
        self.assertEqual(document["stderr"], error["traceback"])
        self.assertEqual(self.document("print(")["error"]["name"], "SyntaxError")
        self.assertIsNone(self.document("import sys; sys.exit(3)")["error"])
        self.assertIsNone(self.document("1")["error"])

    def test_tells_what_was_left_out_of_a_flood(self):
        document = self.document("import sys; sys.stdout.buffer.raw.write(b'x' * 30000)",
                                 "--output", "1K")
        self.assertEqual(document["verdict"], "limit:output")
        self.assertEqual(document["dropped_bytes"], 30000 - 1024 - 8192)
        self.assertEqual(document["usage"]["output_bytes"], 1024 + 8192)
        self.assertEqual(document["stdout"], "x" * 1024 + "\n[20784 bytes left out]\n" + "x" * 8192)
        self.assertEqual(self.document("print(1)")["dropped_bytes"], 0)

    def test_is_not_there_where_corral_itself_failed(self):
        process = self.corral("run", "--json", "--runtime", "perl", "-e", "1")
        self.assertSays(process, 125, "corral run: there is no runtime 'perl': give python")
        self.assertEqual(process.out, b"")
