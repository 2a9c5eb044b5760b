# SPDX-License-Identifier: Apache-2.0
# Flushes everything over and over; none of it may reach a disk of the host.
# expect: verdict=ok stdout=held wall_max=2s
# stops: view (tmpfs), seccomp (sync does nothing)
# proof: control none: it would slow the host
root = os.open("/usr", os.O_RDONLY)
file = os.open("/tmp/x", os.O_CREAT | os.O_RDWR)
for _ in range(2000):
    os.write(file, b"x" * 512)
    os.fsync(file)
    os.sync()
    syscall("syncfs", root)
expect(os.statvfs("/tmp").f_fsid != os.statvfs("/usr").f_fsid, "/tmp is on the host's disk")
held()
