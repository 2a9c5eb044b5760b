# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/operate.py: what operators do: check a configuration, give sockets, drain."""
import ctypes
import http.client
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.harness.daemon import FOREVER, Answer, ServeTest
from tests.harness.command import CORRAL, ROOT, SECONDS_MAX, CorralTest


class CheckConfig(CorralTest):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name

    def tearDown(self):
        self.folder.cleanup()
        super().tearDown()

    def check(self, *options, **environment):
        return self.corral("serve", "--check-config", "--socket", self.path + "/socket",
                           "--state-dir", self.path + "/state", *options,
                           env={**os.environ, **environment})

    def file(self, name, text, mode=0o600):
        path = Path(self.path, name)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_says_nothing_of_what_would_start_and_leaves_nothing(self):
        process = self.check("--listen", "127.0.0.1:0")
        self.assertEqual((process.returncode, process.out, process.err), (0, b"", b""))
        self.assertEqual(os.listdir(self.path), [])

    def test_says_each_problem_with_its_place(self):
        file = self.file("conf", "[pool]\nworkers = 0\n")
        self.file("token", "0" * 64, 0o644)
        self.file("socket", "not a socket")
        process = self.check("--config", file, "--listen", "192.0.2.1:80",
                             "--token-file", self.path + "/token", CORRAL_QUEUE="many")
        said = process.err.decode().splitlines()
        self.assertEqual(process.returncode, 1, said)
        for line, part in zip(said, (
                f"{file}:2: workers cannot be '0': give a whole number from 1 to",
                "CORRAL_QUEUE: queue cannot be 'many'",
                f"--socket: cannot listen on {self.path}/socket: something that is no socket",
                "--listen: cannot listen on 192.0.2.1:80: Cannot assign requested address",
                f"--token-file: others can read the token in {self.path}/token: chmod 600")):
            self.assertTrue(line.startswith("corral serve: " + part), (line, part))
        self.assertEqual(len(said), 5, said)
        self.assertEqual(Path(self.path, "socket").read_text(), "not a socket")

    def test_looks_for_the_folders(self):
        self.file("state", "a file")
        process = self.check("--socket", self.path + "/none/socket", "--listen", "127.0.0.1:0",
                             "--token-file", self.path + "/none/such/token")
        self.assertSays(
            process, 1,
            f"corral serve: --socket: cannot make the socket {self.path}/none/socket: "
            f"the folder {self.path}/none: No such file or directory",
            f"corral serve: --state-dir: the state directory {self.path}/state is no directory; "
            "remove it, or give another",
            f"corral serve: --token-file: cannot keep the token in {self.path}/none/such/token: "
            f"the folder {self.path}/none: No such file or directory")

    def test_looks_for_the_runtime(self):
        lonely = shutil.copy(CORRAL, self.path + "/corral")
        process = self.corral("serve", "--check-config", "--socket", self.path + "/socket",
                              corral=lonely)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"the program corral-init is neither beside corral nor at", process.err)

    def test_a_start_does_not_remove_what_is_no_socket_either(self):
        self.file("socket", "dear")
        process = self.corral("serve", "--socket", self.path + "/socket")
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"something that is no socket stands there", process.err)
        self.assertEqual(Path(self.path, "socket").read_text(), "dear")

    def test_a_mistake_in_the_flags_is_one_of_usage(self):
        self.assertEqual(self.check("--workers", "none").returncode, 2)


class Activation(ServeTest):
    """Sockets that a parent has bound; the child sets LISTEN_PID to its own, and becomes corral."""

    def given(self, *sockets, names=None, pid="$$", **environment):
        """How start() makes a corral of it that has these sockets from descriptor 3 on."""
        def place():
            copies = [os.dup(one.fileno()) for one in sockets]
            for number, copy in enumerate(copies, 3):
                os.dup2(copy, number)

        script = f'LISTEN_PID={pid} LISTEN_FDS={len(sockets)} '
        if names:
            script += f"LISTEN_FDNAMES={names} "
        return {"prefix": ("sh", "-c", f'{script} exec "$@"', "sh"), "preexec_fn": place,
                "close_fds": False,
                "env": {**os.environ, "NOTIFY_SOCKET": self.folder.name + "/notify", **environment}}

    def unix(self, kind=socket.SOCK_STREAM):
        one = socket.socket(socket.AF_UNIX, kind)
        one.bind(self.path)
        return one

    def serve_given(self, *sockets, options=(), **how):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(self.folder.name + "/notify")
        notify.settimeout(SECONDS_MAX)
        daemon = self.start("serve", "--socket", self.folder.name + "/other", "--workers", "2",
                            "--state-dir", self.folder.name + "/state", *options,
                            stderr=open(self.folder.name + "/log", "wb"),
                            **self.given(*sockets, **how))
        with notify:
            self.assertEqual(notify.recv(1024), b"READY=1")
            self.assertIn(b"STATUS=serving on ", notify.recv(1024))
        os.unlink(self.folder.name + "/notify")
        return daemon

    def test_a_given_socket_is_used_and_stays(self):
        with self.unix() as listener:
            listener.listen()
            daemon = self.serve_given(listener, names="corral.socket")
            self.assertFalse(os.path.exists(self.folder.name + "/other"), "it bound one itself")
            self.assertEqual(self.execute("print(6*7)").json["stdout"], "42\n")
            environment = Path(f"/proc/{daemon.pid}/environ").read_bytes()
            self.assertIn(b"LISTEN_PID", environment, "the test gave it nothing")
            flags = Path(f"/proc/{daemon.pid}/fdinfo/3").read_text().split("flags:")[1].split()[0]
            self.assertTrue(int(flags, 8) & os.O_CLOEXEC)
            # Nothing that it started has the socket.
            inode = os.fstat(listener.fileno()).st_ino
            for pid in os.listdir("/proc"):
                if pid.isdigit() and int(pid) not in (daemon.pid, os.getpid()):
                    self.assertNotIn(inode, self.sockets_of(pid))
            daemon.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())
            self.assertTrue(os.path.exists(self.path), "the socket is not its to remove")
            # The next one finds whoever came in between.
            waiting = self.connection()
            waiting.request("GET", "/v1/health")
            daemon = self.serve_given(listener)
            self.assertEqual(Answer(waiting.getresponse()).status, 200)
            waiting.close()
            daemon.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())

    @staticmethod
    def sockets_of(pid):
        found = set()
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                found.add(os.stat(f"/proc/{pid}/fd/{name}").st_ino)
        except OSError:
            pass  # it ended, or a descriptor of it did
        return found

    def test_a_tcp_socket_wants_the_token_and_leaves_the_unix_one_to_be_bound(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            daemon = self.serve_given(listener)
            port = listener.getsockname()[1]
            token = self.tcp_token()
            for given, status in (("", 401), ("Bearer " + token, 200)):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
                answer = self.ask("GET", "/v1/pool", headers={"Authorization": given},
                                  connection=connection)
                self.assertEqual(answer.status, status)
                connection.close()
            self.path = self.folder.name + "/other"
            self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
            self.end(daemon)

    def refuse(self, sentence, *sockets, **how):
        process = self.corral("serve", "--socket", self.folder.name + "/other",
                              "--state-dir", self.folder.name + "/state",
                              **self.given(*sockets, **how))
        self.assertEqual(process.returncode, 125, process.err)
        self.assertIn(sentence, process.err.decode())

    def test_what_is_none_to_listen_on_is_refused(self):
        with self.unix() as idle, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            self.refuse("descriptor 3 (one), which was given to listen on, is a socket that does "
                        "not listen", idle, names="one")
            self.refuse("is no stream socket", datagrams)

    def test_what_is_meant_for_another_process_is_left_alone(self):
        with self.unix() as listener:
            listener.listen()
            daemon = self.serve_given(listener, pid="1")
            given, self.path = self.path, self.folder.name + "/other"
            self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
            self.end(daemon)
            os.unlink(given)


class Watchdog(ServeTest):
    """The daemon's word to systemd, as systemd would hear it."""

    def setUp(self):
        super().setUp()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.folder.name + "/notify")
        self.notify.settimeout(SECONDS_MAX)

    def tearDown(self):
        self.notify.close()
        super().tearDown()

    def watched(self, usec, **environment):
        daemon = self.start("serve", "--socket", self.path, "--workers", "2", "--shards", "2",
                            "--state-dir", self.folder.name + "/state",
                            stderr=open(self.folder.name + "/log", "wb"),
                            env={**os.environ, "WATCHDOG_USEC": str(usec),
                                 "NOTIFY_SOCKET": self.folder.name + "/notify", **environment})
        self.hear(b"READY=1")
        return daemon

    def hear(self, wanted):
        """Until that is said; the other things that were."""
        said = []
        while (one := self.notify.recv(1024)) != wanted:
            said.append(one)
        return said

    def is_silent(self, seconds):
        """Whether no ping comes for so long, once what was on its way is heard."""
        self.notify.settimeout(0)
        try:
            while True:
                self.notify.recv(1024)
        except BlockingIOError:
            pass
        readable, _, _ = select.select([self.notify], [], [], seconds)
        self.notify.settimeout(SECONDS_MAX)
        return not readable

    def test_pings_while_every_shard_turns_and_at_no_other_time(self):
        daemon = self.watched(400_000)
        for _ in range(3):
            self.hear(b"WATCHDOG=1")
        threads = [int(name) for name in os.listdir(f"/proc/{daemon.pid}/task")
                   if int(name) != daemon.pid]
        libc = ctypes.CDLL(None, use_errno=True)
        silent = []
        for thread in threads:
            # A tracer can stop one thread alone (PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH).
            self.assertEqual(libc.ptrace(0x4206, thread, 0, 0), 0, os.strerror(ctypes.get_errno()))
            self.assertEqual(libc.ptrace(0x4207, thread, 0, 0), 0)
            os.waitpid(thread, 0x40000000)
            # The ping that the last turn had earned may still come.
            self.is_silent(0.4)
            silent.append(self.is_silent(1))
            self.assertEqual(libc.ptrace(17, thread, 0, 0), 0)
            self.hear(b"WATCHDOG=1")
        self.assertEqual(silent.count(True), len(threads), "a stopped thread was not missed")
        self.assertIn("its loop does not turn", self.log())
        daemon.send_signal(signal.SIGTERM)
        self.hear(b"STOPPING=1")
        self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())

    def test_is_not_for_another_process(self):
        daemon = self.watched(100_000, WATCHDOG_PID="1")
        self.assertTrue(self.is_silent(0.5) or self.is_silent(0.5))
        daemon.send_signal(signal.SIGTERM)
        self.assertNotIn(b"WATCHDOG=1", self.hear(b"STOPPING=1"))
        self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())

    def test_reload_is_told(self):
        daemon = self.watched(3_600_000_000)
        daemon.send_signal(signal.SIGHUP)
        said = self.hear(b"READY=1")
        self.assertTrue(any(one.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for one in said), said)
        daemon.send_signal(signal.SIGTERM)
        self.hear(b"STOPPING=1")
        self.assertIn(b"STATUS=draining", self.notify.recv(1024))
        self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())


class Drain(ServeTest):
    def drain(self, *options, **how):
        return self.corral("drain", "--socket", self.path, *options, **how)

    def busy(self, code=FOREVER, **fields):
        """A request that runs; its connection."""
        connection = self.begin(code, **fields)
        self.busy_await(1)
        return connection

    def test_waits_for_what_runs_and_then_for_the_end(self):
        daemon = self.serve()
        connection = self.busy("import time; time.sleep(1.5); print('done')")
        process = self.drain("--wait")
        self.assertEqual((process.returncode, process.err), (0, b""))
        self.assertEqual(process.out.decode().splitlines(), [
            "draining: 1 executions run, 0 wait; what still runs after 30 s is cancelled",
            "the daemon has ended"])
        self.assertEqual(daemon.wait(SECONDS_MAX), 0)
        answer = Answer(connection.getresponse())
        self.assertEqual((answer.json["stdout"], answer.headers["Connection"]), ("done\n", "close"))
        connection.close()
        self.assertFalse(os.path.exists(self.path))

    def test_takes_its_own_time(self):
        daemon = self.serve()
        connection = self.busy()
        process = self.drain("--timeout", "100ms", "--wait")
        self.assertEqual(process.returncode, 0, process.err)
        self.assertIn(b"what still runs after 100 ms is cancelled", process.out)
        self.assertEqual(daemon.wait(SECONDS_MAX), 0)
        connection.close()

    def test_does_not_wait_unless_it_is_asked_to(self):
        daemon = self.serve()
        connection = self.busy("import sys; sys.stdin.read(); import time; time.sleep(0.3)")
        process = self.drain()
        self.assertEqual(process.returncode, 0, process.err)
        self.assertEqual(process.out.count(b"\n"), 1)
        self.assertEqual(Answer(connection.getresponse()).status, 200)
        connection.close()
        self.assertEqual(daemon.wait(SECONDS_MAX), 0)

    def test_is_for_root_and_the_daemons_user_alone(self):
        daemon = self.serve("--listen", "127.0.0.1:0")
        os.chmod(self.path, 0o666)
        os.chmod(self.folder.name, 0o755)
        # Another user, though the socket is open to it.
        code = ("import os, socket, sys\nos.setgid(65534); os.setuid(65534)\n"
                "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                "s.sendall(b'POST /v1/drain HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
                "print(s.makefile().read())")
        said = subprocess.run([sys.executable, "-c", code, self.path], capture_output=True,
                              timeout=SECONDS_MAX)
        self.assertTrue(said.stdout.startswith(b"HTTP/1.1 403 Forbidden"), said)
        # Over TCP, with the token and without.
        port = self.tcp_port()
        token = self.tcp_token()
        for given in ("", "Bearer " + token):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
            answer = self.ask("POST", "/v1/drain", headers={"Authorization": given},
                              connection=connection)
            self.assertEqual(answer.status, 403)
            connection.close()
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n", "it drains")
        self.end(daemon)

    def test_is_out_of_a_programs_reach(self):
        """Row 136 of the attacks: from inside a cell, by path, by TCP, by an abstract name."""
        daemon = self.serve("--listen", "127.0.0.1:0")
        port = self.tcp_port()
        os.chmod(self.path, 0o666)
        os.chmod(self.folder.name, 0o755)
        document = self.execute(
            "import os, socket\n"
            "def reach(family, address):\n"
            "    try:\n"
            "        s = socket.socket(family); s.connect(address)\n"
            "        s.sendall(b'POST /v1/drain HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n"
            "        return s.recv(99)\n"
            "    except OSError as error: return error.__class__.__name__\n"
            f"paths = [{self.path!r}, '/run/corral/corral.sock', '\\0corral',\n"
            f"         '/proc/{daemon.pid}/root{self.path}', '/proc/1/root{self.path}']\n"
            "print([reach(socket.AF_UNIX, path) for path in paths],\n"
            f"      reach(socket.AF_INET, ('127.0.0.1', {port})),\n"
            f"      os.path.exists('/proc/{daemon.pid}'))\n").json
        self.assertEqual(document["verdict"], "ok", document)
        self.assertNotIn("HTTP", document["stdout"])
        self.assertEqual(document["stdout"].count("Error"), 6, document["stdout"])
        self.assertTrue(document["stdout"].endswith(" False\n"), document["stdout"])
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n", "it drains")
        self.end(daemon)

    def test_refuses_what_makes_no_sense(self):
        daemon = self.serve()
        post = {"Content-Type": "application/json"}
        for body, part in (('{"timeout": -1}', "timeout must be"), ('{"timeout": "2h"}', "at most"),
                           ('{"now": true}', "no field 'now'"), ('[]', "an object"),
                           ('{', "the JSON is wrong")):
            answer = self.ask("POST", "/v1/drain", body, post)
            self.assertEqual(answer.status, 400, answer.body)
            self.assertIn(part, answer.json["error"]["message"])
        self.assertEqual(self.ask("GET", "/v1/drain").status, 405)
        process = self.drain("--timeout", "soon")
        self.assertSays(process, 2, "corral drain: --timeout cannot be 'soon': give a duration "
                        "such as 30s, at most 1h")
        self.end(daemon)
        process = self.drain()
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"cannot reach the daemon at", process.err)


class Packaging(CorralTest):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_units_are_installed_and_right(self):
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run(["make", "-s", "-C", ROOT, "install", "PREFIX=" + prefix, "DESTDIR="],
                           check=True, stdout=subprocess.DEVNULL, timeout=600,
                           env={name: value for name, value in os.environ.items()
                                if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
            units = [f"{prefix}/lib/systemd/system/corral.{kind}" for kind in ("service", "socket")]
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", *units],
                                  capture_output=True, timeout=SECONDS_MAX)
            self.assertEqual((said.returncode, said.stderr.decode()), (0, ""))
            process = self.corral("--version", corral=prefix + "/bin/corral")
            self.assertEqual(process.returncode, 0)
