# SPDX-License-Identifier: Apache-2.0
# A user namespace is the door to everything else (CVE-2022-0185, CVE-2024-1086).
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control gets through: unshare NEWUSER, unshare NEWNS, unshare NEWNET, fsopen ext4
FLAGS = dict(NEWUSER=0x10000000, NEWNS=0x20000, NEWNET=0x40000000, NEWPID=0x20000000,
             NEWIPC=0x8000000, NEWUTS=0x4000000, NEWCGROUP=0x2000000, NEWTIME=0x80,
             FILES=0x400, FS=0x200)
for name, flag in FLAGS.items():
    def attempt(flag=flag, name=name):
        refused("unshare", flag, by=EPERM, what=f"unshare {name}")
        sys.stdout.flush()
        os._exit(len(wrong))

    expect(os.WEXITSTATUS(child(attempt)) == 0, f"unshare {name}")
refused("unshare", 0x10000000 | 1 << 32, by=EPERM, harmless=False)
refused("fsopen", b"ext4", 0, by=EPERM, what="fsopen ext4")
refused("fsconfig", 3, 1, b"\0" * 8, b"A" * 5000, 0, by=EPERM, what="the shape of CVE-2022-0185",
        harmless=False)
refused("socket", 16, 3, 12, by=EAFNOSUPPORT, what="the shape of CVE-2024-1086", harmless=False)
for knob in ("uid_map", "gid_map", "setgroups"):
    denied(f"writing {knob}",
           lambda: os.write(os.open(f"/proc/self/{knob}", os.O_WRONLY), b"0 0 1"),
           (EPERM, EACCES, EINVAL, EROFS), False)
held()
