# SPDX-License-Identifier: Apache-2.0
# 16 GB: asked for at one time and touched, in small parts, in a child, and in a file.
# expect: variant=block verdict=limit:memory limits=memory:64M,timeout:5s
# expect: variant=parts verdict=limit:memory limits=memory:64M,timeout:5s
# expect: variant=child verdict=limit:memory limits=memory:64M,timeout:5s
# expect: variant=file verdict=limit:memory limits=memory:64M,files:1G,timeout:5s
# expect: variant=memfd verdict=limit:memory limits=memory:64M,timeout:5s
# stops: cgroup (memory)
# proof: control none: it would take the machine with it


def fill(file):
    with file:
        while True:
            file.write(b"x" * (1 << 20))


def take():
    block = bytearray(1 << 34)
    for at in range(0, len(block), 4096):
        block[at] = 1


if VARIANT == "block":
    take()
elif VARIANT == "parts":
    parts = []
    while True:
        parts.append(bytes(range(256)) * 16)
elif VARIANT == "child":
    child(take)
elif VARIANT == "file":
    number = 0
    while True:
        number += 1
        with open(f"/tmp/{number}", "wb") as file:
            for _ in range(16):
                file.write(b"x" * (1 << 20))
else:
    while True:
        keep = os.memfd_create("full")
        os.write(keep, b"x" * (1 << 20))
