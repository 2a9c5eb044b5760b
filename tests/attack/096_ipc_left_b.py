# SPDX-License-Identifier: Apache-2.0
# Sees none of it; then makes one of each itself, to show that it would.
# expect: verdict=ok stdout=held
# stops: namespaces (ipc), view
# proof: its own objects are found by the same calls
def queue(flags):
    return syscall(240, b"left", os.O_RDWR | flags, 0o666, (ctypes.c_long * 8)(0, 4, 64))


def found():
    return [libc.shmget(0x1234, 1, 0) >= 0, libc.semget(0x1234, 1, 0) >= 0,
            libc.msgget(0x1234, 0) >= 0,
            *(os.path.exists(f"{place}/{name}") for place in ("/tmp", "/dev/shm", "/workspace")
              for name in ("fifo", "left"))]


expect(not any(found()) and queue(0) in (-ENOENT, -EACCES), f"left behind: {found()}")
libc.shmget(0x1234, 1 << 16, 0o1666), libc.semget(0x1234, 4, 0o1666), libc.msgget(0x1234, 0o1666)
queue(os.O_CREAT)
for place in ("/tmp", "/dev/shm", "/workspace"):
    os.mkfifo(f"{place}/fifo")
    open(f"{place}/left", "w").close()
expect(all(found()), f"its own objects are not found: {found()}")
held()
