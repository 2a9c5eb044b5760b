# SPDX-License-Identifier: Apache-2.0
# Looks for the other's marker in all memory that it can have. It never holds the marker itself:
# what it reads is turned by the same XOR and compared with the plain text.
# expect: verdict=ok stdout=held limits=timeout:20s
# stops: daemon (a fresh worker, channel and tmpfs for each execution)
# proof: it hides a marker of another text and finds that
TURN = bytes(byte ^ 0x55 for byte in range(256))


def find(plain):
    """Where in its own memory the marker of this text is; the text itself stands in the code."""
    places = []
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps.readlines():
            words = line.split()
            if "r" not in words[1] or words[-1] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            at, end = (int(word, 16) for word in words[0].split("-"))
            while at < end:
                memory.seek(at)
                try:
                    block = memory.read(min(end - at, 4 << 20))
                except OSError:
                    break
                if not block:
                    break
                if plain in block.translate(TURN):
                    places.append(words[-1])
                at += len(block)
    return places


theirs = b"".join([b"corral attack 118:", b" find this one"])
mine = b"".join([b"corral attack 118:", b" find my own.."])
for size in (64, 4096, 1 << 16, 1 << 20, 32 << 20):  # memory that nobody has cleared
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc(ctypes.c_size_t(size))
libc.mmap(None, 32 << 20, 3, 0x8022 | 0x4000000, -1, 0)  # populated; MAP_UNINITIALIZED
found = find(theirs)
expect(not found, f"the other's marker in {found}")
hidden = mine.translate(TURN)
expect(find(mine), "its own marker is not found")
for place in ("/tmp", "/dev/shm", "/workspace"):
    expect(os.listdir(place) == [], f"{place} holds {os.listdir(place)}")
memory = os.memfd_create("fresh")
os.ftruncate(memory, 8 << 20)
expect(not any(os.pread(memory, 8 << 20, 0)), "a memfd that is not zero")
held()
