# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/serve.py: the daemon as its clients see it: by HTTP, over a unix socket and TCP."""
import http.client
import json
import os
import signal
import socket
import stat
import threading
import time
from pathlib import Path

from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import Answer, ServeTest

MIB = 1 << 20


class Executions(ServeTest):
    def test_have_one_answer_with_everything_in_it(self):
        daemon = self.serve()
        answer = self.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        document = answer.json
        self.assertEqual(document["verdict"], "ok")
        self.assertEqual((document["stdout"], document["stderr"]), ("out\n", "err\n"))
        self.assertEqual(document["result"], {"text": "42", "json": 42})
        self.assertRegex(document["id"], "^[0-9a-f]{32}$")
        self.assertGreater(document["usage"]["wall_usec"], 0)
        self.assertEqual(document["reset"], "rewind")
        self.end(daemon)

    def test_end_in_their_own_verdicts(self):
        daemon = self.serve()
        for code, verdict, fields in (
                ("1 / 0", "error", {}),
                ("import sys; sys.exit(3)", "exit", {}),
                ("import os; os.kill(os.getpid(), 9)", "signal", {}),
                ("while True: pass", "timeout", {"limits": {"timeout": 0.2}}),
                ("while True: pass", "timeout", {"limits": {"timeout": "200ms"}}),
                ("x = b'x' * (1 << 28)", "limit:memory", {"limits": {"memory": 64 * MIB}}),
                ("print('x' * 100000)", "limit:output", {"limits": {"output": "10K"}})):
            document = self.execute(code, **fields).json
            self.assertEqual(document["verdict"], verdict, document)
        self.end(daemon)

    def test_take_environment_arguments_and_standard_input(self):
        daemon = self.serve()
        document = self.execute(
            "import os, sys\nprint(os.environ['NAME'], sys.argv[1:], sys.stdin.read())",
            env={"NAME": "välue"}, args=["a b", "c"], stdin="line\n").json
        self.assertEqual(document["stdout"], "välue ['a b', 'c'] line\n\n")
        self.end(daemon)

    def test_follow_each_other_on_one_connection_and_run_beside_each_other_on_several(self):
        daemon = self.serve(workers=4)
        connection = self.connection()
        for number in range(20):
            answer = self.execute(f"print({number})", connection)
            self.assertEqual(answer.json["stdout"], f"{number}\n")
        connection.close()
        answers = []

        def client(number):
            connection = self.connection()
            for turn in range(10):
                text = f"{number}.{turn}"
                answers.append(self.execute(f"print('{text}')", connection).json["stdout"] ==
                               text + "\n")
            connection.close()

        threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [True] * 80)
        self.end(daemon)

    def test_are_cancelled_when_the_client_goes(self):
        daemon = self.serve(workers=1)
        connection = self.begin()
        self.busy_await(1)
        connection.close()
        # The only worker is free again long before the timeout.
        self.assertEqual(self.execute("print(1)").json["verdict"], "ok")
        self.end(daemon)

    def test_ask_for_a_stricter_reset_than_the_daemon_s(self):
        daemon = self.serve("--reset", "rewind", workers=1)
        for reset, answered in ((None, "rewind"), ("replace", "replace:policy"), (None, "rewind"),
                                ("auto", "rewind"), ("rewind", "rewind")):
            fields = {} if reset is None else {"reset": reset}
            document = self.execute("print(1)", **fields).json
            self.assertEqual((document["verdict"], document["reset"]), ("ok", answered))
        answer = self.execute("print(1)", reset="never")
        self.assertEqual(answer.status, 400, answer.body)
        self.assertEqual(answer.json["error"]["message"],
                         "reset cannot be 'never': give replace, auto or rewind, or leave it out")
        self.end(daemon)

    def test_outlast_the_templates_of_their_workers(self):
        daemon = self.serve("--shards", "1", "--reset", "rewind", "--template-executions", "20",
                            "--template-age", "1h", workers=4)
        addresses = set()
        while len(addresses) < 2:
            document = self.execute("print(id(object()) >> 12)").json
            self.assertEqual(document["verdict"], "ok", document)
            addresses.add(document["stdout"])
        pool = self.ask("GET", "/v1/pool").json
        self.assertGreaterEqual(pool["template_renewals"], 1)
        self.assertEqual((pool["template_restarts"], pool["birth_failures"]), (0, 0))
        self.end(daemon)

    def test_that_wait_longer_than_they_said_get_504(self):
        daemon = self.serve(workers=1)
        busy = self.begin()
        self.busy_await(1)
        answer = self.execute("print(1)", queue_timeout=0.1)
        self.assertEqual(answer.status, 504, answer.body)
        busy.close()
        self.end(daemon)


class Streams(ServeTest):
    def stream(self, code, **fields):
        """The lines of the answer, as they come."""
        connection = self.begin(code, stream=True, **fields)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["Content-Type"], "application/x-ndjson")
        while line := response.readline():
            yield json.loads(line)
        connection.close()

    def test_come_while_the_program_runs(self):
        daemon = self.serve()
        lines = self.stream("import sys\nprint('first', flush=True)\nsys.stderr.write('x')\n"
                            "print(sys.stdin.read(), end='')\n7", stdin="äöü")
        self.assertEqual(next(lines), {"stdout": "first\n"})
        rest = list(lines)
        self.assertIn({"stderr": "x"}, rest)
        self.assertIn({"stdout": "äöü"}, rest)
        self.assertEqual(rest[-1]["verdict"], "ok")
        self.assertEqual(rest[-1]["result"]["json"], 7)
        self.assertEqual(rest[-1]["stdout"], "")
        self.end(daemon)

    def test_are_endless_if_the_program_is_and_end_with_the_client(self):
        daemon = self.serve(workers=1)
        lines = self.stream("import time\nwhile True: print('tick', flush=True); time.sleep(0.01)")
        for _ in range(3):
            self.assertEqual(next(lines), {"stdout": "tick\n"})
        lines.close()
        self.assertEqual(self.execute("print(1)").json["verdict"], "ok")
        self.end(daemon)

    def test_hold_a_flood_back_at_the_readers_pace(self):
        daemon = self.serve()
        size = sum(len(line.get("stdout", "")) for line in
                   self.stream("for i in range(1024): print('x' * 65535)",
                               limits={"output": "128M"}))
        self.assertEqual(size, 64 * MIB)
        peak = int(Path(f"/proc/{daemon.pid}/status").read_text().split("VmHWM:")[1].split()[0])
        self.assertLess(peak, 64 * 1024, "the flood was held in memory")
        self.end(daemon)

    def test_tell_what_was_dropped_and_why_it_ended(self):
        daemon = self.serve()
        lines = list(self.stream("print('x' * 100000)", limits={"output": "10K"}))
        self.assertEqual(lines[-1]["verdict"], "limit:output")
        dropped = [line["bytes"] for line in lines if line.get("dropped") == "stdout"]
        sent = sum(len(line.get("stdout", "")) for line in lines[:-1])
        self.assertEqual(sent, lines[-1]["usage"]["output_bytes"])
        self.assertEqual(sum(dropped), lines[-1]["dropped_bytes"])
        self.end(daemon)


class BadInput(ServeTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve(workers=1)

    def tearDown(self):
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n", "the daemon is harmed")
        self.end(self.daemon)
        super().tearDown()

    def assertRefused(self, answer, status, *parts):
        self.assertEqual(answer.status, status, answer.body)
        for part in parts:
            self.assertIn(part, answer.json["error"]["message"])

    def test_names_the_field(self):
        post = {"Content-Type": "application/json"}
        for body, parts in (
                ('{"code": 7}', ("code",)),
                ('{}', ("code",)),
                ('{"code": "", "limits": {"memory": "x"}}', ("memory", "x")),
                ('{"code": "", "nonsense": 1}', ("nonsense",)),
                ('{"code": "", "runtime": "cobol"}', ("cobol",)),
                ('{"code": "\\u0000"}', ("byte",)),
                ('{"code": ""} x', ("byte",)),
                ('[]', ())):
            self.assertRefused(self.ask("POST", "/v1/execute", body, post), 400, *parts)

    def test_has_its_status(self):
        self.assertRefused(self.ask("GET", "/nowhere"), 404)
        self.assertRefused(self.ask("GET", "/v1/execute"), 405)
        self.assertRefused(self.ask("POST", "/v1/execute", "{}", {"Content-Type": "text/plain"}),
                           415)
        self.assertRefused(self.ask("GET", "/" + "x" * 2000), 414)
        self.assertRefused(self.ask("GET", "/v1/pool", headers={"X": "y" * 20000}), 431)
        for data, status in (
                (b"nonsense\r\n\r\n", b"400"),
                (b"GET /v1/pool HTTP/2.0\r\n\r\n", b"505"),
                (b"POST /v1/execute HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
                (b"POST /v1/execute HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                 b"400"),
                (b"POST /v1/execute HTTP/1.1\r\nExpect: more\r\nContent-Length: 1\r\n\r\n", b"417")):
            received = self.raw(data)
            self.assertTrue(received.startswith(b"HTTP/1.1 " + status), (data, received))

    def test_that_comes_in_pieces_is_read_all_the_same(self):
        body = json.dumps({"code": "print('x')"}).encode()
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        for byte in (b"POST /v1/execute HTTP/1.1\r\nContent-Type: application/json\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n"):
            client.send(bytes([byte]))
        for byte in body:
            client.send(b"1\r\n" + bytes([byte]) + b"\r\n")
        client.send(b"0\r\n\r\n")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        self.assertEqual(json.loads(answer.read())["stdout"], "x\n")
        client.close()

    def test_a_pipeline_is_answered_in_order(self):
        request = b"".join(
            b"POST /v1/execute HTTP/1.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n%s\r\n%s" % (len(body), end, body)
            for body, end in ((b'{"code":"1"}', b""), (b'{"code":"2"}', b""),
                              (b'{"code":"3"}', b"Connection: close\r\n")))
        received = self.raw(request)
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 3)
        places = [received.index(b'"text":"%d"' % n) for n in (1, 2, 3)]
        self.assertEqual(places, sorted(places))

    def test_expect_gets_its_100(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(SECONDS_MAX)
        client.connect(self.path)
        body = b'{"code":"7"}'
        client.sendall(b"POST /v1/execute HTTP/1.1\r\nContent-Type: application/json\r\n"
                       b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        self.assertEqual(client.recv(64), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(body)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        self.assertEqual(json.loads(answer.read())["result"]["text"], "7")
        client.close()


class Daemon(ServeTest):
    def test_tells_how_it_is(self):
        daemon = self.serve(workers=3)
        self.assertEqual(self.ask("GET", "/v1/health").json, {"status": "ok"})
        self.assertEqual(self.ask("HEAD", "/v1/health").body, b"")
        pool = self.ask("GET", "/v1/pool").json
        self.assertEqual(pool["templates"]["python"]["total"], 3)
        self.assertEqual(pool["layers"]["seccomp"], "enforced")
        text = self.ask("GET", "/metrics").body.decode()
        self.assertIn('corral_workers{', text)
        self.end(daemon)

    def test_is_open_to_its_group_and_nobody_else(self):
        daemon = self.serve()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)
        self.end(daemon)

    def test_wants_its_token_over_tcp(self):
        daemon = self.serve("--listen", "127.0.0.1:0")
        port = self.tcp_port()
        token = Path(self.folder.name + "/state/token")
        self.assertEqual(stat.S_IMODE(token.stat().st_mode), 0o600)
        for given, status in (("", 401), ("Bearer x", 401), ("Bearer " + "0" * 64, 401),
                              ("Bearer " + token.read_text(), 200)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
            answer = self.ask("GET", "/v1/pool", headers={"Authorization": given},
                              connection=connection)
            self.assertEqual(answer.status, status, given)
            connection.close()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
        self.assertEqual(self.ask("GET", "/v1/health", connection=connection).status, 200)
        connection.close()
        self.end(daemon)

    def test_keeps_its_token_and_refuses_one_that_others_can_read(self):
        self.end(self.serve("--listen", "127.0.0.1:0"))
        token = Path(self.folder.name + "/state/token")
        text = token.read_text()
        self.end(self.serve("--listen", "127.0.0.1:0"))
        self.assertEqual(token.read_text(), text)
        token.chmod(0o644)
        process = self.corral("serve", "--socket", self.path, "--listen", "127.0.0.1:0",
                              "--state-dir", self.folder.name + "/state")
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"others can read the token", process.err)

    def test_refuses_a_socket_that_another_serves_and_takes_a_dead_ones(self):
        daemon = self.serve()
        process = self.corral("serve", "--socket", self.path)
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"another daemon listens on", process.err)
        daemon.kill()
        daemon.wait(SECONDS_MAX)
        self.orphans_await()
        self.end(self.serve())

    def test_drains_what_runs_and_refuses_what_comes(self):
        daemon = self.serve(workers=2)
        idle = self.connection()
        self.ask("GET", "/v1/health", connection=idle)
        connection = self.begin("import time\nprint('a')\ntime.sleep(2)\nprint('b')")
        self.busy_await(1)
        daemon.send_signal(signal.SIGTERM)
        answer = Answer(connection.getresponse())
        self.assertEqual(answer.json["stdout"], "a\nb\n")
        self.assertEqual(answer.headers["Connection"], "close")
        self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())
        connection.close()
        idle.close()

    def test_reads_its_file_again_on_sighup(self):
        file = Path(self.folder.name + "/corral.conf")
        file.write_text("[limits]\ntimeout = 60s\n")
        daemon = self.serve("--config", str(file), workers=1)

        def reload(text, said):
            file.write_text(text)
            daemon.send_signal(signal.SIGHUP)
            due = time.monotonic() + SECONDS_MAX
            while said not in self.log():
                self.assertIsNone(daemon.poll(), self.log())
                self.assertLess(time.monotonic(), due, self.log())

        reload("[limits]\ntimeout = 0.2s\n[pool]\nqueue = 77\n",
               "the configuration was read again")
        self.assertIn("a restart is needed for what changed in queue", self.log())
        document = self.execute("while True: pass").json
        self.assertEqual((document["verdict"], document["limit"]["value"]), ("timeout", 0.2))
        reload("[limits]\ntimeout = nonsense\n", "going on as before")
        self.assertEqual(self.execute("while True: pass").json["limit"]["value"], 0.2)
        self.end(daemon)

    def test_waits_for_a_head_and_for_a_body_as_long_as_it_says(self):
        daemon = self.serve(CORRAL_HEADER_TIMEOUT="200ms", CORRAL_BODY_TIMEOUT="60s")
        self.assertTrue(self.raw(b"GET /v1/health HTTP/1.1\r\nA: b").startswith(b"HTTP/1.1 408"))
        self.end(daemon)
        daemon = self.serve(CORRAL_HEADER_TIMEOUT="60s", CORRAL_BODY_TIMEOUT="200ms")
        self.assertTrue(self.raw(b"POST /v1/execute HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
                        .startswith(b"HTTP/1.1 408"))
        self.end(daemon)

    def test_cancels_what_runs_longer_than_the_drain_timeout(self):
        daemon = self.serve(workers=4, CORRAL_DRAIN_TIMEOUT="300ms")
        connections = [self.begin("while True: pass") for _ in range(4)]
        self.busy_await(4)
        self.end(daemon)
        self.assertIn("drain timeout", self.log())
        for connection in connections:
            answer = Answer(connection.getresponse())
            self.assertEqual((answer.status, answer.json["verdict"]), (200, "cancelled"))
            self.assertEqual(answer.headers["Connection"], "close")
            connection.close()

    def test_honours_its_deadlines_when_it_was_stopped_meanwhile(self):
        daemon = self.serve()
        connection = self.begin("while True: pass", limits={"timeout": 0.3})
        self.busy_await(1)
        daemon.send_signal(signal.SIGSTOP)
        # Time has to pass: that nobody looks at the clock meanwhile is what is tested.
        threading.Event().wait(0.5)
        daemon.send_signal(signal.SIGCONT)
        self.assertEqual(Answer(connection.getresponse()).json["verdict"], "timeout")
        connection.close()
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
        self.end(daemon)

    def test_leaves_nothing_when_it_is_killed_under_load(self):
        daemon = self.serve(workers=4)
        connections = [self.begin("while True: pass") for _ in range(4)]
        self.busy_await(4)
        daemon.kill()
        daemon.wait(SECONDS_MAX)
        self.orphans_await()
        for connection in connections:
            connection.close()
        self.end(self.serve())

    def test_a_thousand_idle_connections_cost_nobody_anything(self):
        daemon = self.serve()
        connections = [socket.socket(socket.AF_UNIX) for _ in range(1000)]
        for connection in connections:
            connection.connect(self.path)
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
        for connection in connections:
            connection.close()
        self.end(daemon)


