# SPDX-License-Identifier: Apache-2.0
# Memory that no file system counts, and memory that cannot be taken back.
# expect: verdict=ok stdout=held
# stops: seccomp, rlimit (memlock)
# proof: control gets through: userfaultfd
refused("memfd_secret", 0, by=EPERM, harmless=False)
refused("userfaultfd", 0o2000000, by=EPERM)
if not CONTROL:
    where = libc.mmap(None, 1 << 20, 3, 0x22, -1, 0)
    refused("mlock2", ctypes.c_void_p(where), 1 << 20, 0, by=(ENOMEM, EPERM))
    expect(libc.mlockall(2) != 0 or libc.mmap(None, 1 << 20, 3, 0x2022, -1, 0) == 2**64 - 1,
           "a locked megabyte")
    for flags in (0x40022, 0x40021):  # MAP_HUGETLB, private and shared
        expect(libc.mmap(None, 2 << 20, 3, flags, -1, 0) == 2**64 - 1, "a huge page")
held()
