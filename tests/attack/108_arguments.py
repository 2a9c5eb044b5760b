# SPDX-License-Identifier: Apache-2.0
# Arguments that look different to a filter and to the kernel: bits in the upper half, and memory
# that another thread changes between the check and the use.
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control gets through: AF_INET with upper bits
HIGH = 1 << 32
refused("socket", 2 | HIGH, 1, 0, by=EAFNOSUPPORT, what="AF_INET with upper bits")
refused("socket", 2 | 0xFFFFFFFF << 32, 1, 0, by=EAFNOSUPPORT, harmless=False)
refused("clone", 0x10000011 | HIGH, 0, 0, 0, 0, by=EPERM, what="NEWUSER with upper bits",
        harmless=False)
for request in (0x5412, 0x541C, 0x5423):  # TIOCSTI, TIOCLINUX, TIOCSETD
    for high in (0, HIGH, 0xFFFFFFFF << 32):
        refused("ioctl", 0, request | high, b"x", by=EPERM, what=f"ioctl {request:#x}",
                harmless=False)
for option in (35, 62, 67):  # PR_SET_MM, PR_SCHED_CORE, PR_SET_MEMORY_MERGE
    refused("prctl", option | HIGH, 1, 0, 0, 0, by=EPERM, what=f"prctl {option}", harmless=False)
refused("prctl", 0x59616D61, -1, 0, 0, 0, by=EPERM, what="PR_SET_PTRACER", harmless=False)
refused("personality", 0x40000 | HIGH, by=EPERM, what="personality", harmless=False)
if not CONTROL:
    # The path changes all the time; whatever the kernel saw, it is refused.
    path = ctypes.create_string_buffer(b"/tmp/x\0\0\0\0\0\0")
    stop = []

    def swap():
        while not stop:
            path.raw = b"/etc/passwd\0"
            path.raw = b"/tmp/x\0\0\0\0\0\0"

    mate = thread(swap)
    open("/tmp/x", "w").close()
    for _ in range(20_000):
        fd = syscall("openat", -100, path, os.O_WRONLY, 0)
        if fd >= 0:
            name = os.readlink(f"/proc/self/fd/{fd}")
            expect(name.startswith("/tmp/"), f"{name} for writing")
            os.close(fd)
    stop.append(1)
held()
