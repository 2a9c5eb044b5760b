# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/stream.py: raw streams of the daemon: frames that hold what the program wrote."""
import base64
import contextlib
import json
import socket
import struct
import threading
from pathlib import Path

from tests.e2e.starts import FAULTY
from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import ServeTest

MIB = 1 << 20
STDOUT, STDERR, RESULT, GAP = 1, 2, 3, 4
NAMES = {STDOUT: "stdout", STDERR: "stderr"}
NUMBERS = "for i in range(0, 400000, 5000): print('\\n'.join(map(str, range(i, i + 5000))))"


class Raw:
    """A raw stream as it is read: `streams` with the bytes of each, `gaps`, `document`, `frames`."""

    def __init__(self):
        self.streams = {STDOUT: bytearray(), STDERR: bytearray()}
        self.gaps, self.frames, self.document = [], 0, None

    def read(self, response):
        """One frame; False at the end of the stream."""
        header = response.read(8)
        if not header:
            return False
        kind, zeros, size = struct.unpack(">B3sI", header)
        payload = response.read(size)
        assert zeros == bytes(3) and len(payload) == size and size, (header, len(payload))
        assert self.document is None, "a frame behind the result"
        self.frames += 1
        if kind == RESULT:
            self.document = json.loads(payload)
        elif kind == GAP:
            stream, zeros, count = struct.unpack(">B7sQ", payload)
            assert zeros == bytes(7)
            self.gaps.append((stream, count))
        else:
            self.streams[kind] += payload
        return True

    def rest(self, response):
        while self.read(response):
            pass
        return self


class RawStreams(ServeTest):
    @contextlib.contextmanager
    def raw_stream(self, code, connection=None, **fields):
        connection, own = connection or self.connection(), connection is None
        connection.request("POST", "/v1/execute", json.dumps({"code": code, **fields}),
                           {"Content-Type": "application/json",
                            "Accept": "application/octet-stream"})
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["Content-Type"], "application/octet-stream")
        yield response
        if own:
            connection.close()

    def raw_all(self, code, **fields):
        with self.raw_stream(code, **fields) as response:
            return Raw().rest(response)

    def test_hold_what_the_whole_answer_holds(self):
        daemon = self.serve()
        connection = self.connection()
        for code in (
                "pass",
                "print('a')\n6 * 7",
                "import sys\nfor i in range(500): print(i); print(-i, file=sys.stderr)",
                "import sys\nfor i in range(99): print('o' * 3000); sys.stderr.write('e' * 2000)",
                "import os, sys\nsys.stdout.buffer.write(bytes(range(256)) * 3000)\n1 / 0",
                NUMBERS,
                "import os\nprint(1)\nos.system('seq 100000; seq 2000 >&2')\nprint(3)",
                "import os, sys\nprint('x' * 9999)\nos.write(sys.stdout.fileno(), b'y' * 60000)\nprint('z' * 9999)",
                "print('é' * 100001)",
                "raise SystemExit(3)"):
            whole = self.execute(code, limits={"output": "16M"}).json
            with self.raw_stream(code, connection, limits={"output": "16M"}) as response:
                raw = Raw().rest(response)
            for stream, name in NAMES.items():
                text = (base64.b64decode(whole[name + "_base64"]) if name + "_base64" in whole
                        else whole[name].encode())
                self.assertEqual(raw.streams[stream] == text, True, (code, name))
            for key in ("verdict", "exit_code", "result", "error", "dropped_bytes"):
                self.assertEqual(raw.document[key], whole[key], code)
            self.assertEqual((raw.document["stdout"], raw.document["stderr"]), ("", ""))
            self.assertEqual(raw.document["usage"]["output_bytes"],
                             whole["usage"]["output_bytes"])
        connection.close()
        self.end(daemon)

    def test_come_while_the_program_runs(self):
        daemon = self.serve(workers=1)
        raw = Raw()
        with self.raw_stream("import time\nprint('first')\nprint('x' * 5000)\n"
                             "while True: time.sleep(1)") as response:
            while raw.streams[STDOUT] != b"first\n" + b"x" * 5000 + b"\n":
                self.assertTrue(raw.read(response))
        # The client went; the only worker is free again long before the timeout.
        self.assertEqual(self.execute("print(1)").json["verdict"], "ok")
        self.end(daemon)

    def test_tell_of_a_gap_between_head_and_tail(self):
        daemon = self.serve()
        for code in ("import sys\nprint('a' * 2999, file=sys.stderr)\n"
                     "sys.stdout.buffer.raw.write(b'b' * 90000 + b'c' * 8192)\n"
                     "while True: pass",
                     "import os\nos.system('yes aaaaaaa')"):
            raw = self.raw_all(code, limits={"output": 8000})
            self.assertEqual(raw.document["verdict"], "limit:output")
            dropped = raw.document["dropped_bytes"]
            self.assertEqual(raw.gaps, [(STDOUT, dropped)] if dropped else [])
            self.assertEqual(sum(map(len, raw.streams.values())),
                             raw.document["usage"]["output_bytes"])
            if "raw" in code:  # a record is more than is kept of it
                self.assertEqual(raw.document["usage"]["output_bytes"], 8000 + 8192)
                self.assertGreater(dropped, 0)
        self.end(daemon)

    def test_hold_a_flood_back_at_the_readers_pace(self):
        daemon = self.serve()
        raw = self.raw_all("for i in range(1024): print(chr(97 + i % 26) * 65535)",
                           limits={"output": "128M"})
        self.assertEqual(len(raw.streams[STDOUT]), 64 * MIB)
        self.assertEqual(raw.streams[STDOUT] == b"".join(
            bytes([97 + i % 26]) * 65535 + b"\n" for i in range(1024)), True)
        peak = int(Path(f"/proc/{daemon.pid}/status").read_text().split("VmHWM:")[1].split()[0])
        self.assertLess(peak, 64 * 1024, "the flood was held in memory")
        self.end(daemon)

    def test_that_nobody_reads_end_at_their_deadline(self):
        daemon = self.serve(workers=2)
        with self.raw_stream("while True: print('x' * 60000)", limits={
                "output": "1G", "timeout": 0.5, "cpu_time": 60}) as response:
            self.busy_await(1)
            # A later deadline beside it; by then the one that is held back is over as well.
            document = self.execute("while True: pass", limits={"timeout": 0.6}).json
            self.assertEqual(document["verdict"], "timeout")
            self.busy_await(0)
            raw = Raw().rest(response)
        self.assertEqual(raw.document["verdict"], "timeout")
        self.assertEqual(len(raw.streams[STDOUT]), raw.document["usage"]["output_bytes"])
        self.assertLess(len(raw.streams[STDOUT]), 2 * MIB)
        self.end(daemon)

    def test_whose_reader_stalls_and_goes_leave_nothing(self):
        daemon = self.serve(workers=1)
        for raw in (True, False, True, False):
            connection = self.connection()
            connection.request("POST", "/v1/execute", json.dumps(
                {"code": "while True: print('x' * 60000)", "stream": True,
                 "limits": {"output": "1G", "timeout": 600, "cpu_time": 600}}),
                {"Content-Type": "application/json",
                 "Accept": "application/octet-stream" if raw else "*/*"})
            connection.getresponse().read(1)
            connection.close()
            self.assertEqual(self.execute("print(1)").json["verdict"], "ok")
        self.end(daemon)

    def test_are_closed_with_a_daemon_that_stops(self):
        daemon = self.serve(workers=4, CORRAL_DRAIN_TIMEOUT="300ms")
        connections = [self.connection() for _ in range(4)]
        for connection in connections:
            connection.request("POST", "/v1/execute", json.dumps(
                {"code": "while True: print('x' * 60000)",
                 "limits": {"output": "1G", "timeout": 600, "cpu_time": 600}}),
                {"Content-Type": "application/json", "Accept": "application/octet-stream"})
            connection.getresponse().read(1)
        self.end(daemon)
        for connection in connections:
            connection.close()

    def test_over_http_1_0_end_with_the_connection(self):
        daemon = self.serve()
        body = json.dumps({"code": NUMBERS, "limits": {"output": "16M"}}).encode()
        received = self.raw(b"POST /v1/execute HTTP/1.0\r\nContent-Type: application/json\r\n"
                            b"Accept: application/octet-stream\r\n"
                            b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head, _, frames = received.partition(b"\r\n\r\n")
        self.assertIn(b"Connection: close", head)
        self.assertNotIn(b"chunked", head)
        raw = Raw().rest(Bytes(frames))
        self.assertEqual(raw.streams[STDOUT].split(), [b"%d" % i for i in range(400000)])
        self.assertEqual(raw.document["verdict"], "ok")
        self.end(daemon)

    def test_run_beside_each_other_on_every_shard(self):
        daemon = self.serve(workers=4)
        wrong = []

        def client(letter):
            raw = self.raw_all(f"for i in range(400): print('{letter}' * 40000, end='')",
                               limits={"output": "64M"})
            if raw.streams[STDOUT] != letter.encode() * 16000000:
                wrong.append((letter, len(raw.streams[STDOUT]), raw.document))

        threads = [threading.Thread(target=client, args=(letter,)) for letter in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.end(daemon)

    def test_are_whole_for_a_reader_of_small_pieces(self):
        daemon = self.serve()
        client = socket.socket(socket.AF_UNIX)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(SECONDS_MAX)
        client.connect(self.path)
        body = json.dumps({"code": NUMBERS, "limits": {"output": "16M"}}).encode()
        client.sendall(b"POST /v1/execute HTTP/1.0\r\nContent-Type: application/json\r\n"
                       b"Accept: application/octet-stream\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
        received = b"".join(iter(lambda: client.recv(1000), b""))
        raw = Raw().rest(Bytes(received.partition(b"\r\n\r\n")[2]))
        self.assertEqual(raw.streams[STDOUT].split(), [b"%d" % i for i in range(400000)])
        client.close()
        self.end(daemon)

    def test_that_cannot_begin_are_refused_in_json(self):
        daemon = self.serve()
        answer = self.ask("POST", "/v1/execute", "{}", {
            "Content-Type": "application/json", "Accept": "application/octet-stream"})
        self.assertEqual(answer.status, 400)
        self.assertIn("code", answer.json["error"]["message"])
        answer = self.ask("POST", "/v1/execute", '{"code": ""}', {
            "Content-Type": "application/json", "Accept": "application/octet-stream",
            "Idempotency-Key": "k"})
        self.assertEqual(answer.status, 400, "a stream cannot be given again")
        self.end(daemon)

    def test_that_have_not_begun_without_memory_for_their_end_are_refused(self):
        """Of one that has begun, its cut is all that can be told."""
        daemon = self.serve(workers=1, corral=FAULTY, CORRAL_FAULT="events.memory:1")
        body = json.dumps({"code": "pass", "stream": True})
        headers = {"Content-Type": "application/json"}
        answer = self.ask("POST", "/v1/execute", body, headers)
        self.assertEqual(answer.status, 503)
        self.assertIn("memory", answer.json["error"]["message"])
        answer = self.ask("POST", "/v1/execute", body, headers)
        self.assertEqual(answer.status, 200)
        self.end(daemon)


class Bytes:
    """Bytes that are read like a response."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, size):
        self.at += size
        return self.data[self.at - size:self.at]
