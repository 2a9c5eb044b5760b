# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/hostile.py: what a client can send that no client should; each is refused or exact.
Whatever it was, no program ran that was not meant, and the daemon serves the next one.
"""
import http.client
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import ServeTest

MIB = 1 << 20

JSON = {"Content-Type": "application/json"}


def post(body, *headers):
    """The bytes of a request to run something."""
    lines = [b"POST /v1/execute HTTP/1.1", b"Content-Type: application/json",
             *(headers or (b"Content-Length: %d" % len(body),)), b"", body]
    return b"\r\n".join(lines)


def answers(data):
    """The (status, document) of each answer, which must follow each other to the last byte."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        size = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"Content-Length"))
        found.append((int(lines[0].split()[1]), json.loads(data[:size])))
        data = data[size:]
    return found


class HostileTest(ServeTest):
    workers, options, environment = 1, (), {}

    def setUp(self):
        super().setUp()
        self.daemon = self.serve(*self.options, workers=self.workers, **self.environment)
        self.meant = 0

    def tearDown(self):
        try:
            self.assertEqual(self.execute("print(1)").json["stdout"], "1\n", "the daemon is harmed")
            self.assertEqual(self.executions(), self.meant + 1, "a program ran that was not meant")
        finally:
            self.end(self.daemon)
            super().tearDown()

    def executions(self):
        return self.ask("GET", "/v1/pool").json["executions"]

    def status(self, field):
        return int(Path(f"/proc/{self.daemon.pid}/status").read_text().split(field + ":")[1].split()[0])

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(SECONDS_MAX)
        client.connect(self.path)
        return client

    def refused(self, body, *parts, status=400):
        """This body is, with a sentence that holds the parts."""
        answer = self.ask("POST", "/v1/execute", body, JSON)
        self.assertEqual(answer.status, status, (body[:80], answer.body[:200]))
        for part in parts:
            self.assertIn(part, answer.json["error"]["message"], body[:80])

    def exact(self, code, value, **fields):
        answer = self.execute(code, **fields)
        self.meant += 1
        self.assertEqual((answer.status, answer.json["verdict"]), (200, "ok"), answer.body[:200])
        self.assertEqual(answer.json["result"]["json"], value)


class Json(HostileTest):
    """Row 126."""

    def test_that_is_none_is_refused_with_its_place(self):
        code = b'{"code":"print(1)'
        for body, *parts in (
                (b"", "at byte 0"), (b"\0", "at byte 0"), (b" ", "at byte 1"),
                (code, "at byte 17"), (code + b'"', "at byte 18"), (code + b'",}', "at byte 19"),
                (code + b'"} {', "at byte 20"), (code + b'"}\0', "at byte 19", "NUL"),
                (code + b'\\u0000import os"}', "at byte 17", "NUL"),
                (code + b'\0import os"}', "at byte 17", "NUL"),
                (code + b'\n"}', "at byte 17", "0x0a"),
                (code + b'\xff"}', "at byte 17", "UTF-8"), (code + b'\xc0\x80"}', "at byte 17"),
                (code + b'\xed\xa0\x80"}', "at byte 17"), (code + b'\xc3', "at byte 17"),
                (code + b'\\ud800"}', "at byte 17", "half"),
                (code + b'\\udc00\\ud800"}', "at byte 17", "half"),
                (code + b'\\ud800\\u0041"}', "at byte 17", "half"),
                (code + b'\\x41"}', "at byte 17", "escape"),
                (b"\xef\xbb\xbf" + code + b'"}', "at byte 0"),
                ("{\"code\":\"1\"}".encode("utf-16"), "at byte 0"),
                ("{\"code\":\"1\"}".encode("utf-16-le"), "at byte 1"),
                (b"{'code':'1'}", "at byte 1"), (b'{code:"1"}', "at byte 1"),
                (b'{"code":"1"}// x', "at byte 12"), (b'{"code":"1","code":"2"}', "at byte 12", "twice"),
                (b'{"code":"1","c\\u006fde":"2"}', "at byte 12", "twice"),
                *((b'{"code":"1","queue_timeout":%s}' % number, "at byte")
                  for number in (b"1e999", b"-1e999", b"NaN", b"Infinity", b"-Infinity", b"+1", b"01",
                                 b"1.", b".5", b"0x10", b"1e", b"1_000", b"1" * 64))):
            self.refused(body, *parts)

    def test_that_is_deep_is_refused_at_its_bound(self):
        for body in (b"[" * 10**5, b'{"a":' * 10**5, b"[" * 10**5 + b"]" * 10**5,
                     b'{"code":"1","env":' + b'{"a":' * 10**5 + b"1" + b"}" * (10**5 + 1)):
            self.refused(body, "at byte", "inside each other")

    def test_of_a_million_keys_costs_no_more_than_its_bytes(self):
        before = self.cpu_seconds()
        self.refused(b"{" + b",".join(b'"%d":1' % n for n in range(10**6)) + b"}", "1000 keys")
        self.refused(b"[" + b"1," * 10**6 + b"1]", "65536 values")
        # Keys that differ behind their ends alone, with and without escapes, as long as bodies are.
        long = b"a" * 31000
        for middle in (b"", b"\\u0061"):
            self.refused(b"{" + b",".join(
                b'"%s%s%06d":1' % (long, middle, n * 619 % 1000) for n in range(1000)) + b"}",
                "there is no field 'aaa")
        # Each was 0.1 s when this was written, 1.5 s with escapes that were resolved again and again.
        self.assertLess(self.cpu_seconds() - before, 3)

    def test_numbers_are_what_they_say_or_clamped_aloud(self):
        for limits, refused in (({"timeout": -0.0}, "limits.timeout"), ({"pids": 0}, "limits.pids"),
                                ({"memory": -1}, "limits.memory"), ({"pids": 1.5}, "limits.pids"),
                                ({"files": 1e-300}, "limits.files")):
            self.refused(json.dumps({"code": "1", "limits": limits}), refused)
        for field, value in (("memory", 2**53 + 1), ("pids", 10**60), ("output", 1e308)):
            document = self.execute("1", limits={field: value}).json
            self.meant += 1
            self.assertIn(f"limits.{field}", "".join(document["notes"]))

    def test_of_wrong_types_and_names_is_refused_by_the_field(self):
        for value in (None, True, 1, [], {}, ["print(1)"]):
            self.refused(json.dumps({"code": value}), "code must be a string")
        for body in ("null", "true", "1", '"code"', "[]", '[{"code":"1"}]'):
            self.refused(body, "the request must be an object")
        for name in ("CODE", "Code", "code ", " code", "c\u00f6de", "cod", "coded", "\u0441ode", ""):
            self.refused(json.dumps({"code": "1", name: "2"}), "there is no field")
            self.refused(json.dumps({name: "1"}), "there is no field")

    def test_a_long_string_arrives_whole_or_not_at_all(self):
        self.exact("import sys; t = sys.stdin.read(); [len(t), t == 'x' * len(t)]", [10**7, True],
                   stdin="x" * 10**7)
        self.refused(json.dumps({"code": "#" * 10**7}), "code, env and args", status=413)
        self.exact("#" * (MIB - 6) + "\n7 * 6", 42)
        self.refused(json.dumps({"code": "#" * (MIB - 5) + "\n7 * 6"}), "1048577 bytes", status=413)


class Code(HostileTest):
    """Row 132; names of files are in files.py."""

    def test_is_refused_or_exact(self):
        self.exact("", None)
        self.exact("#!/bin/sh\n'python'", "python")
        self.exact("#!/usr/bin/env -S rm -rf /\n1", 1)
        self.exact("'\U0001f40d\u00e9'", "\U0001f40d\u00e9")
        self.exact("\ufeff'marked'", "marked")
        self.exact("import sys; sys.argv[1:]", ["--", "-c", "print(2)", "", "\n", "$(id)", "-"],
                   args=["--", "-c", "print(2)", "", "\n", "$(id)", "-"])
        self.exact("import os; [os.environ['A B'], os.environ['-c']]", ["=x\n", "--"],
                   env={"A B": "=x\n", "-c": "--"})
        self.refused(b'{"code":"' + b"\\u0000" * 1000 + b'"}', "NUL")
        self.refused(b'{"code":"' + b"\0" * 1000 + b'"}', "NUL")
        self.refused(b'{"code":"' + "print(1)".encode("utf-16") + b'"}', "UTF-8")
        self.refused(json.dumps({"code": "1", "env": {"A=B": "1"}}), "env cannot name")
        status, document = answers(self.raw(post(b"#", b"Content-Length: %d" % (64 << 20))))[0]
        self.assertEqual((status, document["error"]["message"]),
                         (413, "the body is longer than this server takes"))


class Framing(HostileTest):
    """Row 127: each shape that two readers could read in two ways is refused, and ends the connection."""

    SMUGGLED = b"GET /v1/pool HTTP/1.1\r\nHost: x\r\n\r\n"

    def alone(self, data, *statuses):
        """The one answer is of these, and then the connection is closed."""
        found = answers(self.raw(data))
        self.assertEqual(len(found), 1, (data[:200], found))
        self.assertIn(found[0][0], statuses, (data[:200], found))

    def test_of_two_lengths_is_refused(self):
        body = b'{"code":"1"}'
        for headers in ((b"Content-Length: 12", b"Content-Length: 13"),
                        (b"Content-Length: 12", b"Content-Length: 12"),
                        (b"Content-Length: 12, 12",), (b"Content-Length: +12",),
                        (b"Content-Length: -1",), (b"Content-Length: 0x0c",),
                        (b"Content-Length: 1 2",), (b"Content-Length:",), (b"Content-Length: 12a",),
                        (b"Content-Length: 99999999999999999999999",),
                        (b"Content-Length : 12",), (b"Content-Length\t: 12",),
                        (b" Content-Length: 12",), (b"Content-Length: 12\0",),
                        (b"Content-Length: 12\rX: y",)):
            self.alone(post(body + self.SMUGGLED, *headers), 400)

    def test_of_a_length_and_chunks_is_refused(self):
        for headers in ((b"Content-Length: 3", b"Transfer-Encoding: chunked"),
                        (b"Transfer-Encoding: chunked", b"Content-Length: 3"),
                        (b"Content-Length: 3", b"Transfer-Encoding: identity"),
                        (b"Transfer-Encoding: chunked, identity",), (b"Transfer-Encoding: xchunked",),
                        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"),
                        (b"Transfer-Encoding : chunked",), (b"Transfer-Encoding: \x0bchunked",),
                        (b"Transfer-Encoding:\r\n chunked", b"Content-Length: 3"),
                        (b"Transfer-Encoding: identity", b"Content-Length: 3"),
                        (b"Transfer-Encoding: \"chunked\"",), (b"Transfer-Encoding: chunk",)):
            self.alone(post(b"0\r\n\r\n" + self.SMUGGLED, *headers), 400, 501)

    def test_of_wrong_chunks_is_refused(self):
        for chunks in (b"ffffffffffffffff\r\n{", b"fffffffffffffffff\r\n{", b"7fffffffffffffff\r\n{",
                       b"-1\r\n{", b"0x1\r\n{\r\n0\r\n\r\n", b" 1\r\n{\r\n0\r\n\r\n", b"\r\n", b"g\r\n",
                       b"2000001\r\n{", b"1\n{\r\n0\r\n\r\n", b"1\r\n{}\r\n0\r\n\r\n",
                       b"1;" + b"a" * 20000 + b"\r\n{\r\n0\r\n\r\n", b"1\r\n{0\r\n\r\n"):
            self.alone(post(chunks + self.SMUGGLED, b"Transfer-Encoding: chunked"), 400, 413, 431)

    def test_of_a_wrong_line_is_refused(self):
        for line in (b"GET /v1/pool HTTP/1.1 x", b"GET /v1/pool HTTP/1.12",
                     b"GET /v1/pool http/1.1", b"GET /v1/pool\0 HTTP/1.1", b"GET /v1/pool", b"get / HTTP/1.1",
                     b"\x16\x03\x01\x02", b"PRI * HTTP/2.0", b"GET /v1/p ool HTTP/1.1"):
            self.alone(line + b"\r\n\r\n" + self.SMUGGLED, 400, 505)
        for header in (b"A", b"A B: c", b": c", b"A\0: b", b"A: b\0c", b"A: b\r\n c: d\r\n\x00", b"A: \x7f\x01",
                       b"A:b\nB:c"):
            self.alone(b"GET /v1/health HTTP/1.1\r\n" + header + b"\r\n\r\n" + self.SMUGGLED, 400)

    def test_of_a_megabyte_of_head_is_refused_early(self):
        peak = self.status("VmHWM")
        for data in (b"GET /" + b"x" * MIB, b"GET / HTTP/1.1\r\nA: " + b"x" * MIB,
                     b"GET / HTTP/1.1\r\n" + b"x" * MIB, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MIB // 6),
                     post(b"0\r\n" + b"A: b\r\n" * (MIB // 6), b"Transfer-Encoding: chunked"),
                     b"x" * MIB):
            client = self.client()
            received = b""
            try:
                client.sendall(data + b"\r\n\r\n")
            except OSError:
                pass  # it has said what it had to say, and closed
            try:
                while chunk := client.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass  # with bytes of ours unread
            client.close()
            self.assertIn(received[9:12], (b"400", b"414", b"431"), data[:40])
        self.assertLess(self.status("VmHWM") - peak, 4096)

    def test_of_a_length_that_its_body_has_not(self):
        body = b'{"code":"1"}'
        client = self.client()
        client.sendall(post(body, b"Content-Length: 100"))
        client.close()  # shorter: nothing ran, says tearDown()
        # Longer: what is over is the next request, and none.
        found = answers(self.raw(post(body + b"xyz" * 5 + b"\r\n\r\n", b"Content-Length: 12")))
        self.meant += 1
        self.assertEqual([status for status, _ in found], [200, 400])

    def test_of_ten_thousand_requests_at_once_costs_no_memory(self):
        requests = b"GET /v1/health HTTP/1.1\r\n\r\n" * 9999
        client, received = self.client(), b""
        data = requests + b"GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n"
        resident = self.status("VmRSS")
        client.setblocking(False)
        while True:
            readable, writable, _ = select.select([client], [client] if data else [], [], SECONDS_MAX)
            self.assertTrue(readable or writable, "it waits for nothing")
            if writable:
                data = data[client.send(data[:65536]):]
            if readable:
                chunk = client.recv(65536)
                received += chunk
                if not chunk:
                    break
        client.close()
        self.assertEqual(received.count(b'{"status":"ok"}'), 10000)
        self.assertLess(self.status("VmRSS") - resident, 2048)


class Strangers(HostileTest):
    """Rows 135 and 136."""
    options = ("--listen", "127.0.0.1:0")

    def tcp_ask(self, target, headers=(), body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        answer = self.ask("POST" if body else "GET", target, body, headers, connection)
        connection.close()
        return answer

    def setUp(self):
        super().setUp()
        self.port = self.tcp_port()
        self.token = self.tcp_token()

    def test_a_token_counts_in_its_header_alone(self):
        token = self.token
        for target in ("/v1/pool?token=" + token, "/v1/pool?access_token=" + token):
            self.assertEqual(self.tcp_ask(target).status, 401, target)
        for headers in ({}, {"Authorization": token}, {"Authorization": "Basic " + token},
                        {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
                        {"Authorization": "Bearer " + token[:-1]}, {"Authorization": f"Bearer {token}x"},
                        {"Authorization": "Bearer " + token[::-1]}, {"Authorization": "Bearer  " + token},
                        {"Authorization": "Bearer " + token.upper()}, {"X-Token": token},
                        {"Cookie": "token=" + token}, {"Proxy-Authorization": "Bearer " + token}):
            self.assertEqual(self.tcp_ask("/v1/pool", headers).status, 401, headers)
            self.assertEqual(self.tcp_ask("/v1/execute", {**JSON, **headers}, '{"code":"1"}').status, 401)
        self.assertEqual(self.tcp_ask("/v1/pool", {"Authorization": "Bearer " + token}).status, 200)

    def test_a_stranger_sends_no_body(self):
        """Refused by the head: what it announces is neither read nor kept."""
        client = socket.create_connection(("127.0.0.1", self.port), SECONDS_MAX)
        client.sendall(post(b"", b"Content-Length: 30000000"))
        received = b""
        while chunk := client.recv(4096):
            received += chunk
        client.close()
        self.assertTrue(received.startswith(b"HTTP/1.1 401"), received)

    def test_another_user_cannot_open_the_socket(self):
        os.chmod(self.folder.name, 0o755)
        stranger = subprocess.run(
            [sys.executable, "-c", "import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
             "try: s.connect(sys.argv[1])\nexcept PermissionError: print('refused')", self.path],
            user=65534, group=65534, extra_groups=[], capture_output=True, timeout=SECONDS_MAX)
        self.assertEqual(stranger.stdout, b"refused\n", stranger.stderr)

    def test_a_program_reaches_nothing_of_the_daemon(self):
        code = f"""
import os, signal, socket
def refusal(function, *arguments):
    try: return function(*arguments) or 'done'
    except Exception as error: return type(error).__name__
def connect(family, address):
    socket.socket(family).connect(address)
[refusal(connect, socket.AF_UNIX, {self.path!r}),
 refusal(connect, socket.AF_INET, ('127.0.0.1', {self.port})),
 *(refusal(os.kill, {self.daemon.pid}, n) for n in (signal.SIGHUP, signal.SIGTERM, 0)),
 refusal(open, '/proc/{self.daemon.pid}/status'),
 refusal(open, {self.folder.name + '/state/token'!r})]"""
        self.exact(code, ["FileNotFoundError", "OSError", *["ProcessLookupError"] * 3,
                          "FileNotFoundError", "FileNotFoundError"])
