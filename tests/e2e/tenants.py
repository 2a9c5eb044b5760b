# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/tenants.py: who a client is, and that one tenant's crowd does not stop another."""
import http.client
import json
import os
import signal
from pathlib import Path

from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import FOREVER, Answer, ServeTest

NOBODY = 65534


class TenantTest(ServeTest):
    def serve_one(self, *options, **environment):
        """One worker, and one place in each tenant's queue."""
        return self.serve("--shards", "1", "--queue", "1", *options, workers=1, **environment)

    def connection_of(self, uid):
        """As SO_PEERCRED sees it: the effective uid of who connects, at that moment."""
        os.chmod(self.folder.name, 0o711)
        os.chmod(self.path, 0o666)
        connection = self.connection()
        os.seteuid(uid)
        try:
            connection.connect()
        finally:
            os.seteuid(0)
        return connection

    def begin_as(self, connection, code, **headers):
        connection.request("POST", "/v1/execute", json.dumps({"code": code}),
                           {"Content-Type": "application/json", **headers})
        return connection

    def pool_await(self, queued):
        while (pool := self.ask("GET", "/v1/pool").json)["queued"] != queued or \
                pool["templates"]["python"]["busy"] != 1:
            pass


class Users(TenantTest):
    def test_of_a_full_queue_get_429_and_others_go_on(self):
        daemon = self.serve_one()
        running, waiting = (self.begin_as(self.connection_of(0), FOREVER) for _ in range(2))
        self.pool_await(queued=1)
        answer = self.execute("print(1)", self.connection_of(0))
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertIn("the queue of uid 0 is full", answer.json["error"]["message"])
        other = self.begin_as(self.connection_of(NOBODY), "print('other')")
        self.pool_await(queued=2)
        answer = self.execute("print(1)", self.connection_of(NOBODY))
        self.assertEqual(answer.status, 429)
        self.assertIn(f"the queue of uid {NOBODY} is full", answer.json["error"]["message"])
        running.close()
        waiting.close()
        self.assertEqual(Answer(other.getresponse()).json["stdout"], "other\n")
        self.end(daemon)

    def test_who_come_later_do_not_wait_for_all_who_came_before(self):
        daemon = self.serve("--shards", "1", workers=1)
        running = self.begin_as(self.connection_of(0), FOREVER)
        self.pool_await(queued=0)
        crowd = []
        for number in range(6):
            crowd.append(self.begin_as(self.connection_of(0), "import time; print(time.monotonic())"))
            self.pool_await(queued=number + 1)
        other = self.begin_as(self.connection_of(NOBODY), "import time; print(time.monotonic())")
        self.pool_await(queued=7)
        running.close()
        other_at = float(Answer(other.getresponse()).json["stdout"])
        crowd_at = [float(Answer(client.getresponse()).json["stdout"]) for client in crowd]
        self.assertEqual(sum(at < other_at for at in crowd_at), 1, "it had the second turn")
        self.end(daemon)


class Tokens(TenantTest):
    FIRST, SECOND, THIRD = "first-of-all-tokens", "the-second-one-of-them", "and-a-third-token"

    def serve_tokens(self, text):
        self.file = Path(self.folder.name + "/tokens")
        self.file.write_text(text)
        self.file.chmod(0o600)
        daemon = self.serve_one("--listen", "127.0.0.1:0", "--token-file", str(self.file))
        self.port = self.tcp_port()
        return daemon

    def tcp(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)

    def status(self, token):
        connection = self.tcp()
        answer = self.ask("GET", "/v1/pool", headers={"Authorization": "Bearer " + token},
                          connection=connection)
        connection.close()
        return answer.status

    def reload(self, daemon, text, said):
        self.file.write_text(text)
        before = self.log().count(said)
        daemon.send_signal(signal.SIGHUP)
        while self.log().count(said) == before:
            pass

    def test_are_as_many_as_the_file_has_and_name_their_tenants(self):
        daemon = self.serve_tokens(f"# tenants\nalice {self.FIRST}\n\nbob {self.SECOND}\n"
                                   f"alice {self.THIRD}\n")
        for token in (self.FIRST, self.SECOND, self.THIRD):
            self.assertEqual(self.status(token), 200)
        for token in ("alice", self.FIRST[:-1], self.FIRST + "x", "", "x" * 65):
            self.assertEqual(self.status(token), 401)
        clients = [self.begin_as(self.tcp(), FOREVER, Authorization="Bearer " + token)
                   for token in (self.FIRST, self.THIRD)]
        self.pool_await(queued=1)
        full = self.begin_as(self.tcp(), "1", Authorization="Bearer " + self.FIRST)
        answer = Answer(full.getresponse())
        self.assertEqual(answer.status, 429)
        self.assertIn("the queue of alice is full", answer.json["error"]["message"])
        other = self.begin_as(self.tcp(), "7", Authorization="Bearer " + self.SECOND)
        self.pool_await(queued=2)
        for client in clients:
            client.close()
        self.assertEqual(Answer(other.getresponse()).json["result"]["text"], "7")
        for client in (full, other):
            client.close()
        self.end(daemon)

    def test_are_read_again_on_sighup_and_stay_if_the_file_is_wrong(self):
        done = "SIGHUP: the configuration was read again"
        daemon = self.serve_tokens(self.FIRST + "\n")
        self.assertEqual(self.status(self.FIRST), 200)
        self.reload(daemon, f"bob {self.SECOND}\n", done)
        self.assertEqual((self.status(self.FIRST), self.status(self.SECOND)), (401, 200))
        self.reload(daemon, "bob short\n", done)
        self.assertIn("line 1 of", self.log())
        self.assertNotIn("short", self.log())
        self.assertEqual(self.status(self.SECOND), 200)
        self.end(daemon)
