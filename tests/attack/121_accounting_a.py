# SPDX-License-Identifier: Apache-2.0
# Uses much of everything.
# expect: verdict=ok limits=timeout:10s,memory:256M
# stops: cgroup, daemon (figures of this execution alone)
# proof: control none: it is about figures
pages = bytearray(180 << 20)
for at in range(0, len(pages), 4096):
    pages[at] = 1
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
for number in range(20):
    with open(f"/tmp/{number}", "wb") as file:
        file.write(b"x" * (1 << 20))
print("x" * 100_000)
