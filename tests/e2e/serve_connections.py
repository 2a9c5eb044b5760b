# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/serve_connections.py: how clients come, send and go, and what that costs the others."""
import contextlib
import http.client
import json
import os
import select
import socket
import struct
import threading
import unittest
from pathlib import Path

from tests.harness.daemon import FOREVER, ServeTest
from tests.harness.command import SECONDS_MAX

KIB, MIB = 1 << 10, 1 << 20


def request(code, headers=b"", **fields):
    body = json.dumps({"code": code, **fields}).encode()
    return (b"POST /v1/execute HTTP/1.1\r\nContent-Type: application/json\r\n" + headers +
            b"Content-Length: %d\r\n\r\n" % len(body) + body)


class ConnectionsTest(ServeTest):
    def client(self, tcp=None):
        client = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        client.settimeout(SECONDS_MAX)
        client.connect(("127.0.0.1", tcp[0]) if tcp else self.path)
        self.addCleanup(client.close)
        return client

    def serve_tcp(self, **options):
        """The daemon, and what reaches it by TCP: the port and the header with the token."""
        daemon = self.serve("--listen", "127.0.0.1:0", **options)
        token = self.tcp_token()
        return daemon, (self.tcp_port(),
                        b"Authorization: Bearer %s\r\n" % token.encode())

    def rest(self, client):
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        return received

    def answer(self, client):
        response = http.client.HTTPResponse(client)
        response.begin()
        return json.loads(response.read())


class Ends(ConnectionsTest):
    def test_of_a_clients_sending_are_no_ends_of_its_executions(self):
        daemon, tcp = self.serve_tcp()
        slow = "import time\ntime.sleep(0.5)\nprint('done')"
        for client, headers in ((self.client(), b""), (self.client(tcp), tcp[1])):
            for fields in ({}, {"stream": True}):
                client.sendall(request(slow, headers, **fields))
                if fields:
                    client.shutdown(socket.SHUT_WR)
                answer = http.client.HTTPResponse(client)
                answer.begin()
                self.assertIn("done", answer.read().decode())
            self.assertEqual(client.recv(1), b"", "the connection ends behind the last answer")
        self.end(daemon)

    def test_of_a_clients_sending_leave_a_pipeline_its_answers(self):
        daemon = self.serve()
        client = self.client()
        client.sendall(request("import time\ntime.sleep(0.2)\n1") + request("2") + request("3"))
        client.shutdown(socket.SHUT_WR)
        received = self.rest(client)
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 3)
        self.assertIn(b'"text":"3"', received)
        self.end(daemon)

    def test_of_a_client_are_ends_of_its_executions(self):
        daemon, tcp = self.serve_tcp(workers=1)
        reset = struct.pack("ii", 1, 0)
        for where, headers in ((None, b""), (tcp, tcp[1])):
            for how in ("close", "half-close, then close", "reset", "close behind a pipeline"):
                client = self.client(where)
                client.sendall(request(FOREVER, headers))
                self.busy_await(1)
                if how == "half-close, then close" and not where:
                    client.shutdown(socket.SHUT_WR)
                elif how == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                elif how == "close behind a pipeline":
                    client.sendall(request("1", headers) * 3)
                client.close()
                # The only worker is free again long before the timeout.
                self.assertEqual(self.execute("print(1)").json["verdict"], "ok", how)
        self.end(daemon)

    def test_of_a_client_while_it_waits_in_line_take_it_out_of_the_line(self):
        daemon = self.serve(workers=1)
        busy, waiting = self.client(), self.client()
        busy.sendall(request(FOREVER))
        self.busy_await(1)
        waiting.sendall(request(FOREVER))
        while self.ask("GET", "/v1/pool").json["queued"] != 1:
            pass
        waiting.close()
        while self.ask("GET", "/v1/pool").json["queued"] != 0:
            pass
        busy.close()
        self.assertEqual(self.execute("print(1)").json["verdict"], "ok")
        self.end(daemon)

    def test_in_the_middle_of_a_request_harm_nobody(self):
        daemon, tcp = self.serve_tcp()
        whole = request("print(1)", tcp[1])
        for size in (1, 30, len(whole) - 1):
            for linger in (0, 1):
                client = self.client(tcp)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", linger, 0))
                client.sendall(whole[:size])
                client.close()
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
        self.end(daemon)


class Crowds(ConnectionsTest):
    def memory(self, daemon):
        """Its own: of images and channels, which are shared, each rewind touches what it needs."""
        text = Path(f"/proc/{daemon.pid}/status").read_text()
        return int(text.split("RssAnon:")[1].split()[0]) * KIB

    def switches(self, daemon):
        """How often each thread of the daemon has waited: the one that serves, for each request."""
        return {task.name: int((task / "status").read_text().split("\nvoluntary_ctxt_switches:")[1]
                               .split()[0]) for task in Path(f"/proc/{daemon.pid}/task").iterdir()}

    def test_of_requests_on_one_connection_wait_in_its_socket(self):
        daemon = self.serve()
        before = self.memory(daemon)
        client = self.client()
        client.sendall(request(FOREVER, limits={"timeout": "2s"}))
        health = b"GET /v1/health HTTP/1.1\r\nX: %s\r\n\r\n" % (b"x" * 200)
        flood = memoryview(health * 10000)
        sent = 0
        client.setblocking(False)
        while select.select([], [client], [], 0.2)[1]:
            sent += client.send(flood[sent:])
        self.assertLess(sent, MIB, "the daemon takes what it cannot use")
        self.assertLess(self.memory(daemon) - before, 2 * MIB)
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n", "others wait for it")
        client.setblocking(True)
        client.settimeout(SECONDS_MAX)
        sender = threading.Thread(target=client.sendall, args=(flood[sent:],))
        sender.start()
        with client.makefile("rb") as answers:
            statuses = 0
            while statuses < 10001:
                statuses += b"HTTP/1.1 200" in answers.readline()
        sender.join()
        self.assertLess(self.memory(daemon) - before, 2 * MIB)
        client.close()
        self.end(daemon)

    def test_of_idle_connections_hold_no_buffers(self):
        daemon = self.serve()
        clients = [self.client() for _ in range(100)]
        for client in clients:  # what the first ones need is there from now on
            client.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
            client.recv(1000)
        before = self.memory(daemon)
        for _ in range(800):
            clients.append(self.client())
            clients[-1].sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
            clients[-1].recv(1000)
        self.assertLess((self.memory(daemon) - before) / 800, 8 * KIB)
        for client in clients:
            client.close()
        self.end(daemon)

    def test_that_flood_are_refused_and_leave_the_memory_flat(self):
        daemon = self.serve("--memory-max", "16M", workers=1)
        self.execute("print(1)")
        before = self.memory(daemon)
        busy = self.client()
        busy.sendall(request(FOREVER))
        self.busy_await(1)
        # More bodies than there is memory for; each waits in line, or is refused.
        clients = [self.client() for _ in range(40)]
        for client in clients:
            with contextlib.suppress(BrokenPipeError):  # refused before it was all there
                client.sendall(request("1", stdin="x" * MIB))
        refused = 0
        while not refused:
            refused = int(self.ask("GET", "/metrics").body.decode()
                          .split("\ncorral_memory_refused_total ")[1].split()[0])
        self.assertLess(self.memory(daemon) - before, 20 * MIB)
        busy.close()
        statuses = []
        for client in clients:
            answer = http.client.HTTPResponse(client)
            answer.begin()
            statuses.append(answer.status)
            answer.read()
            client.close()
        self.assertEqual(set(statuses), {200, 503})
        self.assertEqual(self.execute("print(1)").json["stdout"], "1\n")
        self.assertLess(self.memory(daemon) - before, 12 * MIB, "the burst is kept")
        text = self.ask("GET", "/metrics").body.decode()
        self.assertIn("\ncorral_memory_bytes 16777216\n", text)
        self.end(daemon)

    def test_of_more_clients_than_may_come_wait_for_their_turn(self):
        daemon = self.serve("--connections-max", "2", "--shards", "1")
        clients = [self.client() for _ in range(20)]
        for client in clients:
            client.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
        self.assertEqual([self.answer(client)["status"] for client in clients[:2]], ["ok"] * 2)
        self.assertEqual(select.select(clients[2:], [], [], 0.2)[0], [], "nobody else is served")
        for client, following in zip(clients, clients[2:]):
            client.close()
            self.assertEqual(self.answer(following)["status"], "ok")
        for client in clients:
            client.close()
        self.end(daemon)

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one CPU has one shard")
    def test_are_spread_over_the_shards(self):
        daemon = self.serve("--shards", "2", workers=4)
        connections = [self.connection() for _ in range(8)]
        threads = []
        for connection in connections:
            self.ask("GET", "/v1/health", connection=connection)
            before = self.switches(daemon)
            for _ in range(200):
                self.ask("GET", "/v1/health", connection=connection)
            after = self.switches(daemon)
            threads.append(max(before, key=lambda thread: after[thread] - before[thread]))
        self.assertEqual(sorted(threads.count(thread) for thread in set(threads)), [4, 4])
        for connection in connections:
            connection.close()
        self.end(daemon)
