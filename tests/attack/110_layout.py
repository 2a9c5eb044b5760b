# SPDX-License-Identifier: Apache-2.0
# Turns address randomisation off, makes data executable by default, maps page 0.
# expect: verdict=ok stdout=held
# stops: seccomp, host (mmap_min_addr)
# proof: control gets through: ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC
refused("personality", 0x0040000, by=EPERM, what="ADDR_NO_RANDOMIZE")
refused("personality", 0x0400000, by=EPERM, what="READ_IMPLIES_EXEC")
refused("personality", 0x0100000, by=EPERM, what="MMAP_PAGE_ZERO")
refused("personality", 8, by=EPERM, what="PER_LINUX32")
if not CONTROL:
    at = libc.mmap(ctypes.c_void_p(0), 4096, 3, 0x32, -1, 0)
    expect(at in (None, 2**64 - 1) and ctypes.get_errno() in (EPERM, EACCES), "page 0")
    refused("modify_ldt", 1, b"\0" * 16, 16, by=EPERM)
    refused("iopl", 3, by=EPERM)
    refused("ioperm", 0x3F8, 8, 1, by=EPERM)
held()
