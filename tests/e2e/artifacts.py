# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/artifacts.py: where a program begins, and the files that it leaves for its sender."""
import base64
import json
import os

from tests.e2e.serve import ServeTest


class Artifacts(ServeTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve(workers=1)

    def tearDown(self):
        self.end(self.daemon)
        super().tearDown()

    def left(self, code, names, **fields):
        document = self.execute(code, artifacts=names, **fields).json
        self.assertEqual(list(document["artifacts"]), names)
        return document, {name: text if text is None else base64.b64decode(text, validate=True)
                          for name, text in document["artifacts"].items()}

    def test_are_what_the_program_left(self):
        content = os.urandom(300_000)
        code = ("import os, sys\nos.mkdir('out')\nopen('out/a b', 'wb').write(sys.stdin.buffer.read())\n"
                "open('empty', 'w').close()\nprint('done')")
        document, files = self.left(code, ["out/a b", "empty", "none"],
                                    stdin_base64=base64.b64encode(content).decode())
        self.assertEqual(document["stdout"], "done\n")
        self.assertEqual(files, {"out/a b": content, "empty": b"", "none": None})
        self.assertEqual(document["notes"], [])
        # Nobody asked: nobody is told.
        self.assertNotIn("artifacts", self.execute("open('x', 'w').write('x')").json)
        self.assertEqual(self.left("pass", ["out/a b", "x"])[1], {"out/a b": None, "x": None})

    def test_of_a_file_that_was_brought_are_as_it_is_now(self):
        _, files = self.left("open('a', 'a').write('two')", ["a"], files={"a": "b25l"})
        self.assertEqual(files, {"a": b"onetwo"})

    def test_are_there_however_the_program_ends_by_itself(self):
        for end, verdict in ("1/0", "error"), ("raise SystemExit(3)", "exit"), (
                "import os; os._exit(4)", "exit"), ("import os; os.kill(os.getpid(), 9)", "signal"):
            document, files = self.left(f"open('a', 'w').write('one')\n{end}", ["a"])
            self.assertEqual((document["verdict"], files), (verdict, {"a": b"one"}))

    def test_are_not_there_where_the_cell_was_ended(self):
        document, files = self.left("open('a', 'w').write('one')\nwhile True: pass", ["a"],
                                    limits={"timeout": 0.2})
        self.assertEqual((document["verdict"], files), ("timeout", {"a": None}))

    def test_are_files_of_the_workspace_and_nothing_else(self):
        code = ("import os\nos.symlink('/etc/passwd', 'host')\nos.symlink('/tmp/x', 'beside')\n"
                "open('/tmp/x', 'w').write('x')\nos.mkfifo('pipe')\nos.mkdir('folder')\n"
                "os.symlink('/etc', 'etc')\nos.symlink('/dev/zero', 'zero')")
        names = ["host", "beside", "pipe", "folder", "etc/passwd", "zero"]
        self.assertEqual(self.left(code, names)[1], dict.fromkeys(names))

    def test_that_are_too_much_are_left_out_and_it_is_said(self):
        code = "open('a', 'wb').truncate(16 << 20); open('b', 'wb').write(b'b')"
        document, files = self.left(code, ["b", "a"])
        self.assertEqual(files, {"a": None, "b": b"b"})
        self.assertEqual(document["notes"], ["artifacts are at most 16M together: what did not fit, or "
                                             "found no memory, is null"])

    def test_come_with_the_end_of_a_stream(self):
        answer = self.execute("open('a', 'w').write('one'); print(1)", artifacts=["a"], stream=True)
        last = json.loads(answer.body.decode().splitlines()[-1])
        self.assertEqual(last["artifacts"], {"a": "b25l"})

    def test_have_names_that_lead_down_and_no_other(self):
        for names, message in (
                (["../x"], "artifacts cannot name a file '../x': no part of it can be . or .."),
                (["/etc/passwd"], "artifacts cannot name a file '/etc/passwd': give a relative path"),
                (["a", "a"], "artifacts cannot name 'a' twice"), ([1], "artifacts[0] must be a string, not a number"),
                ("a", "artifacts must be a list, not a string"),
                ([str(n) for n in range(101)], "artifacts cannot be more than 100 files: bring more of them "
                                               "in one archive")):
            answer = self.execute("1", artifacts=names)
            self.assertEqual(answer.status, 400)
            self.assertTrue(answer.json["error"]["message"].startswith(message), answer.json)


class Directory(ServeTest):
    """Where a program begins."""

    WHERE = "import os; print(os.getcwd())"

    def test_is_the_one_that_is_asked_for_and_of_this_program_alone(self):
        daemon = self.serve(workers=1)
        for asked, place in (("/tmp", "/tmp"), ("data/deep", "/workspace/data/deep"), (".", "/workspace"),
                             ("/usr/lib", "/usr/lib")):
            document = self.execute(self.WHERE, cwd=asked, files={"data/deep/a": ""}).json
            self.assertEqual(document["stdout"], place + "\n", document)
        # A worker that is rewound begins where all do.
        for _ in range(3):
            document = self.execute(self.WHERE, cwd="/tmp").json
            self.assertEqual((document["stdout"], document["reset"]), ("/tmp\n", "rewind"))
            document = self.execute(self.WHERE).json
            self.assertEqual((document["stdout"], document["reset"]), ("/workspace\n", "rewind"))
        self.end(daemon)

    def test_that_is_none_is_told_and_nothing_runs(self):
        daemon = self.serve(workers=1)
        for asked, reason in (("none", "No such file or directory"), ("/etc/passwd", "Not a directory")):
            document = self.execute("print('it ran')", cwd=asked).json
            self.assertEqual((document["verdict"], document["stdout"]), ("error", ""))
            self.assertEqual(document["error"]["name"], "DirectoryError")
            self.assertEqual(document["error"]["message"],
                             f"cannot begin in the directory '{asked}': {reason}")
        for asked, size in (("", 0), ("x" * 4096, 4096)):
            answer = self.execute("1", cwd=asked)
            self.assertEqual((answer.status, answer.json["error"]["message"]), (
                400, f"cwd cannot be a path of {size} bytes: give one of 1 to 4095, or leave it out"))
        self.end(daemon)


class Named(ServeTest):
    """On the command line, for corral run and for corral exec alike."""

    def both(self, *arguments):
        yield self.corral("run", *arguments)
        yield self.corral("exec", "--socket", self.path, *arguments)

    def setUp(self):
        super().setUp()
        self.daemon = self.serve(workers=1)
        self.target = self.folder.name + "/brought"

    def tearDown(self):
        self.end(self.daemon)
        super().tearDown()

    def test_are_written_where_they_are_wanted(self):
        code = "import os\nos.mkdir('out')\nopen('out/a', 'wb').write(bytes(range(256)) * 99)"
        for process in self.both("--artifact", f"out/a={self.target}", "-e", code):
            self.assertEqual((process.returncode, process.out, process.err), (0, b"", b""))
            with open(self.target, "rb") as file:
                self.assertEqual(file.read(), bytes(range(256)) * 99)
            os.unlink(self.target)

    def test_that_are_not_there_are_told_and_the_rest_is_written(self):
        code = "open('b', 'w').write('two'); raise SystemExit(7)"
        for process in self.both("--artifact", "a=/nowhere/x", "--artifact", f"b={self.target}", "-e", code):
            command = process.args[1]
            self.assertEqual(process.returncode, 7)
            self.assertIn(f"corral {command}: the program left no file 'a' that could be brought\n",
                          process.err.decode())
            with open(self.target) as file:
                self.assertEqual(file.read(), "two")
            os.unlink(self.target)
        for process in self.both("--artifact", "b=/nowhere/x", "-e", code):
            self.assertIn(f"corral {process.args[1]}: cannot open /nowhere/x: No such file or directory\n",
                          process.err.decode())

    def test_have_names_that_lead_down_and_no_other(self):
        for process in self.both("--artifact", "../a=/dev/null", "-e", "print('it ran')"):
            self.assertSays(process, 125, f"corral {process.args[1]}: --artifact cannot name a file "
                            "'../a': no part of it can be . or ..")
        for option in "a", "=x", "a=":
            for process in self.both("--artifact", option, "-e", "1"):
                self.assertEqual(process.returncode, 2)

    def test_a_directory_to_begin_in(self):
        for process in self.both("--cwd", "/tmp", "-e", "import os; print(os.getcwd())"):
            self.assertEqual((process.returncode, process.out), (0, b"/tmp\n"))
        for process in self.both("--cwd", "none", "-e", "print('it ran')"):
            self.assertEqual((process.returncode, process.out), (1, b""))
            self.assertIn(b"DirectoryError: cannot begin in the directory 'none'", process.err)
