# SPDX-License-Identifier: Apache-2.0
# Puts a marker of 32 bytes wherever a byte can be put.
# expect: verdict=ok limits=timeout:10s
# stops: daemon (a fresh worker, channel and tmpfs for each execution)
# proof: control none: 118 b hides one of its own and finds it
import socket
import subprocess

marker = bytes(byte ^ 0x55 for byte in b"corral attack 118: find this one")
keep = [marker * 4096, [bytearray(marker * 32) for _ in range(1000)]]
os.environb[b"MARKER"] = marker.hex().encode()
for place in ("/tmp", "/dev/shm", "/workspace"):
    with open(f"{place}/marker", "wb") as file:
        file.write(marker * 4096)
memory = os.memfd_create("marker")
os.write(memory, marker * 4096)
reader, writer = os.pipe()
os.write(writer, marker * 512)
one, other = socket.socketpair()
one.send(marker * 512)
channel = Channel()
channel.put(1 << 17, marker * 1024)
ctypes.memmove(channel.start + 4096 + (1 << 19), marker * 1024, 32 * 1024)
sys.stdout.buffer.write(marker * 100)
subprocess.run(["/bin/true", marker.hex()])
block = libc.mmap(None, 32 << 20, 3, 0x22, -1, 0)
for at in range(0, 32 << 20, 4096):
    ctypes.memmove(block + at, marker, 32)
