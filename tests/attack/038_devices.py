# SPDX-License-Identifier: Apache-2.0
# Makes device nodes, and looks for ones that are there.
# expect: verdict=ok stdout=held
# stops: view, seccomp, ids (capabilities), landlock
# proof: control gets through: mknod /dev/mem, mknod a disk, mknodat /dev/kmsg
CHARACTER, BLOCK = 0o020666, 0o060666
refused("mknod", b"/tmp/mem", CHARACTER, os.makedev(1, 1), by=EPERM, what="mknod /dev/mem")
refused("mknod", b"/tmp/disk", BLOCK, os.makedev(254, 0), by=EPERM, what="mknod a disk")
refused("mknodat", -100, b"/tmp/kmsg", CHARACTER, os.makedev(1, 11), by=EPERM,
        what="mknodat /dev/kmsg")
refused("mknodat", -100, b"/tmp/null", CHARACTER | 1 << 40, os.makedev(1, 3), by=EPERM,
        what="mknodat with upper bits")
if not CONTROL:
    known = {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr", "shm"}
    expect(set(os.listdir("/dev")) == known, f"/dev holds {os.listdir('/dev')}")
for name in ("mem", "kmsg", "kvm", "fuse", "net/tun", "userfaultfd", "loop-control", "tty", "ptmx",
             "pts/0", "console", "vda", "sda", "mapper/control", "vsock", "port"):
    denied(f"/dev/{name}", lambda: os.open(f"/dev/{name}", os.O_RDONLY), ENOENT, False)
held()
