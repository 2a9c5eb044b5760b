# SPDX-License-Identifier: Apache-2.0
# Into other namespaces, by file and by pidfd.
# expect: verdict=ok stdout=held
# stops: seccomp, namespaces (pid)
# proof: control gets through: setns uts, setns by pidfd
for name in ("uts", "ipc", "net", "mnt", "pid", "cgroup", "user", "time"):
    fd = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    refused("setns", fd, 0, by=EPERM, what=f"setns {name}", harmless=name == "uts")
refused("setns", syscall("pidfd_open", os.getpid(), 0), 0x4000000, by=EPERM,
        what="setns by pidfd")
refused("setns", 0, 0, by=EPERM, harmless=False)
denied("PID 1's namespaces", lambda: os.listdir("/proc/1/ns"), (ENOENT, EACCES, EPERM), False)
held()
