# SPDX-License-Identifier: Apache-2.0
# Writes to everything that is not its own.
# expect: verdict=ok stdout=held
# stops: view (read-only), landlock, ids (uid)
# proof: control gets through: /etc/passwd for writing, /usr/bin/env for writing
NO = (EROFS, EACCES, EPERM)
for path in ("/etc/passwd", "/usr/bin/python3.11", "/usr/bin/env", "/etc/hosts",
             "/usr/lib/x86_64-linux-gnu/libc.so.6"):
    denied(f"{path} for writing", lambda: os.open(path, os.O_WRONLY), (*NO, ETXTBSY))
for place in ("/", "/etc", "/usr", "/usr/lib", "/lib", "/bin", "/dev", "/var", "/run", "/home",
              "/root", "/proc", "/proc/self", "/usr/lib/python3", "/etc/ssl/certs"):
    path = place + "/evil"
    denied(f"a file in {place}", lambda: os.open(path, os.O_CREAT | os.O_WRONLY),
           (*NO, ENOENT), False)
    denied(f"a directory in {place}", lambda: os.mkdir(path), (*NO, ENOENT), False)
    denied(f"a link in {place}", lambda: os.symlink("/", path), (*NO, ENOENT), False)
    denied(f"the mode of {place}", lambda: os.chmod(place, 0o777), NO, False)
    denied(f"the times of {place}", lambda: os.utime(place), NO, False)
    denied(f"a new name for {place}", lambda: os.rename(place, "/tmp/moved"),
           (*NO, EXDEV, EBUSY), False)
denied("a hard link into /tmp", lambda: os.link("/etc/passwd", "/tmp/passwd"), (*NO, EXDEV), False)
denied("attributes", lambda: os.setxattr("/etc/passwd", "user.x", b"x"), (*NO, ENOTSUP), False)
denied("/proc/sys", lambda: os.listdir("/proc/sys"), ENOENT)
held()
