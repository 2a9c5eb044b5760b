# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/crash.py: the daemon dies at any moment under load (SIGKILL), and the next one starts.

CRASHES says how often; `make crash` does it 200 times. The seed of the moments is in the failure's
message, CRASH_SEED repeats it.
"""
import json
import os
import random
import re
import signal
import threading
import time

from tests.harness.command import cgroups
from tests.harness.daemon import ServeTest

CRASHES = int(os.environ.get("CRASHES", "15"))
SEED = int(os.environ.get("CRASH_SEED", str(random.randrange(1 << 32))))
CLIENTS = 4
MOMENT_MAX = 0.3  # seconds of load before the kill
PROGRAMS = (
    "print({token!r})",
    "import subprocess\nsubprocess.run(['/bin/echo', {token!r}])",
    "import time\nprint({token!r})\ntime.sleep(60)",
    "import os, time\nprint({token!r})\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)",
    "open('/tmp/f', 'w').write('x' * 100000)\nprint({token!r})",
    "while True: print({token!r} * 100)",
)


class Client(threading.Thread):
    """Asks until the daemon is gone; keeps what was answered to which question."""

    def __init__(self, test, number, generator):
        super().__init__()
        self.connection = test.connection()
        self.number, self.random = number, generator
        self.answers = []

    def run(self):
        for question in range(1 << 30):
            token = f"{self.number}.{question}"
            code = self.random.choice(PROGRAMS).format(token=token)
            try:
                self.connection.request("POST", "/v1/execute", json.dumps({"code": code}),
                                        {"Content-Type": "application/json"})
                response = self.connection.getresponse()
                self.answers.append((token, response.status, response.read()))
            except OSError:
                break
            except Exception as error:  # half an answer: http.client has many words for it
                self.answers.append((token, None, repr(error)))
                break
        self.connection.close()


class Crashes(ServeTest):
    def crash(self, generator):
        daemon = self.serve(workers=4)
        clients = [Client(self, number, random.Random(generator.random()))
                   for number in range(CLIENTS)]
        for client in clients:
            client.start()
        # Not a wait for something: the moment is what is tested.
        threading.Event().wait(generator.uniform(0, MOMENT_MAX))
        killed = time.monotonic()
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        self.orphans_await()
        died_in = time.monotonic() - killed
        for client in clients:
            client.join()
        return daemon, clients, died_in

    def expect_one_answer_each(self, client):
        answered = [token for token, status, _ in client.answers if status]
        self.assertEqual(len(answered), len(set(answered)))
        for token, status, body in client.answers:
            if status != 200:
                continue
            stdout = json.loads(body)["stdout"]
            self.assertIn(token, stdout)
            # The floods are cut somewhere, by the marker and at the end.
            for part in re.split(r"\n\[\d+ bytes left out\]\n", stdout):
                flood = f"{token * 100}\n" * (2 + len(part) // (100 * len(token)))
                self.assertTrue(part == f"{token}\n" or part in flood, "another's output")

    def test_leave_nothing_alive_and_nothing_behind(self):
        generator = random.Random(SEED)
        slowest, answers = 0, 0
        for round_number in range(CRASHES):
            with self.subTest(seed=SEED, round=round_number):
                daemon, clients, died_in = self.crash(generator)
                slowest = max(slowest, died_in)
                self.assertLess(died_in, 1, "seconds until the last worker was dead")
                for client in clients:
                    self.expect_one_answer_each(client)
                    answers += len(client.answers)
        self.end(self.serve())
        self.assertEqual(cgroups({process.pid for process in self.started}), [])
        self.assertGreater(answers, 0, "nothing ran: nothing was proved")
        print(f"\n{CRASHES} crashes, {answers} answers, dead within {slowest * 1000:.0f} ms", end=" ")
