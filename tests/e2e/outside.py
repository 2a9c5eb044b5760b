# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/outside.py: programs that others wrote, as load on the daemon and as readers of its metrics."""
import http.server
import json
import os
import re
import select
import shutil
import subprocess
import threading
from pathlib import Path

from tests.harness.command import SECONDS_MAX
from tests.harness.daemon import ServeTest

# Unpacked there by tools/install-deps: installed, its service would run.
PROMETHEUS = Path("/usr/local/lib/corral-tests/prometheus/usr/bin")

BODY = '{"code": "print(1+1)"}'
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{folder}/rules.yml]
alerting:
  alertmanagers:
    - api_version: v2
      static_configs: [{{targets: ["127.0.0.1:{alerts}"]}}]
scrape_configs:
  - job_name: corral
    authorization: {{credentials_file: {folder}/state/token}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
RULES = """
groups:
  - name: corral
    rules:
      - alert: Executed
        expr: sum(corral_executions_total{verdict="ok"}) >= 3 and sum(up{job="corral"}) == 1
        annotations: {value: "{{ $value }}"}
"""


class Outside(ServeTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve("--listen", "127.0.0.1:0", workers=8)
        self.port = self.tcp_port()
        self.token = self.tcp_token()

    def tearDown(self):
        if self.daemon.poll() is None:
            self.end(self.daemon)
        super().tearDown()

    def run_program(self, *arguments, **options):
        program = shutil.which(arguments[0])
        self.assertIsNotNone(program, f"{arguments[0]} is missing: make deps installs it")
        return subprocess.run([program, *arguments[1:]], capture_output=True, text=True,
                              timeout=SECONDS_MAX, check=True, **options).stdout

    def executions(self):
        text = self.ask("GET", "/metrics").body.decode()
        return int(re.search(r'corral_executions_total\{[^}]*verdict="ok"[^}]*\} (\d+)', text)[1])

    def test_wrk_gets_an_execution_for_each_request(self):
        script = Path(self.folder.name + "/execute.lua")
        script.write_text(f"wrk.method = 'POST'\nwrk.body = '{BODY}'\n"
                          "wrk.headers['Content-Type'] = 'application/json'\n"
                          f"wrk.headers['Authorization'] = 'Bearer {self.token}'\n")
        said = self.run_program("wrk", "-t1", "-c4", "-d2s", "-s", str(script),
                                f"http://127.0.0.1:{self.port}/v1/execute")
        self.assertNotIn("Non-2xx", said)
        self.assertNotIn("Socket errors", said)
        requests = int(re.search(r"(\d+) requests in", said)[1])
        self.assertGreater(requests, 10, said)
        # Those that it gave up at its end were cancelled or not counted by it.
        self.assertGreaterEqual(self.executions(), requests)

    def test_hey_gets_200_for_each_request(self):
        said = self.run_program("hey", "-n", "200", "-c", "8", "-m", "POST", "-d", BODY,
                                "-T", "application/json", "-H", f"Authorization: Bearer {self.token}",
                                f"http://127.0.0.1:{self.port}/v1/execute")
        self.assertRegex(said, r"\[200\]\s+200 responses")
        self.assertEqual(self.executions(), 200)

    def test_hey_without_keep_alive(self):
        said = self.run_program("hey", "-n", "100", "-c", "4", "-disable-keepalive",
                                "-H", f"Authorization: Bearer {self.token}",
                                f"http://127.0.0.1:{self.port}/v1/pool")
        self.assertRegex(said, r"\[200\]\s+100 responses")

    def test_curl_streams_and_reads_what_is_refused(self):
        said = self.run_program("curl", "-sS", "--unix-socket", self.path, "http://corral/v1/execute",
                                "-H", "Content-Type: application/json", "-d",
                                json.dumps({"code": "print('one')\nprint('two')", "stream": True}))
        lines = [json.loads(line) for line in said.splitlines()]
        self.assertEqual("".join(line.get("stdout", "") for line in lines[:-1]), "one\ntwo\n")
        self.assertEqual(lines[-1]["verdict"], "ok")
        said = self.run_program("curl", "-sS", "-w", " %{http_code}",
                                f"http://127.0.0.1:{self.port}/v1/pool")
        self.assertRegex(said, r'^\{"error":\{"status":401,.*\}\} 401$')

    def test_promtool_finds_nothing_to_say(self):
        self.execute("1/0")
        text = self.ask("GET", "/metrics").body.decode()
        said = self.run_program(str(PROMETHEUS / "promtool"), "check", "metrics", input=text)
        self.assertEqual(said, "")

    def test_prometheus_scrapes_it_and_its_rules_see_the_executions(self):
        alerts = []
        arrived, wakes = os.pipe()

        class Manager(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                alerts.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()
                os.write(wakes, b".")

            def log_message(self, *arguments):
                pass

        for _ in range(3):
            self.execute("pass")
        manager = http.server.HTTPServer(("127.0.0.1", 0), Manager)
        threading.Thread(target=manager.serve_forever).start()
        folder = self.folder.name
        Path(folder + "/rules.yml").write_text(RULES)
        Path(folder + "/prometheus.yml").write_text(
            CONFIG.format(folder=folder, port=self.port, alerts=manager.server_port))
        self.run_program(str(PROMETHEUS / "promtool"), "check", "config", folder + "/prometheus.yml")
        with open(folder + "/prometheus.log", "wb") as log:
            prometheus = subprocess.Popen(
                [PROMETHEUS / "prometheus", f"--config.file={folder}/prometheus.yml",
                 f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:0"],
                stdout=log, stderr=log)
        try:
            readable, _, _ = select.select([arrived], [], [], SECONDS_MAX)
            self.assertTrue(readable, Path(folder + "/prometheus.log").read_text()[-3000:])
        finally:
            prometheus.terminate()
            prometheus.wait(SECONDS_MAX)
            manager.shutdown()
            manager.server_close()
            os.close(arrived)
            os.close(wakes)
        self.assertEqual(alerts[0]["labels"]["alertname"], "Executed")
        self.assertEqual(alerts[0]["annotations"]["value"], "3")
