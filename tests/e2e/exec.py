# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/exec.py: corral exec and corral status: the daemon as those meet it who have no HTTP."""
import json
import os
import pty
import signal
import socket
import threading

from tests.harness.daemon import FOREVER, ServeTest
from tests.harness.command import SECONDS_MAX

MIB = 1 << 20


class ClientTest(ServeTest):
    """One daemon for each test, which must be well in the end."""
    workers, options = 2, ()

    def setUp(self):
        super().setUp()
        self.environment = {**os.environ, "CORRAL_SOCKET": self.path}
        self.daemon = self.serve(*self.options, workers=self.workers)

    def tearDown(self):
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n", "the daemon is harmed")
        self.end(self.daemon)
        super().tearDown()

    def exec(self, *arguments, **how):
        return self.corral("exec", *arguments, **{"env": self.environment, **how})


class ExecRuns(ClientTest):
    def file(self, content):
        path = self.folder.name + "/program.py"
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_code_a_file_and_standard_input(self):
        for arguments, how in ((("-e", "print('x')"), {}), ((self.file(b"print('x')"),), {}),
                               (("-",), {"input": b"print('x')"})):
            process = self.exec(*arguments, **how)
            self.assertEqual((process.returncode, process.out, process.err), (0, b"x\n", b""))

    def test_with_arguments_and_environment(self):
        path = self.file(b"import os, sys\nprint(sys.argv[1:], os.environ['A'], os.environ['B'])")
        process = self.exec("--env", "A=1=2", "-E", "B=x", "-E", "B=\u00fc", path, "a b", "--json", "")
        self.assertEqual(process.out.decode(), "['a b', '--json', ''] 1=2 \u00fc\n")
        self.assertSays(process, 0)

    def test_with_standard_input(self):
        code = "import sys; sys.stdout.write(sys.stdin.read()[::-1])"
        process = self.exec("-e", code, input="\u00fcabc\n\"\\\x01".encode())
        self.assertEqual(process.out.decode(), "\x01\\\"\ncba\u00fc")
        self.assertEqual(self.exec("-e", code).out, b"")
        # Of the program's own text nothing is left for it.
        process = self.exec("-", input=b"import sys; print(repr(sys.stdin.read()))")
        self.assertEqual(process.out, b"''\n")

    def test_without_waiting_for_a_terminal(self):
        leader, follower = pty.openpty()
        process = self.exec("-e", "import sys; print(repr(sys.stdin.read()))", stdin=follower)
        os.close(leader)
        os.close(follower)
        self.assertEqual(process.out, b"''\n")

    def test_and_bytes_that_are_no_text_come_back_as_they_were(self):
        data = bytes(range(256)) * 16
        process = self.exec("-e", f"import sys\nsys.stdout.buffer.write({data!r})\n"
                            "sys.stderr.buffer.write(b'\\xff')")
        self.assertEqual((process.returncode, process.out, process.err), (0, data, b"\xff"))

    def test_and_ends_with_the_exit_code_and_the_sentence_of_corral_run(self):
        for code, options in (
                ("pass", ()),
                ("1 / 0", ()),
                ("import sys; sys.exit(7)", ()),
                ("import os; os.kill(os.getpid(), 11)", ()),
                ("while True: pass", ("--timeout", "300ms")),
                ("while True: pass", ("--cpu-time", "0.2")),
                ("x = b'x' * (1 << 28)", ("--memory", "32M")),
                ("import os, signal\nfor i in range(9): os.fork() or signal.pause()",
                 ("--pids", "4")),
                # In one piece: of a second one the kill may be ahead, or not.
                ("import sys; sys.stdout.buffer.raw.write(b'x' * 20000)",
                 ("--output", "5K")),
                ("open('f', 'wb').write(bytes(9 << 20))", ("--files", "1M")),
                ("open('f')\nimport os\nprint(os.sysconf('SC_OPEN_MAX'))", ("--open-files", "20")),
                ("1", ("--memory", "1"))):
            with self.subTest(code=code):
                here, there = self.evaluate(code, *options), self.exec(*options, "-e", code)
                self.assertEqual((there.returncode, there.out), (here.returncode, here.out))
                self.assertEqual(there.err.replace(b"corral exec:", b"corral run:"), here.err)

    def test_and_prints_the_daemons_document(self):
        process = self.exec("--json", "-e", "import sys\nprint('x')\nsys.exit(3)")
        self.assertEqual((process.returncode, process.err), (3, b""))
        self.assertEqual((process.out.count(b"\n"), process.out[-1:]), (1, b"\n"))
        document = json.loads(process.out)
        self.assertRegex(document["id"], "^[0-9a-f]{32}$")
        self.assertEqual((document["verdict"], document["stdout"]), ("exit", "x\n"))

    def test_and_goes_on_when_its_reader_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        process = self.exec("-e", "import sys; print('x'); sys.exit(4)", stdout=writer)
        os.close(writer)
        self.assertEqual((process.returncode, process.err), (4, b""))
        with open("/dev/full", "wb") as full:
            process = self.exec("-e", "print('x')", stdout=full)
        self.assertSays(process, 125, "corral exec: cannot write the program's output: "
                        "No space left on device")

    def test_and_is_cancelled_by_its_own_death(self):
        process = self.start("exec", "-e", FOREVER, env=self.environment)
        self.busy_await(1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(SECONDS_MAX), -signal.SIGINT)
        self.busy_await(0)


class ExecRefuses(ClientTest):
    options = ("--timeout", "20s")

    def test_what_no_request_can_carry(self):
        path = self.folder.name + "/latin1.py"
        with open(path, "wb") as file:
            file.write(b"x = '\xfc'")
        only = "and a request carries nothing else"
        for arguments, how, sentence in (
                ((path,), {}, f"{path} is no UTF-8 text at byte 5, {only}; 'corral run' takes any "
                 "bytes"),
                (("--file", b"\xff=/dev/null", "-e", "1"), {},
                 "a name given with --file is no UTF-8 text"),
                (("-e", "1", b"\xff"), {}, f"argument 1 of the program is no UTF-8 text, {only}"),
                (("-E", b"X=\xff", "-e", "1"), {}, "the value of --env X is no UTF-8 text at byte 0, "
                 f"{only}; 'corral run' takes any bytes"),
                ((path + ".not",), {}, f"cannot open {path}.not: No such file or directory")):
            self.assertSays(self.exec(*arguments, **how), 125, "corral exec: " + sentence)

    def test_more_standard_input_than_a_request_takes(self):
        process = self.exec("-e", "1", input=b"x" * (16 * MIB + 1))
        self.assertSays(process, 125, "corral exec: standard input is longer than 16777216 bytes, "
                        "the most that a request carries")

    def test_with_the_daemons_own_words(self):
        process = self.exec("-r", "cobol", "-e", "1")
        self.assertSays(process, 125, "corral exec: the daemon refused (400): runtime cannot be "
                        "'cobol': give python, or leave it out")
        self.assertEqual(process.out, b"")
        # Refused by the head of the request, while most of its body is still to be sent.
        process = self.exec("--json", "-e", "1", input=b"\x01" * (6 * MIB))
        self.assertSays(process, 125, "corral exec: the daemon refused (413): the body is longer "
                        "than this server takes")
        self.assertEqual(process.out, b"")

    def test_mistakes_in_the_command_line(self):
        for arguments in ((), ("-E", "x", "-e", "1"), ("--queue-timeout", "0", "-e", "1"),
                          ("--queue-timeout", "2h", "-e", "1"), ("--reset", "no", "-e", "1"),
                          ("--memory", "lots", "-e", "1")):
            process = self.exec(*arguments)
            self.assertEqual((process.returncode, process.out), (2, b""), arguments)


class ExecResets(ClientTest):
    workers, options = 1, ("--shards", "1", "--reset", "rewind")

    def test_as_strictly_as_it_was_told(self):
        for arguments, reset in (((), "rewind"), (("--reset", "replace"), "replace:policy"),
                                 (("--reset", "auto"), "rewind")):
            process = self.exec("--json", *arguments, "-e", "print(1)")
            self.assertEqual(json.loads(process.out)["reset"], reset)


class ExecWaits(ClientTest):
    workers, options = 1, ("--shards", "1", "--queue", "1")

    def test_no_longer_than_it_was_told_and_not_in_a_full_queue(self):
        busy = self.start("exec", "-e", FOREVER, env=self.environment)
        self.busy_await(1)
        process = self.exec("--queue-timeout", "100ms", "-e", "1")
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"corral exec: the daemon refused (504): ", process.err)
        waiting = self.start("exec", "-e", "print('waited')", env=self.environment)
        while self.ask("GET", "/v1/pool").json["queued"] != 1:
            pass
        process = self.exec("-e", "1")
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"corral exec: the daemon refused (429): ", process.err)
        busy.kill()
        busy.wait(SECONDS_MAX)
        self.assertEqual(waiting.communicate(timeout=SECONDS_MAX)[0], b"waited\n")
        self.assertEqual(waiting.returncode, 0)


class ExecWithoutDaemon(ServeTest):
    """A path where no daemon listens, or one that is none."""

    def both(self, *sentences, **how):
        environment = {name: value for name, value in os.environ.items() if name != "CORRAL_SOCKET"}
        for name, arguments in (("exec", ("-e", "1")), ("status", ())):
            process = self.corral(name, "--socket", self.path, *arguments, env=environment, **how)
            self.assertSays(process, 125, *(f"corral {name}: {line}" for line in sentences))
            self.assertEqual(process.out, b"")

    def test_says_where_it_looked(self):
        advice = "; start it with 'corral serve', or name its socket with --socket"
        self.both(f"cannot reach the daemon at {self.path}: No such file or directory{advice}")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            self.both(f"cannot reach the daemon at {self.path}: Connection refused{advice}")
        self.path = "/" + "x" * 200
        self.both(f"cannot reach the daemon at {self.path}: File name too long")

    def test_looks_where_the_environment_says(self):
        for value, path in ((self.path, self.path), ("", "/run/corral/corral.sock")):
            process = self.corral("status", env={**os.environ, "CORRAL_SOCKET": value})
            if path == self.path or not os.path.exists(path):
                self.assertIn(f"cannot reach the daemon at {path}: No such file", process.err.decode())

    def test_is_told_when_somebody_may_not(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            os.chmod(self.folder.name, 0o755)
            os.chmod(self.path, 0o660)
            self.both(f"cannot reach the daemon at {self.path}: Permission denied; its socket is "
                      "for root and the socket's group",
                      prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))

    def answered(self, data):
        """Whoever connects gets these bytes once, when its request is there, and then the end."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen()
        listener.settimeout(SECONDS_MAX)

        def serve():
            for _ in range(2):
                client, _ = listener.accept()
                with client:
                    client.recv(65536)
                    client.sendall(data)
            listener.close()
            os.unlink(self.path)

        thread = threading.Thread(target=serve)
        thread.start()
        return thread

    def test_believes_no_answer_that_is_none(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
        for data, sentence in (
                (b"", "the daemon closed the connection before its answer"),
                (b"SSH-2.0\r\n\r\n", "the daemon's answer is no HTTP/1.1: Expected HTTP/"),
                (head % 9 + b"{}", "the daemon closed the connection in the middle of its answer"),
                (head % 0, "the daemon's answer is empty"),
                (head % (300 * MIB), "the daemon's answer is longer than 268435456 bytes; bound the "
                 "program's output"),
                (head % 2 + b"[]", "cannot read the daemon's answer: it is no JSON object"),
                (b"HTTP/1.1 502 Bad\r\nContent-Length: 1\r\n\r\nx",
                 "the daemon refused with status 502 and no reason")):
            thread = self.answered(data)
            self.both(sentence)
            thread.join()


class Status(ClientTest):
    workers = 3

    def test_is_a_table_for_people(self):
        self.exec("-e", "1")
        busy = self.start("exec", "-e", FOREVER, env=self.environment)
        self.busy_await(1)
        # What resets is born again at its own time.
        while self.ask("GET", "/v1/pool").json["templates"]["python"]["idle"] != 2:
            pass
        process = self.corral("status", env=self.environment)
        busy.kill()
        busy.wait(SECONDS_MAX)
        self.assertSays(process, 0)
        lines = process.out.decode().splitlines()
        for line in ("workers     3 python: 2 idle, 1 busy, 0 resetting, 0 dead",
                     "queue       0 waiting",
                     "rewinds     1 workers, 0 failed, 0 mismatches",
                     "failures    0 births, 0 restarts of a template, 0 slots quarantined",
                     "            seccomp      enforced"):
            self.assertIn(line, lines)
        self.assertRegex(lines[0], rf"^daemon      corral [\d.]+ on {self.path}, \d+ shards$")
        self.assertIn("executions  2", lines)
        self.assertNotIn("?", process.out.decode())

    def test_is_the_daemons_document(self):
        process = self.corral("status", "--json", "--socket", self.path)
        self.assertSays(process, 0)
        self.assertEqual(process.out.count(b"\n"), 1)
        self.assertEqual(json.loads(process.out)["templates"]["python"]["total"], 3)

    def test_wants_somewhere_to_write(self):
        with open("/dev/full", "wb") as full:
            process = self.corral("status", env=self.environment, stdout=full)
        self.assertSays(process, 125, "corral status: cannot write: No space left on device")
