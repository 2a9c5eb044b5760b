# SPDX-License-Identifier: Apache-2.0
# Runs programs from every place that a program can come from. The policy is: allowed, and what
# runs is in the same cell with the same filters and no more rights.
# expect: verdict=ok stdout=held
# stops: seccomp, ids, namespaces
# proof: control none: nothing is refused here; the rest of the corpus says what the cell is worth
import shutil
import subprocess

CAT = "/usr/bin/cat"


def status(*command, pass_fds=()):
    said = subprocess.run(command, capture_output=True, text=True, pass_fds=pass_fds, check=True)
    return dict(line.split(":\t", 1) for line in said.stdout.splitlines() if ":\t" in line)


own = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status"))
shutil.copy(CAT, "/tmp/cat")
memory = os.memfd_create("cat")
with open(CAT, "rb") as file:
    os.write(memory, file.read())
for name, command in (
    ("/tmp", ["/tmp/cat", "/proc/self/status"]),
    ("a memfd", [f"/proc/self/fd/{memory}", "/proc/self/status"]),
    ("the loader", ["/lib64/ld-linux-x86-64.so.2", CAT, "/proc/self/status"]),
    ("a script", ["/bin/sh", "-c", "cat /proc/self/status"]),
):
    there = status(*command, pass_fds=(memory,))
    for key in ("Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp",
                "Seccomp_filters"):
        expect(there[key] == own[key], f"{name}: {key} is {there[key]}, was {own[key]}")
expect(own["Seccomp"] == "2", "no filter")
said = subprocess.run(
    ["/usr/bin/python3", "-c",
     "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))"],
    capture_output=True, text=True, check=True).stdout
expect(said == "-1\n", "unshare in a program that was executed")
held()
