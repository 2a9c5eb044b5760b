# SPDX-License-Identifier: Apache-2.0
# Leaves System V and POSIX objects, files in /dev/shm and named pipes behind.
# expect: verdict=ok stdout=held
# stops: namespaces (ipc), view (fresh tmpfs)
# proof: control none: 096 b looks for what is left, and its own objects show that it sees them
expect(libc.shmget(0x1234, 1 << 16, 0o1666) >= 0, "an object could not be made")
expect(libc.semget(0x1234, 4, 0o1666) >= 0, "an object could not be made")
queue = libc.msgget(0x1234, 0o1666)
expect(libc.msgsnd(queue, b"\1" + bytes(7) + b"secret", 6, 0) == 0, "an object could not be made")
attributes = (ctypes.c_long * 8)(0, 4, 64)
posix = syscall(240, b"left", os.O_CREAT | os.O_RDWR, 0o666, attributes)
expect(posix >= 0 or posix == -EACCES, f"mq_open: {posix}")  # where there is Landlock
for place in ("/tmp", "/dev/shm", "/workspace"):
    os.mkfifo(f"{place}/fifo")
    with open(f"{place}/left", "w") as file:
        file.write("left")
held()
