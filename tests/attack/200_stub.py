# SPDX-License-Identifier: Apache-2.0
# Corrupts what is ours in the worker, and says that it ended: the variables of the stub, its code and
# its constants, libc's recvmsg(), the page of the kernel's own functions.
# expect: variant=variables verdict=ok limits=timeout:2s
# expect: variant=zeros verdict=ok|signal limits=timeout:2s
# expect: variant=all_variables verdict=ok limits=timeout:2s
# expect: variant=code verdict=ok|signal limits=timeout:2s
# expect: variant=by_mem verdict=ok|signal limits=timeout:2s
# expect: variant=recvmsg verdict=ok limits=timeout:2s
# expect: variant=vdso verdict=ok limits=timeout:2s
# expect: variant=shared_code verdict=ok limits=timeout:2s
# uses: native
# stops: daemon (all that a process wrote is restored, or the process replaced)
# proof: without rewinding, the worker itself dies of it: the stub's next call is of its own code
parts = list(writable_parts())
hidden = Hidden()
if VARIANT in ("variables", "zeros"):
    for start, end in parts:
        ctypes.memset(start, 0xA5 if VARIANT == "variables" else 0, end - start)
elif VARIANT == "all_variables":
    # Of libc and Python as well, as far as what still runs here does without.
    libc.memset(libc.environ, 0, 8)
    for name in ("Py_OptimizeFlag", "Py_NoSiteFlag", "Py_HashRandomizationFlag"):
        ctypes.c_int.in_dll(ctypes.pythonapi, name).value = 77
    for start, end in parts:
        ctypes.memset(start, 0xA5, end - start)
elif VARIANT == "by_mem":
    denied("mem", lambda: os.open("/proc/self/mem", os.O_RDWR), EROFS)
elif VARIANT == "code":
    base = word(libc._handle)
    for start, end, protection, name in list(own_maps()):
        if not base <= start < base + (1 << 20) or "w" in protection:
            continue
        libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 7)
        ctypes.memset(start, 0xCC, end - start)
elif VARIANT == "recvmsg":
    # mov eax, 40; ret: a dispatch is always there
    at = ctypes.cast(libc.recvmsg, ctypes.c_void_p).value
    libc.mprotect(ctypes.c_void_p(at & -PAGE), ctypes.c_size_t(2 * PAGE), 7)
    ctypes.memmove(at, bytes.fromhex("b828000000c3"), 6)
elif VARIANT == "vdso":
    for start, end, protection, name in own_maps():
        if name.startswith("[v") and name != "[vsyscall]":
            if libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 7) == 0:
                ctypes.memset(start + 1024, 0xC3, 1024)
else:
    # Every page of code that is shared with others: never to be written, and not to be there for
    # long. The kernel's own functions stand for it where there is none.
    for start, end, protection, name in list(own_maps()):
        if protection != "r-xs" and name != "[vdso]":
            continue
        size = ctypes.c_size_t(end - start)
        if protection == "r-xs":
            expect(libc.mprotect(ctypes.c_void_p(start), size, 7) != 0, f"{name} can be written")
        libc.mmap(start, end - start, 7, PRIVATE | ANONYMOUS | FIXED, -1, 0)
        ctypes.memset(start, 0xC3, end - start)
    assert not wrong, wrong
lie_and_wait(hidden)
