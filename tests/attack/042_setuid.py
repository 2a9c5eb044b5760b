# SPDX-License-Identifier: Apache-2.0
# Privilege from a file: setuid bits, file capabilities, the host's own setuid programs.
# expect: verdict=ok stdout=held
# stops: ids (no_new_privs), view (nosuid), seccomp
# proof: control gets through: file capabilities, uid 0
import shutil
import subprocess

shutil.copy("/usr/bin/id", "/tmp/id")
os.chmod("/tmp/id", 0o6755)
CAPABILITIES = bytes.fromhex("0100000202000000000000000000000000000000")
denied("file capabilities", lambda: os.setxattr("/tmp/id", "security.capability", CAPABILITIES),
       (EPERM, ENOTSUP))
denied("a file of root's", lambda: os.chown("/tmp/id", 0, 0), EPERM, False)
denied("uid 0", lambda: os.setresuid(0, 0, 0), EPERM)
denied("gid 0", lambda: os.setresgid(0, 0, 0), EPERM)
denied("groups", lambda: os.setgroups([0]), EPERM, False)
if not CONTROL:
    said = subprocess.run(["/tmp/id", "-u"], capture_output=True, text=True, check=True).stdout
    expect(int(said) == os.getuid() != 0, f"a setuid program of its own runs as {said}")
    for place in ("/", "/usr", "/tmp", "/workspace", "/dev/shm", "/dev", "/proc"):
        expect(os.statvfs(place).f_flag & os.ST_NOSUID, f"{place} is mounted with suid")
    held_now = subprocess.run(["/usr/bin/grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status"],
                              capture_output=True, text=True, check=True).stdout
    expect(held_now.count("0000000000000000") == 5, "a capability: " + held_now)
    expect("NoNewPrivs:\t1" in held_now, "no_new_privs is off")
held()
