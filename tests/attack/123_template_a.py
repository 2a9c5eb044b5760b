# SPDX-License-Identifier: Apache-2.0
# Damages what it may share with the template: open files that it inherited, shared mappings,
# its own image, where it is read-only.
# expect: verdict=ok|signal limits=timeout:10s
# stops: daemon (descriptors and pages of its own)
# proof: control none: 123 b says what it sees before and after
import fcntl

os.set_blocking(0, False)
for fd in range(4):
    for operation, argument in (
        (fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND | os.O_ASYNC | 0o40000 | 0o1000000),
        (fcntl.F_SETOWN, os.getpid()), (10, 9), (fcntl.F_SETLEASE, fcntl.F_RDLCK),
        (1031, 1 << 20),
    ):
        try:
            fcntl.fcntl(fd, operation, argument)
        except OSError:
            pass
    for lock in (fcntl.flock, fcntl.lockf):
        try:
            lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pass
    try:
        os.lseek(fd, 4096, os.SEEK_SET)
    except OSError:
        pass
code = open("/proc/self/maps").read().splitlines()
denied("mem", lambda: os.open("/proc/self/mem", os.O_RDWR), EROFS, False)
for line in code:
    words = line.split()
    start, end = (int(word, 16) for word in words[0].split("-"))
    # All that is private and read-only: what is written there must stay in this process.
    if words[1] == "r--p" and "libc.so" not in words[-1] and "ld-linux" not in words[-1]:
        if libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 3) == 0:
            ctypes.memset(end - 64, 0xCC, 64)
            libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 1)
libc.madvise(ctypes.c_void_p(start), 4096, 9)
