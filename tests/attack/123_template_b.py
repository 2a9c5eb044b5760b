# SPDX-License-Identifier: Apache-2.0
# A checksum of all that came from the template, and the flags of what was inherited.
# expect: verdict=ok stdout=held unchanged limits=timeout:10s
# stops: daemon
# proof: the same program says something else in a process that did as 123 a
import fcntl
import zlib

for fd in range(4):
    questions = (fcntl.F_GETFL, fcntl.F_GETFD, fcntl.F_GETOWN, 11, fcntl.F_GETLEASE)  # 11: F_GETSIG
    about = [fcntl.fcntl(fd, question) for question in questions]
    try:
        place = os.lseek(fd, 0, os.SEEK_CUR)
    except OSError as error:
        place = error.errno
    try:
        # Not exclusive: the inode is one for all cells, and 123 b runs twice.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        locked = False
    except OSError as error:
        locked = error.errno
    print(fd, about, place, locked)
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in maps.read().splitlines():
        words = line.split()
        start, end = (int(word, 16) for word in words[0].split("-"))
        if words[1] not in ("r--p", "r-xp") or words[-1].startswith("[v"):
            continue
        memory.seek(start)
        print(words[1], words[-1], end - start, zlib.crc32(memory.read(end - start)))
held()
