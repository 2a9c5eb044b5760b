# SPDX-License-Identifier: Apache-2.0
# Fills every writable place: they share one limit.
# expect: variant=shared verdict=ok limits=files:4M stdout=held
# expect: variant=one_file verdict=ok limits=files:100M,memory:256M stdout=held
# stops: view (size of the tmpfs), cgroup (memory)
# proof: control none: outside there is no limit to be under
if VARIANT == "one_file":
    with open("/tmp/large", "wb") as file:
        for _ in range(90):
            file.write(b"x" * (1 << 20))
    held()
    sys.exit()
written = 0
for number in range(64):
    place = ("/tmp", "/workspace", "/dev/shm", "/var/tmp")[number % 4]
    try:
        with open(f"{place}/{number}", "wb", buffering=0) as file:
            for _ in range(16):
                written += file.write(b"x" * 65536)
    except OSError as error:
        expect(error.errno in (ENOSPC, EFBIG), f"writing fails with {error}")
expect(3 << 20 < written <= 4 << 20, f"{written} bytes written, of 4 MiB allowed")
held()
