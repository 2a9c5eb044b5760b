# SPDX-License-Identifier: Apache-2.0
# Tries to change the pages of files that all cells see: by writing, by shared mappings, by what was
# spliced into a pipe, and by a cipher that works in place (CVE-2022-0847, CVE-2026-31431).
# expect: verdict=ok stdout=held limits=timeout:5s
# stops: view (read-only), seccomp
# proof: control none: what was changed would be the host's
import mmap
import socket

SHARED = ("/usr/bin/python3.11", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/true", "/etc/passwd")
for path in SHARED:
    denied(f"{path} to write", lambda: os.open(path, os.O_RDWR), (EROFS, EACCES, EPERM, ETXTBSY))
    with open(path, "rb") as file:
        denied(f"{path} shared", lambda: mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, 3), (EACCES, EPERM))
        # Flags of a pipe's places were once left from what stood there before.
        reader, writer = os.pipe()
        os.write(writer, b"x" * 65536)
        os.read(reader, 65536)
        try:
            os.splice(file.fileno(), writer, 1, offset_src=0)
        except OSError:
            pass
        os.write(writer, b"corral attack 124")
        private = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, 3)
        private[:4] = b"left"
        try:
            libc.madvise(ctypes.addressof(ctypes.c_char.from_buffer(private)), 4096, 4)
        except BufferError:
            pass
denied("a cipher's socket", lambda: socket.socket(38, socket.SOCK_SEQPACKET), (EAFNOSUPPORT, EPERM))
held()
