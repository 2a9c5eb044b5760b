# SPDX-License-Identifier: Apache-2.0
# Puts a secret into one kind of place: random bytes behind a mark that 118_secret_b knows only
# turned by XOR.
# expect: variant=descriptors verdict=ok limits=timeout:5s
# expect: variant=files verdict=ok limits=timeout:5s
# expect: variant=removed verdict=ok limits=timeout:5s
# expect: variant=names verdict=ok limits=timeout:5s
# expect: variant=objects verdict=ok limits=timeout:5s
# expect: variant=sockets verdict=ok limits=timeout:5s
# expect: variant=mappings verdict=ok limits=timeout:5s
# expect: variant=children verdict=ok limits=timeout:5s
# uses: native
# stops: daemon (all that a process wrote is restored, or the process replaced)
# proof: control none: 118_secret_b hides one of its own in each kind of place that it searches
import mmap
import socket
import subprocess

mark = bytes(byte ^ 0x55 for byte in b"corral secret 118>")
secret = mark + os.urandom(14)


def files():
    for place in ("/tmp", "/workspace", "/dev/shm"):
        os.makedirs(f"{place}/left", exist_ok=True)
        with open(f"{place}/left/secret", "wb") as file:
            file.write(secret * 4096)
        os.symlink(b"/" + secret.replace(b"/", b"_").replace(b"\0", b"_"), f"{place}/link")
        try:
            os.setxattr(f"{place}/left", "user.secret", secret)
        except OSError:
            pass


if VARIANT == "descriptors":
    for made in (os.memfd_create("left"), *os.pipe()[1:]):
        os.write(made, secret * 128)
    one, other = socket.socketpair()
    one.send(secret * 128)
    keep.append((one.detach(), other.detach()))
    for number in range(20, 60):
        os.dup2(made, number)
elif VARIANT == "files":
    files()
elif VARIANT == "removed":
    files()
    subprocess.run("rm -rf /tmp/* /workspace/* /dev/shm/*", shell=True)
    file = os.open("/tmp/gone", os.O_CREAT | os.O_RDWR)
    os.unlink("/tmp/gone")
    os.write(file, secret * 4096)
elif VARIANT == "names":
    libc.prctl(15, secret[:15])
    denied("comm", lambda: os.open("/proc/self/comm", os.O_WRONLY), EROFS, False)
    subprocess.run(["/bin/true", secret.hex()])
elif VARIANT == "objects":
    shared = libc.shmget(0x118, 4096, 0o1666)
    libc.shmat.restype = ctypes.c_void_p
    ctypes.memmove(libc.shmat(shared, None, 0), secret, 32)
    queue = libc.msgget(0x118, 0o1666)
    libc.msgsnd(queue, ctypes.create_string_buffer(struct.pack("q", 1) + secret), 32, 0)
    libc.semget(0x118, 3, 0o1666)
    syscall("add_key", b"user", b"left", secret, 32, -3)
elif VARIANT == "sockets":
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        for name in (b"\0left" + secret.hex().encode(), f"/tmp/socket{kind}"):
            listener = socket.socket(socket.AF_UNIX, kind)
            listener.bind(name)
            keep.append(listener.detach())
elif VARIANT == "mappings":
    for flags in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
        place = map_new(1 << 20, READ | WRITE, flags | ANONYMOUS)
        for at in range(0, 1 << 20, PAGE):
            ctypes.memmove(place + at, secret, 32)
    hole = map_new(1 << 16, READ | WRITE)
    ctypes.memmove(hole, secret * 100, 3200)
    libc.munmap(ctypes.c_void_p(hole), ctypes.c_size_t(1 << 16))
elif VARIANT == "children":
    fork_quietly(lambda: (os.setsid(), time.sleep(1000)))
    thread(time.sleep, 1000)
