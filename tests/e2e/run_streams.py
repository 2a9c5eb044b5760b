# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/run_streams.py: corral run: where code, input and output come from and go to."""
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.harness.command import CorralTest

COUNT_STDIN = "import sys; print(len(sys.stdin.buffer.read()))"


class Code(CorralTest):
    def test_comes_from_a_file_with_arguments(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write("import sys\nprint(sys.argv[1:], __name__)\n")
            file.flush()
            process = self.corral("run", file.name, "one", "--json", "-e", "two words", "")
        self.assertSays(process, 0)
        self.assertEqual(process.out, b"['one', '--json', '-e', 'two words', ''] __main__\n")

    def test_comes_from_the_command_line_with_arguments(self):
        process = self.evaluate("import sys; print(sys.argv[1:])")
        self.assertEqual(process.out, b"[]\n")
        process = self.corral("run", "-e", "import sys; print(sys.argv[1:])", "a", "b c")
        self.assertEqual(process.out, b"['a', 'b c']\n")

    def test_comes_from_standard_input(self):
        process = self.corral("run", "-", "x",
                              input=b"import sys\nprint(sys.argv[1:], sys.stdin.read())")
        self.assertEqual((process.returncode, process.out), (0, b"['x'] \n"), process.err)

    def test_is_utf8(self):
        process = self.evaluate("print('Grüße 👋')")
        self.assertEqual(process.out.decode(), "Grüße 👋\n")

    def test_finds_the_environment_that_it_is_given(self):
        process = self.evaluate(
            "import os; print([os.environ.get(n) for n in ('A', 'B', 'SECRET')])",
            "--env", "A=1=2", "--env", "B=", env={"SECRET": "ours", "PATH": "/usr/bin"})
        self.assertEqual(process.out, b"['1=2', '', None]\n")


class Input(CorralTest):
    def test_comes_through_a_pipe(self):
        process = self.evaluate("print(input()[::-1], input())", input=b"abc\ndef\n")
        self.assertEqual((process.returncode, process.out), (0, b"cba def\n"))

    def test_comes_from_a_file(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"from a file\n")
            file.seek(0)
            process = self.evaluate("print(input())", stdin=file)
        self.assertEqual(process.out, b"from a file\n")

    def test_is_at_its_end_from_dev_null_and_when_closed(self):
        closed = ("sh", "-c", 'exec "$@" <&-', "-")
        for how in ({}, {"prefix": closed}, {"input": b""}):
            process = self.evaluate(COUNT_STDIN, **how)
            self.assertEqual((process.returncode, process.out), (0, b"0\n"), process.err)

    def test_may_be_large(self):
        process = self.evaluate(COUNT_STDIN, input=bytes(9_000_001))
        self.assertEqual((process.returncode, process.out), (0, b"9000001\n"))

    def test_need_not_be_read(self):
        process = self.evaluate("print(1)", input=bytes(3_000_000))
        self.assertEqual((process.returncode, process.out), (0, b"1\n"))

    def test_may_stay_open_when_the_program_ends(self):
        process = self.start("run", "-e", "print(1)", stdin=subprocess.PIPE)
        self.assertEqual(process.wait(timeout=30), 0)

    def test_is_never_the_thing_itself(self):
        """A program that writes to its standard input must not reach our terminal or file."""
        with tempfile.TemporaryFile() as file:
            file.write(b"kept")
            file.seek(0)
            process = self.evaluate("import os\ntry: os.write(0, b'lost')\n"
                                    "except OSError: print('no')", stdin=file)
            file.seek(0)
            self.assertEqual((process.out, file.read()), (b"no\n", b"kept"))


class Output(CorralTest):
    def test_arrives_while_the_program_runs(self):
        for stream in ("stdout", "stderr"):
            code = f"import sys\nprint('question', file=sys.{stream})\nprint('answer', input())"
            process = self.start("run", "-e", code, stdin=subprocess.PIPE)
            self.assertEqual(getattr(process, stream).readline(), b"question\n")
            self.assertIsNone(process.poll())
            process.stdin.write(b"yes\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.read(), b"answer yes\n")
            self.assertEqual(process.wait(timeout=30), 0)

    def test_of_children_arrives_while_they_run(self):
        script = "echo question; read x; echo answer $x"
        process = self.start("run", "-e", f"import os; os.system({script!r})",
                             stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"question\n")
        process.stdin.write(b"yes\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"answer yes\n")
        self.assertEqual(process.wait(timeout=30), 0)

    def test_keeps_its_order_with_that_of_children(self):
        process = self.evaluate(
            "import os, subprocess, sys\nprint(1)\nsubprocess.run(['echo', '2'])\nprint(3)\n"
            "os.system('echo 4; echo 5 >&2')\nos.write(1, b'6\\n')\nsys.stdout.write('7\\n')\n"
            "print(subprocess.check_output(['echo', '8'], text=True), end='')\n"
            "print('no newline', end='')")
        self.assertEqual(process.out, b"1\n2\n3\n4\n6\n7\n8\nno newline")
        self.assertEqual(process.err, b"5\n")

    def test_is_bytes(self):
        code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000)"
        self.assertEqual(self.evaluate(code).out, bytes(range(256)) * 1000)

    def test_of_a_flood_keeps_how_it_began_and_how_it_ended(self):
        code = ("import sys\n"
                "sys.stdout.buffer.raw.write(b''.join(b'%07d\\n' % i for i in range(3000)))")
        process = self.evaluate(code, "--output", "4K")
        head, _, rest = process.out.partition(b"\n[")
        gap, _, tail = rest.partition(b" bytes left out]\n")
        lines = [b"%07d\n" % i for i in range(3000)]
        self.assertEqual(process.returncode, 153)
        self.assertEqual(head, b"".join(lines[:512]))
        self.assertEqual(tail, b"".join(lines[-1024:]))
        self.assertEqual(int(gap), 24000 - 4096 - 8192)

    def test_waits_for_a_slow_reader_and_loses_nothing(self):
        process = self.start("run", "--output", "16M", "-e",
                             "import os\nfor i in range(300000): print(i)\nos.system('echo end')")
        self.assertEqual(process.stdout.readline(), b"0\n")
        expected = b"".join(b"%d\n" % i for i in range(1, 300000)) + b"end\n"
        self.assertEqual(process.stdout.read(), expected)
        self.assertEqual(process.wait(timeout=30), 0)

    def test_that_nobody_reads_any_more_ends_the_program(self):
        process = self.start("run", "-e", "while True: print('x' * 999)")
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(timeout=20), 130)
        self.assertEqual(process.stderr.read(), b"corral run: cancelled: it was asked to end\n")

    def test_may_be_closed(self):
        process = self.evaluate("print(1)", prefix=("sh", "-c", 'exec "$@" >&- 2>&-', "-"))
        self.assertEqual((process.returncode, process.out), (0, b""))


class Interrupted(CorralTest):
    def test_by_a_signal_the_program_is_cancelled_and_nothing_left(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("run", "-e", "import os, signal\nos.fork(); os.fork()\n"
                                 "print('ready')\nwhile True: signal.pause()")
            self.assertEqual(process.stdout.readline(), b"ready\n")
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=20), 130)
            self.assertEqual(process.stderr.read(), b"corral run: cancelled: it was asked to end\n")

    def test_by_sigkill_no_process_survives_and_the_next_run_sweeps(self):
        process = self.start("run", "-e", "import os, signal\nos.fork() or os.setsid()\n"
                             "print('ready')\nwhile True: signal.pause()")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.kill()
        process.wait()
        self.orphans_await()
        self.assertEqual(self.evaluate("print(1)").returncode, 0)

    def test_in_json_the_document_says_so(self):
        process = self.start("run", "--json", "-e", "import signal; signal.pause()")
        self.signals_await(process)
        process.send_signal(signal.SIGTERM)
        self.assertIn(b'"verdict":"cancelled"', process.stdout.read())
        self.assertEqual(process.wait(timeout=20), 130)

    def signals_await(self, process):
        """Until it has taken SIGINT and SIGTERM into its own hands: it says nothing of that."""
        while b"SigBlk:\t0000000000004002" not in Path(f"/proc/{process.pid}/status").read_bytes():
            self.assertIsNone(process.poll())
            os.sched_yield()


class Beside(CorralTest):
    def test_each_other_two_commands_do_not_meet(self):
        code = "print('ready')\nassert input() == 'go'"
        both = [self.start("run", "-e", code, stdin=subprocess.PIPE) for _ in range(2)]
        for process in both:
            self.assertEqual(process.stdout.readline(), b"ready\n")
        for process in both:
            process.communicate(b"go\n", timeout=30)
            self.assertEqual(process.returncode, 0)

    def test_nothing_is_given_to_the_program_that_we_have_open(self):
        read, write = os.pipe()
        os.set_inheritable(write, True)
        process = self.evaluate("import os; print(sorted(os.listdir('/proc/self/fd'), key=int))",
                                pass_fds=(write,))
        os.close(read)
        os.close(write)
        # 0, 1, 2, the control socket, and the one that lists.
        self.assertEqual(process.out, b"['0', '1', '2', '3', '4']\n")
