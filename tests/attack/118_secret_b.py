# SPDX-License-Identifier: Apache-2.0
# Searches all that it can read for the mark of 118_secret_a's secret, which it knows only turned.
# expect: verdict=ok stdout=held limits=timeout:20s
# stops: daemon
# proof: it hides a secret of another mark in memory, a descriptor, a file, the channel and its
#   environment, and finds each
import re
import socket

TURN = bytes(byte ^ 0x55 for byte in range(256))
NO_FILES = ("kmsg", "mem", "pagemap", "clear_refs")


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except OSError:
        return b""


def content(path):
    fd = attempt(os.open, path, os.O_RDONLY | os.O_NONBLOCK)
    if fd == b"":
        return fd
    data = attempt(os.read, fd, 1 << 20)
    os.close(fd)
    return data


def memory_pieces():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps.readlines():
            words = line.split()
            if "r" not in words[1] or words[-1].startswith(("[vvar", "[vsyscall")):
                continue
            at, end = (int(word, 16) for word in words[0].split("-"))
            while at < end:
                memory.seek(at)
                try:
                    piece = memory.read(min(end - at, 4 << 20))
                except OSError:
                    break
                if not piece:
                    break
                yield f"memory {words[5:]}", piece
                at += len(piece)


def descriptor_pieces():
    for fd in range(256):
        try:
            os.fstat(fd)
        except OSError:
            continue
        yield f"descriptor {fd}", os.readlink(f"/proc/self/fd/{fd}").encode()
        yield f"descriptor {fd}", attempt(os.pread, fd, 1 << 20, 0)
        buffer = ctypes.create_string_buffer(1 << 16)
        libc.recv(fd, buffer, 1 << 16, socket.MSG_DONTWAIT)
        yield f"descriptor {fd}", buffer.raw
        # The reading end of what it writes to, through the file system of descriptors.
        yield f"descriptor {fd}, again", content(f"/proc/self/fd/{fd}")


def file_pieces():
    for top in ("/tmp", "/workspace", "/dev/shm", "/run", "/var", "/home", "/proc/self", "/proc/sys", "/sys"):
        for directory, directories, files in os.walk(top):
            directories[:] = [name for name in directories if name not in ("task", "cwd", "root", "map_files")]
            for name in directories + files:
                path = f"{directory}/{name}"
                yield f"name {path}", os.fsencode(name)
                yield f"link {path}", os.fsencode(attempt(os.readlink, path))
                if name not in NO_FILES and name not in directories:
                    yield f"file {path}", content(path)


def other_pieces():
    yield "environment", b"=".join(part for pair in os.environb.items() for part in pair)
    yield "arguments", b" ".join(os.fsencode(word) for word in sys.argv)
    libc.shmat.restype = ctypes.c_void_p
    for number in range(1, 1 << 10):
        if libc.shmget(number, 0, 0) >= 0 or libc.msgget(number, 0) >= 0 or libc.semget(number, 0, 0) >= 0:
            wrong.append(f"an object of System V, number {number}")
    for size in (64, 4096, 1 << 16, 1 << 20, 8 << 20):
        place = ctypes.cast(libc.malloc, ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t))(size)
        yield "memory that nobody has cleared", ctypes.string_at(place, size)


def find(plain):
    """
    The places in which its turned bytes are, or their hexadecimal digits. Looked for by their first
    half, so that the whole is nowhere in this program's own memory.
    """
    half = plain[:8].translate(TURN)
    for pieces in (memory_pieces, descriptor_pieces, file_pieces, other_pieces):
        for place, piece in pieces():
            at = piece.find(half)
            while at >= 0 and piece[at:at + len(plain)].translate(TURN) != plain:
                at = piece.find(half, at + 1)
            if at >= 0 or (half.hex().encode() in piece and not place.startswith("memory")):
                yield place


theirs = b"".join([b"corral secret", b" 118>"])
mine = b"".join([b"corral own", b" secret"])
found = sorted(set(find(theirs)))
expect(not found, f"the other's secret in {found}")
hidden = mine.translate(TURN)
os.environb[b"MINE"] = hidden
Channel().put(1 << 17, hidden)
with open("/tmp/mine", "wb") as file:
    file.write(hidden)
os.write(os.memfd_create("mine"), hidden)
places = " ".join(find(mine))
for word in ("memory", "corral-channel", "descriptor", "file /tmp/mine", "environment"):
    expect(re.search(word, places), f"its own secret is not found in: {word}")
held()
