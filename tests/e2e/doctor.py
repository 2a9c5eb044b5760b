#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""corral doctor says what it tried, what falls short and how to mend it, and leaves nothing behind.

Hosts that are not as they should be are made of this one: a mount namespace in which a file of the
kernel's is covered by one with other words, a lower rlimit, another uid.
"""
import json
import os
import resource
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("CORRAL_BUILD", Path(__file__).resolve().parents[2] / "build"))
CORRAL = str(BUILD / "bin" / "corral")
EXIT_CODES = {"well": 0, "degraded": 1, "unable": 2}
LAYERS = ["namespaces", "view", "ids", "cgroup", "seccomp", "landlock", "bpf-tracing"]


def run(*arguments, **keywords):
    return subprocess.run([CORRAL, "doctor", *arguments], capture_output=True, text=True,
                          timeout=120, **keywords)


def findings(completed):
    """What the JSON says, by name; its verdict and the exit code have to agree."""
    report = json.loads(completed.stdout)
    assert completed.returncode == EXIT_CODES[report["verdict"]], completed.stdout
    return {finding["name"]: finding for finding in report["findings"]}


def run_on_host_with(files):
    """With other words in files of the kernel's: {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        script = "set -e\n"
        for number, (path, text) in enumerate(files.items()):
            (Path(folder) / str(number)).write_text(text)
            script += f"mount --bind {folder}/{number} {path}\n"
        script += f"exec {CORRAL} doctor --json\n"
        return subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True,
                              text=True, timeout=120)


def leftovers(pid):
    """Control groups that this corral made."""
    return [str(path) for path in Path("/sys/fs/cgroup").rglob(f"corral.{pid}.*")]


class Doctor(unittest.TestCase):
    def test_tells_of_every_layer_and_runs_a_program(self):
        found = findings(run("--json"))
        self.assertEqual([f["name"] for f in found.values() if f["group"] == "layers"], LAYERS)
        for layer in LAYERS:
            self.assertIn(found[layer]["word"], ("enforced", "degraded", "absent"))
        self.assertEqual(found["python"]["state"], "ok")
        self.assertIn("printed 42", found["python"]["found"])

    def test_the_table_has_a_line_for_each_finding(self):
        found = findings(run("--json"))
        table = run()
        for name, finding in found.items():
            self.assertRegex(table.stdout, rf"(?m)^  {name} +{finding['word']} +\S")
            if finding["advice"]:
                self.assertIn(f"-> {finding['advice']}", table.stdout)

    def test_what_falls_short_comes_with_advice(self):
        found = findings(run("--json", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (520, 520))))
        self.assertEqual(found["descriptors"]["state"], "degraded")
        self.assertIn("room for 8 workers", found["descriptors"]["found"])
        self.assertIn("LimitNOFILE", found["descriptors"]["advice"])

    def test_asks_for_room_for_as_many_workers_as_are_wanted(self):
        few = findings(run("--json", "--workers", "1"))
        many = findings(run_on_host_with({"/proc/sys/kernel/pid_max": "150\n"}))
        self.assertEqual(few["processes"]["state"], "ok")
        self.assertEqual(many["processes"]["state"], "degraded")
        self.assertIn("room for 11 workers", many["processes"]["found"])

    def test_dangers_of_the_host_are_named(self):
        found = findings(run_on_host_with({
            "/proc/sys/kernel/core_pattern": "|/usr/lib/handler %p\n",
            "/proc/sys/vm/overcommit_memory": "2\n",
            "/sys/kernel/mm/ksm/run": "1\n",
        }))
        for name, advice in (("core_pattern", "sysctl -w kernel.core_pattern=core"),
                             ("overcommit", "sysctl -w vm.overcommit_memory=0"),
                             ("KSM", "echo 2 > /sys/kernel/mm/ksm/run")):
            self.assertEqual(found[name]["state"], "degraded")
            self.assertIn(advice, found[name]["advice"])

    def test_says_without_root_what_it_could_not_do(self):
        completed = run("--json", user=65534, group=65534, extra_groups=[])
        found = findings(completed)
        self.assertEqual(completed.returncode, 2)
        self.assertEqual(found["root"]["state"], "missing")
        self.assertEqual(found["namespaces"]["word"], "absent")
        self.assertEqual(found["python"]["state"], "missing")
        self.assertEqual(found["memfd"]["state"], "ok")

    def test_refuses_what_it_does_not_know(self):
        for arguments in (["--workers", "0"], ["--workers", "many"], ["--wrkers", "1"], ["now"]):
            completed = run(*arguments)
            self.assertEqual(completed.stdout, "")
            self.assertNotEqual(completed.stderr, "")
            self.assertEqual(completed.returncode, 2)

    def test_leaves_no_control_group_behind(self):
        with subprocess.Popen([CORRAL, "doctor"], stdout=subprocess.PIPE) as doctor:
            self.assertIn(b"printed 42", doctor.stdout.read())
        self.assertEqual(leftovers(doctor.pid), [])


if __name__ == "__main__":
    unittest.main()
