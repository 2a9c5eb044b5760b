# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/executions.py: executions have names that live, and keys that run once."""
import http.client
import json
import os
import re
import subprocess
import threading

from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import FOREVER, Answer, ServeTest

NOBODY = 65534


class NamedTest(ServeTest):
    def send(self, code, connection=None, key=None, **fields):
        """The connection of an execution whose answer nobody awaits yet."""
        connection = connection or self.connection()
        connection.request("POST", "/v1/execute", json.dumps({"code": code, **fields}),
                           {"Content-Type": "application/json",
                            **({"Idempotency-Key": key} if key is not None else {})})
        return connection

    def keyed(self, code, key, connection=None, **fields):
        own = connection is None
        connection = self.send(code, connection, key, **fields)
        answer = Answer(connection.getresponse())
        if own:
            connection.close()
        return answer

    def living(self, count, state=None):
        """The ids of all that live, once there are so many of them in that state."""
        while True:
            found = self.ask("GET", "/v1/executions").json["executions"]
            ids = [one["id"] for one in found if state in (None, one["state"])]
            if len(ids) == count:
                return ids

    def show(self, id, method="GET"):
        return self.ask(method, "/v1/executions/" + id)

    def ended(self, id):
        while (shown := self.show(id).json)["state"] != "ended":
            pass
        return shown

    def runs(self):
        """How many executions the daemon has run to their end."""
        text = self.ask("GET", "/metrics").body.decode()
        return sum(int(number) for number in
                   re.findall(r"^corral_executions_total\{.*\} (\d+)$", text, re.M))


class Names(NamedTest):
    def test_show_what_ended_with_the_same_answer(self):
        daemon = self.serve()
        answer = self.execute("print('ä')\n{'a': [1]}")
        shown = self.show(answer.json["id"])
        self.assertEqual(shown.status, 200)
        self.assertIn(b'"answer":' + answer.body + b"}", shown.body)
        document = shown.json
        self.assertEqual(document["answer"], answer.json)
        self.assertEqual((document["id"], document["state"], document["streamed"],
                          document["output_kept"]), (answer.json["id"], "ended", False, True))
        times = [document[name] for name in ("submitted_at", "started_at", "ended_at")]
        self.assertEqual(times, sorted(times))
        for time in times:
            self.assertRegex(time, r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual(self.show(answer.json["id"], "HEAD").body, b"")
        self.end(daemon)

    def test_show_a_streams_end_without_its_output(self):
        daemon = self.serve()
        last = self.execute("print('x' * 1000)\n7", stream=True).body.splitlines()[-1]
        document = self.show(json.loads(last)["id"]).json
        self.assertEqual((document["streamed"], document["output_kept"]), (True, False))
        self.assertEqual(document["answer"], json.loads(last))
        self.end(daemon)

    def test_cancel_what_runs_and_what_waits(self):
        daemon = self.serve(workers=1)
        first = self.send(FOREVER)
        running, = self.living(1, "running")
        second = self.send("print(1)")
        waiting, = self.living(1, "queued")
        self.assertEqual(self.show(running).json["answer"], None)
        self.assertIsNone(self.show(waiting).json["started_at"])
        for id, state, connection in ((waiting, "queued", second), (running, "running", first)):
            cancelled = self.show(id, "DELETE")
            self.assertEqual((cancelled.status, cancelled.json["state"]), (202, state))
            self.assertIn(self.show(id, "DELETE").status, (200, 202))
            answer = Answer(connection.getresponse())
            self.assertEqual((answer.status, answer.json["verdict"], answer.json["id"]),
                             (200, "cancelled", id))
            again = self.show(id, "DELETE")
            self.assertEqual((again.status, again.json["state"]), (200, "ended"))
            self.assertEqual(again.json["answer"], answer.json)
        self.assertEqual(self.living(0), [])
        for connection in (first, second):  # which are as good as before
            self.assertEqual(self.execute("print(2)", connection).json["stdout"], "2\n")
            connection.close()
        self.end(daemon)

    def test_cancel_a_stream(self):
        daemon = self.serve(workers=1)
        connection = self.send("print('a', flush=True)\n" + FOREVER, stream=True)
        response = connection.getresponse()
        self.assertEqual(json.loads(response.readline()), {"stdout": "a\n"})
        id, = self.living(1, "running")
        self.assertEqual(self.show(id, "DELETE").status, 202)
        self.assertEqual(json.loads(response.read())["verdict"], "cancelled")
        connection.close()
        self.end(daemon)

    def test_tell_that_the_client_has_gone(self):
        daemon = self.serve(workers=1)
        gone = self.send(FOREVER)
        running, = self.living(1, "running")
        waits = self.send("print(1)")
        waiting, = self.living(1, "queued")
        waits.close()
        gone.close()
        for id, ran in ((running, True), (waiting, False)):
            document = self.ended(id)
            self.assertEqual(document["answer"]["verdict"], "cancelled")
            self.assertIn("its client has gone", document["answer"]["reason"])
            self.assertEqual(document["started_at"] is not None, ran)
        self.end(daemon)

    def test_that_nobody_has_are_not_found(self):
        daemon = self.serve()
        id = self.execute("1").json["id"]
        for path in ("0" * 32, id[:-1], id + "0", id.upper() + "x", "", "x" * 500, id + "/x",
                     "%2e%2e", id[1:] + id[0]):
            for method in ("GET", "DELETE"):
                self.assertEqual(self.show(path, method).status, 404, path)
        self.assertEqual(self.show(id + "?x=1").status, 200)
        self.assertEqual(self.show(id, "POST").status, 405)
        self.assertEqual(self.ask("DELETE", "/v1/executions").status, 405)
        self.end(daemon)

    def test_of_what_never_ran_are_forgotten(self):
        daemon = self.serve(workers=1)
        busy = self.send(FOREVER)
        self.living(1, "running")
        self.assertEqual(self.execute("1", queue_timeout=0.05).status, 504)
        self.assertEqual(len(self.living(1)), 1)
        busy.close()
        self.end(daemon)

    def test_are_kept_as_many_and_as_long_as_was_said(self):
        daemon = self.serve("--executions-kept", "3", "--executions-kept-bytes", "64K")
        ids = [self.execute("1").json["id"] for _ in range(5)]
        self.assertEqual([self.show(id).status for id in ids], [404, 404, 200, 200, 200])
        long = self.execute("print('x' * 10000)")
        self.assertEqual(len(long.json["stdout"]), 10001)
        shown = self.show(long.json["id"]).json
        self.assertEqual((shown["state"], shown["output_kept"], shown["answer"]),
                         ("ended", False, None))
        self.end(daemon)

    def as_nobody(self, *options):
        """curl by another uid: the status and the body."""
        process = subprocess.run(
            ["curl", "-s", "-m", str(SECONDS_MAX), "--unix-socket", self.path, "-w", "\n%{http_code}",
             *options], user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.PIPE, check=True)
        body, _, status = process.stdout.rpartition(b"\n")
        return int(status), json.loads(body)

    def test_are_their_tenants_alone(self):
        daemon = self.serve("--listen", "127.0.0.1:0")
        os.chmod(self.folder.name, 0o711)
        os.chown(self.path, 0, NOBODY)
        port = self.tcp_port()
        token = self.tcp_token()

        def by_token(method, path, body=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
            answer = self.ask(method, path, body, {"Authorization": "Bearer " + token,
                                                   "Content-Type": "application/json"}, connection)
            connection.close()
            return answer

        run = ("-H", "Content-Type: application/json", "-d", '{"code": "1"}')
        ids = {"root": self.execute("1").json["id"],
               "token": by_token("POST", "/v1/execute", '{"code": "1"}').json["id"],
               "nobody": self.as_nobody("http://x/v1/execute", *run)[1]["id"]}
        for name, id in ids.items():
            for method in ("GET", "DELETE"):
                self.assertEqual(self.show(id, method).status, 200)
                self.assertEqual(by_token(method, "/v1/executions/" + id).status,
                                 200 if name == "token" else 404, name)
                self.assertEqual(self.as_nobody("-X", method, "http://x/v1/executions/" + id)[0],
                                 200 if name == "nobody" else 404, name)
        # What runs is neither seen nor ended by others.
        connection = self.send(FOREVER)
        id, = self.living(1, "running")
        self.assertEqual(self.as_nobody("http://x/v1/executions"), (200, {"executions": []}))
        self.assertEqual(by_token("GET", "/v1/executions").json, {"executions": []})
        self.assertEqual(self.as_nobody("-X", "DELETE", "http://x/v1/executions/" + id)[0], 404)
        self.assertEqual(self.show(id).json["state"], "running")
        # A key of one is not a key of another.
        keyed = ("-H", "Idempotency-Key: k", *run)
        one, two = self.keyed("1", "k").json["id"], self.as_nobody("http://x/v1/execute", *keyed)[1]["id"]
        self.assertNotEqual(one, two)
        self.assertEqual(self.as_nobody("http://x/v1/execute", *keyed)[1]["id"], two)
        connection.close()
        self.end(daemon)


class Keys(NamedTest):
    def test_give_the_same_answer_again(self):
        daemon = self.serve()
        first = self.keyed("import random\nprint(random.random(), '\\xff')", "key")
        self.assertNotIn("Idempotency-Replayed", first.headers)
        for _ in range(3):
            again = self.keyed("import random\nprint(random.random(), '\\xff')", "key")
            self.assertEqual((again.status, again.body), (200, first.body))
            self.assertEqual(again.headers["Idempotency-Replayed"], "true")
            self.assertEqual(again.headers["Content-Type"], first.headers["Content-Type"])
        self.assertEqual(self.runs(), 1)
        self.end(daemon)

    def test_that_come_at_once_run_once(self):
        daemon = self.serve(workers=4)
        code = "import time\nprint('once')\ntime.sleep(0.2)"
        start, answers = threading.Barrier(20), []

        def client():
            connection = self.connection()
            connection.connect()
            start.wait()
            answers.append(self.keyed(code, "key", connection))
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bodies = {answer.body for answer in answers if answer.status == 200}
        self.assertEqual(len(bodies), 1)
        self.assertEqual({answer.status for answer in answers} - {200, 409}, set())
        id = json.loads(bodies.pop())["id"]
        for answer in answers:
            if answer.status == 409:
                self.assertIn(id, answer.json["error"]["message"])
        self.assertEqual(self.runs(), 1)
        self.assertEqual(self.keyed(code, "key").json["id"], id)
        self.end(daemon)

    def test_are_refused_while_their_execution_runs_and_with_another_body(self):
        daemon = self.serve(workers=2)
        connection = self.send(FOREVER, key="key")
        id, = self.living(1, "running")
        answer = self.keyed(FOREVER, "key")
        self.assertEqual(answer.status, 409)
        self.assertIn(id, answer.json["error"]["message"])
        self.assertEqual(self.keyed("print(1)", "key").status, 422)
        self.show(id, "DELETE")
        cancelled = Answer(connection.getresponse())
        connection.close()
        self.assertEqual(self.keyed(FOREVER, "key").body, cancelled.body)
        self.assertEqual(self.keyed("print(1)", "key").status, 422)
        self.assertEqual(self.runs(), 1)
        self.end(daemon)

    def test_must_be_keys(self):
        daemon = self.serve()
        for key, status in (("", 400), ('""', 400), ("x" * 256, 400), ("x" * 255, 200), ("ä", 200),
                            ('"8e03978e"', 200)):
            self.assertEqual(self.keyed("1", key.encode().decode("latin-1")).status, status, key)
        answer = self.keyed("1", "key", stream=True)
        self.assertEqual(answer.status, 400)
        self.assertIn("a stream cannot be given again", answer.json["error"]["message"])
        received = self.raw(b"POST /v1/execute HTTP/1.1\r\nContent-Type: application/json\r\n"
                            b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nConnection: close\r\n"
                            b"Content-Length: 12\r\n\r\n{\"code\":\"1\"}")
        self.assertTrue(received.startswith(b"HTTP/1.1 400"), received)
        self.end(daemon)

    def test_are_not_used_up_by_what_never_ran(self):
        daemon = self.serve(workers=1)
        self.assertEqual(self.keyed("\0", "key").status, 400)
        busy = self.send(FOREVER)
        self.living(1, "running")
        self.assertEqual(self.keyed("1", "key", queue_timeout=0.05).status, 504)
        self.assertEqual(self.keyed("2", "key", queue_timeout=0.05).status, 504)
        # A client that went while its execution waited may come again.
        gone = self.send("print(3)", key="key")
        waiting, = self.living(1, "queued")
        gone.close()
        self.ended(waiting)
        busy.close()
        while (answer := self.keyed("print(3)", "key")).status == 409:
            pass
        self.assertEqual((answer.json["stdout"], answer.headers["Idempotency-Replayed"]), ("3\n", None))
        self.end(daemon)

    def test_are_used_up_by_what_ran_for_a_client_that_has_gone(self):
        daemon = self.serve(workers=1)
        gone = self.send(FOREVER, key="key")
        id, = self.living(1, "running")
        gone.close()
        self.ended(id)
        answer = self.keyed(FOREVER, "key")
        self.assertEqual((answer.json["id"], answer.json["verdict"]), (id, "cancelled"))
        self.assertEqual(answer.headers["Idempotency-Replayed"], "true")
        self.end(daemon)

    def test_are_forgotten_in_time_and_by_number(self):
        daemon = self.serve("--key-time", "100ms", "--keys-kept", "2")
        first = self.keyed("1", "key").json["id"]
        while self.keyed("1", "key").json["id"] == first:
            pass
        self.end(daemon)
        daemon = self.serve("--keys-kept", "2")
        ids = [self.keyed("1", str(n)).json["id"] for n in range(3)]
        self.assertEqual(self.keyed("1", "1").json["id"], ids[1])
        self.assertEqual(self.keyed("1", "2").json["id"], ids[2])
        self.assertNotEqual(self.keyed("1", "0").json["id"], ids[0])
        self.end(daemon)

    def test_say_when_an_answer_is_too_long_to_be_kept(self):
        daemon = self.serve("--keys-kept-bytes", "16K")
        answer = self.keyed("print('x' * 5000)", "key")
        self.assertEqual(answer.headers["Idempotency-Kept"], "false")
        self.assertEqual(len(answer.json["stdout"]), 5001)
        again = self.keyed("print('x' * 5000)", "key")
        self.assertEqual(again.status, 409)
        self.assertIn(answer.json["id"], again.json["error"]["message"])
        self.assertEqual(self.runs(), 1)
        self.assertNotIn("Idempotency-Kept", self.keyed("1", "other").headers)
        self.end(daemon)

    def test_work_with_curl_as_the_documentation_says(self):
        daemon = self.serve()
        command = ["curl", "-s", "-i", "-m", str(SECONDS_MAX), "--unix-socket", self.path,
                   "http://corral/v1/execute", "-H", "Content-Type: application/json",
                   "-H", 'Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"',
                   "-d", '{"code": "print(6*7)"}']
        first, second = (subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
                         for _ in range(2))
        self.assertNotIn(b"Idempotency-Replayed", first)
        self.assertIn(b"\r\nIdempotency-Replayed: true\r\n", second)
        self.assertEqual(first.split(b"\r\n\r\n")[1], second.split(b"\r\n\r\n")[1])
        self.end(daemon)
