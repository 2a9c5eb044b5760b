# SPDX-License-Identifier: Apache-2.0
"""tests/harness/daemon.py: a corral serve of the test's own, and a client of it.

The daemon says itself that it is ready (sd_notify), its log is kept for the failure's message, and
what it left behind is looked for as after every command (tests/harness/command.py).
"""
import http.client
import json
import os
import select
import signal
import socket
import tempfile
from pathlib import Path

from tests.harness.command import CORRAL, SECONDS_MAX, CorralTest


FOREVER = "import time\nwhile True: time.sleep(1)"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("corral", timeout=SECONDS_MAX)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS_MAX)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class ServeTest(CorralTest):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name + "/corral.sock"

    def tearDown(self):
        self.folder.cleanup()
        super().tearDown()

    def serve(self, *options, workers=2, corral=CORRAL, **environment):
        """A daemon that said that it is ready (sd_notify)."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(self.folder.name + "/notify")
        notify.settimeout(SECONDS_MAX)
        daemon = self.start("serve", "--socket", self.path, "--workers", str(workers),
                            "--state-dir", self.folder.name + "/state", *options, corral=corral,
                            env={**os.environ, **environment,
                                 "NOTIFY_SOCKET": self.folder.name + "/notify"},
                            stderr=open(self.folder.name + "/log", "wb"))
        ended = os.pidfd_open(daemon.pid)
        try:
            readable, _, _ = select.select([notify, ended], [], [], SECONDS_MAX)
            self.assertIn(notify, readable, "it did not start: " + self.log())
            self.assertEqual(notify.recv(64), b"READY=1")
        finally:
            os.close(ended)
            notify.close()
            os.unlink(self.folder.name + "/notify")
        return daemon

    def end(self, daemon, number=signal.SIGTERM):
        daemon.send_signal(number)
        self.assertEqual(daemon.wait(SECONDS_MAX), 0, self.log())
        self.assertFalse(os.path.exists(self.path), "the socket's file is left")

    def tcp_port(self):
        """What the kernel chose for --listen ADDRESS:0."""
        return int(self.log().split(" port ")[1].split()[0])

    def tcp_token(self):
        return Path(self.folder.name + "/state/token").read_text().strip()

    def log(self):
        return Path(self.folder.name + "/log").read_text()

    def connection(self):
        return UnixConnection(self.path)

    def ask(self, method, path, body=None, headers=(), connection=None):
        connection, own = connection or self.connection(), connection is None
        connection.request(method, path, body, dict(headers))
        answer = Answer(connection.getresponse())
        if own:
            connection.close()
        return answer

    def execute(self, code, connection=None, **fields):
        return self.ask("POST", "/v1/execute", json.dumps({"code": code, **fields}),
                        {"Content-Type": "application/json"}, connection)

    def begin(self, code=FOREVER, **fields):
        """The connection of a request whose answer nobody has read yet."""
        connection = self.connection()
        connection.request("POST", "/v1/execute", json.dumps({"code": code, **fields}),
                           {"Content-Type": "application/json"})
        return connection

    def busy_await(self, count):
        """Until so many workers run something."""
        while self.ask("GET", "/v1/pool").json["templates"]["python"]["busy"] != count:
            pass

    def raw(self, data, path=None):
        """Everything that comes back for these bytes, until the daemon closes."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(SECONDS_MAX)
        client.connect(path or self.path)
        client.sendall(data)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        client.close()
        return received
