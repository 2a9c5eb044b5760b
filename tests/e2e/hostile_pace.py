# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/hostile_pace.py: clients that are slow, many, or gone: each costs itself and no other.
"""
import http.client
import json
import os
import resource
import select
import socket
import struct
import time

from tests.e2e.hostile import HostileTest, post
from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import FOREVER


class Slow(HostileTest):
    """Row 128."""
    environment = {"CORRAL_HEADER_TIMEOUT": "300ms", "CORRAL_BODY_TIMEOUT": "300ms",
                   "CORRAL_IDLE_TIMEOUT": "300ms", "CORRAL_ANSWER_TIMEOUT": "300ms"}

    def trickled(self, before, each=b"x"):
        """What comes back to a client that sends another byte whenever 20 ms brought no answer."""
        client, received = self.client(), b""
        client.sendall(before)
        due = time.monotonic() + SECONDS_MAX
        while not select.select([client], [], [], 0.02)[0]:
            self.assertLess(time.monotonic(), due, "a trickle renews the deadline")
            try:
                client.send(each)
            except BrokenPipeError:
                break
        try:
            while chunk := client.recv(4096):
                received += chunk
        except ConnectionResetError:
            pass
        client.close()
        return received

    def test_heads_and_bodies_end_at_their_deadline(self):
        for before in (b"GET /", b"GET / HTTP/1.1\r\nA", b"GET / HTTP/1.1\r\nA: "):
            self.assertTrue(self.trickled(before).startswith(b"HTTP/1.1 408"), before)
        for before, each in ((post(b"{", b"Content-Length: 1000"), b" "),
                             (post(b"", b"Transfer-Encoding: chunked"), b"1\r\n \r\n"),
                             (post(b"1;", b"Transfer-Encoding: chunked"), b"x")):
            self.assertTrue(self.trickled(before, each).startswith(b"HTTP/1.1 408"), before)
        self.assertEqual(self.trickled(b"", b"\r\n")[:12] or b"", b"", "empty lines are no request")

    def test_readers_are_cut_off(self):
        client = self.client()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(post(json.dumps({"code": "print('x' * 10**7)", "limits": {"output": "16M"}}).encode()))
        self.meant += 1
        gone = select.poll()
        gone.register(client, select.POLLHUP)
        self.assertTrue(gone.poll(SECONDS_MAX * 1000), "it waits for ever for its reader")
        client.close()

    def test_a_reader_that_takes_a_little_at_a_time_gets_all(self):
        client = self.client()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(post(json.dumps({"code": "print('x' * 10**6)", "limits": {"output": "16M"}}).encode()))
        self.meant += 1
        answer = http.client.HTTPResponse(client)
        answer.begin()
        self.assertEqual(json.loads(answer.read())["stdout"], "x" * 10**6 + "\n")
        client.close()

    def test_idle_connections_are_closed(self):
        clients = [self.client() for _ in range(100)]
        for client in clients:
            self.assertEqual(client.recv(1), b"")
            client.close()


class Crowd(HostileTest):
    """Row 128, the caps."""
    options = ("--connections-max", "20", "--shards", "1")

    def test_beyond_the_cap_waits_its_turn_and_costs_nothing(self):
        clients = [self.client() for _ in range(60)]
        for client in clients:
            client.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
        served = []
        while len(served) < 20:
            readable, _, _ = select.select(clients, [], [], SECONDS_MAX)
            self.assertTrue(readable, "the cap is not reached")
            for client in readable:
                if client not in served:
                    self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))
                    served.append(client)
        before = self.cpu_seconds()
        waiting = [client for client in clients if client not in served]
        self.assertEqual(select.select(waiting, [], [], 0.5)[0], [], "more than the cap are served")
        self.assertLess(self.cpu_seconds() - before, 0.2, "it spins")
        for client in served:
            client.close()
        for client in waiting:
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))
            client.close()

    def test_without_descriptors_it_says_why_it_refuses(self):
        connection = self.connection()
        self.meant += 2
        self.assertEqual(self.execute("print(1)", connection).status, 200)
        limit = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (0, limit[1]))
        answer = self.execute("print(1)", connection, stdin="a file for itself")
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, limit)
        self.assertEqual((answer.status, answer.json["error"]["message"]),
                         (503, "the execution could not be prepared: Too many open files;"
                          " try again later"))
        self.assertEqual(self.execute("print(1)", connection).json["stdout"], "1\n")
        connection.close()

    def test_without_descriptors_it_waits_until_one_is_free(self):
        first = self.client()
        first.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
        self.assertTrue(first.recv(4096).startswith(b"HTTP/1.1 200"))
        limit = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        used = max(map(int, os.listdir(f"/proc/{self.daemon.pid}/fd"))) + 1
        # An accept goes by the limit of when it was armed: it is armed anew after a full house.
        crowd = [self.client() for _ in range(19)]
        for client in crowd:
            client.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (used, limit[1]))
        for client in crowd:
            client.close()
        # As many as there are numbers free below that are served, and one waits.
        clients = []
        while not clients or select.select([clients[-1]], [], [], 0.5)[0]:
            clients.append(self.client())
            clients[-1].sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
            self.assertLess(len(clients), 20)
        before = self.cpu_seconds()
        self.assertEqual(select.select([clients[-1]], [], [], 0.5)[0], [])
        self.assertLess(self.cpu_seconds() - before, 0.2, "it spins")
        first.close()
        self.assertTrue(clients[-1].recv(4096).startswith(b"HTTP/1.1 200"))
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, limit)
        for client in clients:
            client.close()


class Gone(HostileTest):
    """Row 129, but for half-closes."""
    options = ("--listen", "127.0.0.1:0", "--shards", "1")

    def setUp(self):
        super().setUp()
        self.port = self.tcp_port()
        self.token = self.tcp_token()

    def tcp(self):
        client = socket.create_connection(("127.0.0.1", self.port), SECONDS_MAX)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() is a RST
        return client

    def request(self, code):
        body = json.dumps({"code": code}).encode()
        return post(body, b"Content-Length: %d" % len(body), b"Authorization: Bearer " + self.token.encode())

    def test_a_reset_in_the_middle_of_a_request_starts_nothing(self):
        request = self.request("print(1)")
        for cut in (1, 20, len(request) // 2, len(request) - 1):
            client = self.tcp()
            client.sendall(request[:cut])
            client.close()

    def test_a_reset_while_it_runs_cancels_it(self):
        client = self.tcp()
        client.sendall(self.request(FOREVER))
        self.meant += 1
        self.busy_await(1)
        client.close()
        self.busy_await(0)

    def test_a_reset_while_it_waits_takes_it_out_of_the_queue(self):
        running, waiting = self.tcp(), self.tcp()
        running.sendall(self.request(FOREVER))
        self.meant += 1
        self.busy_await(1)
        waiting.sendall(self.request(FOREVER))
        while self.ask("GET", "/v1/pool").json["queued"] != 1:
            pass
        waiting.close()
        while self.ask("GET", "/v1/pool").json["queued"] != 0:
            pass
        running.close()
        self.busy_await(0)

    def test_a_reset_behind_its_request_or_in_its_answer_harms_nobody(self):
        for code in ("print('x' * 10**6)", "1"):
            client = self.tcp()
            client.sendall(self.request(code) * 3)
            client.recv(1)
            client.close()
        # How many of the six began depends on when the reset came.
        self.busy_await(0)
        self.meant = self.executions()
