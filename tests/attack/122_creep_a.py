# SPDX-License-Identifier: Apache-2.0
# Leaves memory behind that the kernel holds for it: pages of files, directory entries, pipes.
# expect: verdict=ok limits=timeout:10s
# stops: cgroup, daemon
# proof: control none: it is about figures
pages = bytearray(b"x" * (24 << 20))
for number in range(200):
    try:
        os.stat(f"/tmp/none{os.urandom(8).hex()}")
    except OSError:
        pass
    with open(f"/tmp/{number}", "wb") as file:
        file.write(b"x" * 16384)
for _ in range(20):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.write(writer, b"x" * 65536)
