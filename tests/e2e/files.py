# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/files.py: the files that a run or a request brings for its program."""
import base64
import os

from tests.e2e.serve import ServeTest

SHOW = ("import os\nfor folder, _, names in os.walk('.'):\n    for name in names:\n"
        "        path = os.path.join(folder, name)\n"
        "        print(path[2:], oct(os.stat(path).st_mode), open(path, 'rb').read())")


def base64_of(content):
    return base64.b64encode(content).decode()


class Asked(ServeTest):
    """By HTTP."""

    def setUp(self):
        super().setUp()
        self.daemon = self.serve(workers=1)

    def tearDown(self):
        document = self.execute("import os; print(os.listdir())").json
        self.assertEqual(document["stdout"], "[]\n", "a file of another is left")
        self.end(self.daemon)
        super().tearDown()

    def refusal(self, status, files, **fields):
        answer = self.execute("print('it ran')", files=files, **fields)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json["error"]["message"]

    def test_stand_in_the_workspace_before_the_code(self):
        files = {"data/a.csv": b"1,2\n", "data/deep/\u00e9": bytes(range(256)), "empty": b"",
                 "helper.py": b"value = 7"}
        document = self.execute(SHOW + "\nimport helper\nhelper.value", files={
            name: base64_of(content) for name, content in files.items()}).json
        self.assertEqual(document["verdict"], "ok", document)
        self.assertEqual(sorted(document["stdout"].splitlines()), sorted(
            f"{name} 0o100644 {content}" for name, content in files.items()))
        self.assertEqual(document["result"]["json"], 7)

    def test_may_be_many_and_large(self):
        document = self.execute("import os; print(len(os.listdir()))", files={
            f"{number}": base64_of(b"x" * 10) for number in range(1000)}).json
        self.assertEqual(document["stdout"], "1000\n")
        content = os.urandom(16 << 20)
        document = self.execute(
            "import zlib; print(zlib.crc32(open('large', 'rb').read()))",
            files={"large": base64_of(content)}, stdin_base64=base64_of(b"\0")).json
        self.assertEqual(document["stdout"], f"{__import__('zlib').crc32(content)}\n")

    def test_that_do_not_fit_are_the_verdict_and_nothing_runs(self):
        for files in ({str(number): "" for number in range(1000)},  # more than there are inodes
                      {"a": base64_of(b"x" * 33000), "b": base64_of(b"x" * 32000)}):
            document = self.execute("print('it ran')", files=files, limits={"files": "64K"}).json
            self.assertEqual(document["verdict"], "limit:files", document)
            self.assertEqual(document["stdout"], "")
            self.assertEqual(document["error"]["name"], "FilesError")
            self.assertIn("No space left on device", document["error"]["message"])
            self.assertIn(document["error"]["message"], document["stderr"])

    def test_are_refused_where_they_are_more_than_their_limit(self):
        message = self.refusal(413, {"a": base64_of(bytes(65537))}, limits={"files": "64K"})
        self.assertEqual(message, "files cannot be 65537 bytes together: limits.files is 65536")

    def test_have_names_that_lead_down_and_no_other(self):
        for name, reason in (
                ("", "a part of it is empty"), ("/etc/passwd", "give a relative path"),
                ("../../x", "no part of it can be . or .."), ("a/../../x", "no part of it"),
                ("a/./b", "no part of it"), ("a//b", "is empty"), ("a/", "is empty"),
                ("x" * 256, "longer than 255 bytes"), ("a/" * 2042 + "b", "at most 4084 bytes")):
            self.assertIn(reason, self.refusal(400, {"fine": "", name: ""}), name)
        self.assertIn("NUL", self.refusal(400, {"a\0b": ""}))
        self.assertIn("it is the folder of another", self.refusal(400, {"a/b": "", "a": ""}))
        answer = self.ask("POST", "/v1/execute", '{"code":"1","files":{"a":"","\\u0061":""}}',
                          {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 400)
        self.assertIn("the key stands twice", answer.json["error"]["message"])
        self.assertIn("more than 1000 keys", self.refusal(400, {str(n): "" for n in range(10**5)}))
        # Odd, but they lead down; each is exactly that file.
        odd = ["-c", "--", "a\nb", "..x", "x..", "~", "\\..\\x", "main.py", "x" * 255,
               "a/" * 100 + "b", "\u202e"]
        document = self.execute(
            "import os\nsorted(os.path.join(d, n)[2:] for d, _, ns in os.walk('.') for n in ns)",
            files={name: "" for name in odd}).json
        self.assertEqual(document["result"]["json"], sorted(odd))

    def test_are_strict_base64(self):
        for text in ("eA", "eA=", "eA==\n", "e A=", "eB==", "-_==", "eA==eA==", "\u00fc==="):
            self.assertIn("files.a is no base64", self.refusal(400, {"a": text}), text)
        for value in (1, None, [], {}):
            self.assertIn("files.a must be a string", self.refusal(400, {"a": value}))
        self.assertEqual(self.refusal(400, ["a"]), "files must be an object, not a list")

    def test_standard_input_that_is_no_text(self):
        code = "import sys; sys.stdin.buffer.read()"
        document = self.execute(code, stdin_base64=base64_of(b"\0\xff\n")).json
        self.assertEqual(document["result"]["text"], r"b'\x00\xff\n'")
        answer = self.execute(code, stdin="", stdin_base64="")
        self.assertEqual(answer.json["error"]["message"],
                         "stdin and stdin_base64 cannot both be given: give one of them")


class Named(ServeTest):
    """On the command line, for corral run and for corral exec alike."""

    def setUp(self):
        super().setUp()
        self.daemon = self.serve(workers=1)
        self.content = os.urandom(100000)
        self.file = self.folder.name + "/=file"
        with open(self.file, "wb") as file:
            file.write(self.content)

    def tearDown(self):
        self.end(self.daemon)
        super().tearDown()

    def both(self, *arguments, **how):
        yield self.corral("run", *arguments, **how)
        yield self.corral("exec", "--socket", self.path, *arguments, **how)

    def test_are_copies_of_what_they_name(self):
        code = "import zlib; print(*(zlib.crc32(open(n, 'rb').read()) for n in ('a/b', 'c')))"
        wanted = f"{__import__('zlib').crc32(self.content)} 0\n".encode()
        for process in self.both("--file", "a/b=" + self.file, "--file", "c=/dev/null", "-e", code):
            self.assertEqual((process.returncode, process.out, process.err), (0, wanted, b""))

    def test_are_refused_before_anything_runs(self):
        for options, sentence in (
                (("../x=/dev/null",), "--file cannot name a file '../x': no part of it can be . or .."),
                (("a=/dev/null", "a=/dev/null"), "--file cannot name a file 'a': it is given twice"),
                (("a=/nowhere",), "cannot open /nowhere: No such file or directory"),
                (("a=/usr",), "cannot read /usr: Is a directory")):
            arguments = [word for option in options for word in ("--file", option)]
            for process in self.both(*arguments, "-e", "print('it ran')"):
                command = process.args[1]
                self.assertSays(process, 125, f"corral {command}: {sentence}")
                self.assertEqual(process.out, b"")
        for process in self.both("--files", "64K", "--file", "a=" + self.file, "-e", "1"):
            self.assertSays(process, 125, f"corral {process.args[1]}: {self.file} is longer than 65536 "
                            "bytes, the most that the limit of files leaves for it")
        for process in self.both("--file", "a", "-e", "1"):
            self.assertEqual(process.returncode, 2)

    def test_that_do_not_fit_are_told_as_the_limit(self):
        path = self.folder.name + "/half"
        with open(path, "wb") as file:
            file.write(b"x" * 32000)
        for process in self.both("--files", "64K", "--file", "a=" + path, "--file", "b=" + path,
                                 "--file", "c=/dev/null", "-e", "print('it ran')"):
            self.assertSays(process, 0)
            self.assertEqual(process.out, b"it ran\n")
        for process in self.both("--files", "64K", "--file", "a=" + path, "--file", "b=" + path,
                                 "--file", "c=/proc/self/stat", "-e", "print('it ran')"):
            self.assertEqual(process.returncode, 153)
            self.assertEqual(process.out, b"")
            self.assertIn(b"FilesError: cannot make the file 'c'", process.err)

    def test_standard_input_comes_as_it_is(self):
        code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
        for process in self.both("-e", code, input=self.content):
            self.assertEqual((process.returncode, process.out), (0, self.content[::-1]))
