# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/run_verdicts.py: each kind of end has its exit code and one clear sentence."""
import os
import shutil
import subprocess
import tempfile

from tests.harness.command import BUILD, CORRAL, ROOT, CorralTest

LIMIT = "corral run: the program reached its limit of {} and was ended"
REFUSED = "corral run: the program reached its limit of {} and failed"


class ExitCodes(CorralTest):
    def check(self, code, expected, *lines, options=()):
        process = self.evaluate(code, *options)
        self.assertSays(process, expected, *lines)
        return process

    def test_0_for_a_program_that_ends_well(self):
        process = self.check("print(6 * 7)", 0)
        self.assertEqual((process.out, process.err), (b"42\n", b""))
        self.check("import sys; sys.exit(0)", 0)
        self.check("import os; os._exit(0)", 0)
        self.check("", 0)

    def test_1_for_a_program_that_raises(self):
        process = self.check("print('before')\nraise ValueError('why')", 1)
        self.assertEqual(process.out, b"before\n")
        self.assertTrue(process.err.startswith(b"Traceback (most recent call last):\n"))
        self.assertTrue(process.err.endswith(b"\nValueError: why\n"), process.err)
        process = self.check("print(", 1)
        self.assertIn(b"SyntaxError", process.err)

    def test_n_for_a_program_that_exits_with_n(self):
        for number in (1, 3, 124, 125, 255):
            self.check(f"import sys; sys.exit({number})", number)
        self.check("import os; os._exit(9)", 9)
        self.check("import sys; sys.exit(256 + 5)", 5)
        process = self.check("import sys; sys.exit('a sentence')", 1)
        self.assertEqual(process.err, b"a sentence\n")

    def test_128_and_n_for_a_program_that_dies_of_signal_n(self):
        died = "corral run: the program died of signal {}"
        self.check("import os; os.kill(os.getpid(), 9)", 137, died.format("9 (Killed)"))
        self.check("import os; os.abort()", 134, died.format("6 (Aborted)"))
        self.check("import ctypes; ctypes.string_at(8)", 139,
                   died.format("11 (Segmentation fault)"))

    def test_124_for_a_program_that_takes_too_long(self):
        sentence = ("corral run: the program was still running after 300 ms and was ended; "
                    "raise --timeout if it needs longer")
        process = self.check("print('on', flush=True)\nwhile True: pass", 124, sentence,
                             options=("--timeout", "300ms"))
        self.assertEqual(process.out, b"on\n")
        self.check("import signal; signal.pause()", 124, sentence, options=("--timeout", "0.3"))

    def test_137_for_memory_and_processes(self):
        self.check("x = b'x' * (1 << 28)", 137,
                   LIMIT.format("64 MiB for memory of all its processes and files"),
                   options=("--memory", "64M"))
        self.check("import os, signal\nfor i in range(9): os.fork() or signal.pause()", 137,
                   REFUSED.format("5 for processes and threads at one time"), options=("--pids", "5"))

    def test_152_for_cpu_time(self):
        self.check("while True: pass", 152,
                   LIMIT.format("250 ms for CPU time of all its processes"),
                   options=("--cpu-time", "250ms"))

    def test_153_for_output_and_files(self):
        self.check("while True: print('x' * 99)", 153,
                   LIMIT.format("10 KiB for bytes of stdout and stderr together"),
                   options=("--output", "10K"))
        self.check("open('f', 'wb').write(bytes(3 << 20))", 153,
                   REFUSED.format("2 MiB for bytes in /tmp, /workspace and /dev/shm"),
                   options=("--files", "2M"))

    def test_2_for_a_command_line_that_is_wrong(self):
        for arguments, sentence in (
                (("run",), "corral run: give a FILE, '-' for standard input, or -e CODE"),
                (("run", "--no-such"), "corral run: unrecognized option '--no-such'"),
                (("run", "--env", "NOVALUE", "-e", ""),
                 "corral run: --env wants NAME=VALUE, not 'NOVALUE'"),
                (("run", "--env", "=x", "-e", ""), "corral run: --env wants NAME=VALUE, not '=x'"),
                (("bench", "stray"),
                 "corral bench: 'stray' is not an option; code is given with --code")):
            process = self.corral(*arguments)
            self.assertSays(process, 2, sentence)
            self.assertEqual(process.out, b"")
        self.assertSays(self.corral("fly"), 2, "corral: there is no command 'fly'",
                        "corral: runs untrusted code, thousands of times a second, "
                        "each in its own sandbox")
        self.assertEqual(self.corral().returncode, 2)

    def test_125_where_corral_itself_cannot(self):
        for arguments, sentence in (
                (("--runtime", "perl", "-e", "1"), "there is no runtime 'perl': give python"),
                (("/no/such.py",), "cannot open /no/such.py: No such file or directory"),
                (("/",), "cannot read /: Is a directory")):
            self.assertSays(self.corral("run", *arguments), 125, f"corral run: {sentence}")
        with tempfile.NamedTemporaryFile(suffix=".py") as file:
            file.truncate((1 << 20) + 1)
            self.assertSays(self.corral("run", file.name), 125, f"corral run: {file.name} is "
                            "longer than 1048576 bytes, the most that a program may be")

    def test_125_for_somebody_who_is_not_root(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            copy = shutil.copy(CORRAL, folder)
            process = self.corral("run", "-e", "1", corral=copy, prefix=(
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"))
        self.assertSays(process, 125, "corral run: corral makes namespaces and cgroups and must "
                        "run as root; use sudo")

    def test_125_when_a_program_of_ours_is_missing(self):
        """Beside corral; what is installed on this machine is covered for the test."""
        hide = ("unshare", "--mount", "--propagation", "private", "sh", "-c", "cd /usr/local; "
                'test -d libexec && mount -t tmpfs none libexec; exec "$@"', "-")
        programs = {"corral-init", "corral-python"}
        for missing in programs:
            with tempfile.TemporaryDirectory() as folder:
                copy = shutil.copy(CORRAL, folder)
                for present in programs - {missing}:
                    shutil.copy(BUILD / "bin" / present, folder)
                process = self.corral("run", "-e", "1", corral=copy, prefix=hide)
            self.assertSays(process, 125, f"corral run: the program {missing} is neither beside "
                            f"corral nor at /usr/local/libexec/corral/{missing}; run make, or make "
                            "install")

    def test_help_and_version_are_no_mistake(self):
        for arguments in (("--help",), ("help",), ("run", "--help"), ("bench", "--help")):
            process = self.corral(*arguments)
            self.assertEqual((process.returncode, process.err), (0, b""))
            self.assertIn(b"corral", process.out)
        self.assertRegex(self.corral("--version").out, rb"^corral \d+\.\d+\.\d+\n$")
        self.assertTrue(self.corral("--states").out.startswith(b"digraph slot {\n"))

    def test_help_lists_every_exit_code(self):
        text = " ".join(self.corral("run", "--help").out.decode().split())
        for code in ("0 ok", "1 the program raised", "N it exited with N", "128+N", "124 timeout",
                     "137 memory or pids", "152 CPU time", "153 output or files",
                     "130 it was interrupted", "125 denied or corral itself failed",
                     "2 the command line is wrong"):
            self.assertIn(code, text)


class Installed(CorralTest):
    def test_a_tree_of_make_install_runs_wherever_it_lies(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["make", "install", f"DESTDIR={folder}"], cwd=ROOT, check=True,
                           stdout=subprocess.DEVNULL, timeout=100)
            for program in ("bin/corral", "libexec/corral/corral-init",
                            "libexec/corral/corral-python"):
                self.assertTrue(os.access(f"{folder}/usr/local/{program}", os.X_OK), program)
            process = self.evaluate("print('installed')", corral=f"{folder}/usr/local/bin/corral")
        self.assertEqual((process.returncode, process.out), (0, b"installed\n"), process.err)
