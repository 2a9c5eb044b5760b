# SPDX-License-Identifier: Apache-2.0
# Takes its address space apart, or fills it.
# expect: variant=unmaps verdict=ok limits=timeout:2s
# expect: variant=unmaps_stub verdict=ok|signal limits=timeout:2s
# expect: variant=maps_over verdict=ok|error|signal limits=timeout:2s
# expect: variant=fills verdict=ok|error limits=timeout:5s
# expect: variant=many verdict=ok|error limits=timeout:5s
# expect: variant=protections verdict=ok limits=timeout:2s
# expect: variant=advice verdict=ok limits=timeout:2s
# expect: variant=locks verdict=ok limits=timeout:2s
# expect: variant=moves verdict=ok|signal limits=timeout:2s
# expect: variant=heap verdict=ok limits=timeout:2s
# expect: variant=stack verdict=ok|signal limits=timeout:2s
# expect: variant=grows verdict=ok limits=timeout:5s
# expect: variant=huge verdict=ok limits=timeout:5s
# expect: variant=keys verdict=ok limits=timeout:2s
# uses: native
# stops: daemon (the same mapping table, or another worker)
# proof: the canary behind it tells the whole table and the protections in it
import resource

hidden = Hidden()
tail = hidden.record(8, hidden.END, 0, (1).to_bytes(8, "little"))
size_of = ctypes.c_size_t
libc.mremap.restype = ctypes.c_void_p
if VARIANT == "unmaps":
    # The end record counts and the bell rings, then munmap() of all below this code and all above.
    hidden.tail.value = tail
    code = bytes.fromhex(
        "49bc0000000000000000"  # mov r12, this page
        "31ff" "4c89e6" "b80b000000" "0f05"                     # munmap(0, r12)
        "498dbc2400100000" "48be00f0ffffff7f0000" "4829fe" "b80b000000" "0f05"  # munmap(r12 + 4096, the rest)
        "498da42400080000"      # lea rsp, [r12 + 2048], which is this page as well
        "4989e4")
    place = map_new()
    code = code.replace(bytes(8), place.to_bytes(8, "little"), 1)
    code += BELL_AND_WAIT.replace(bytes.fromhex("4d892c24"), b"", 1)
    ctypes.memmove(place, code, len(code))
    ctypes.CFUNCTYPE(ctypes.c_long)(place)()
elif VARIANT == "unmaps_stub":
    base = word(libc._handle)
    for start, end, protection, name in list(own_maps()):
        if base <= start < base + (1 << 20):
            libc.munmap(ctypes.c_void_p(start), size_of(end - start))
    lie_and_wait(hidden)
elif VARIANT == "maps_over":
    # Its own copy of what it can do without: equal bytes, another mapping.
    for start, end, protection, name in list(own_maps()):
        if protection == "r--p" and not name.startswith("["):
            copy = ctypes.string_at(start, end - start)
            libc.mmap(start, end - start, READ | WRITE, PRIVATE | ANONYMOUS | FIXED, -1, 0)
            ctypes.memmove(start, copy, len(copy))
elif VARIANT == "fills":
    for shift in range(46, 11, -1):
        while libc.mmap(None, 1 << shift, 0, PRIVATE | ANONYMOUS | 0x4000, -1, 0) < 2**63:
            pass
elif VARIANT == "many":
    for number in range(70000):
        if libc.mmap(None, PAGE, READ | number % 2 * 2, PRIVATE | ANONYMOUS, -1, 0) > 2**63:
            break
elif VARIANT == "protections":
    for start, end, protection, name in list(own_maps()):
        if "w" in protection and not name.startswith("[") and "channel" not in name:
            libc.mprotect(ctypes.c_void_p(start), size_of(PAGE), 7)
elif VARIANT == "advice":
    for start, end, protection, name in list(own_maps()):
        if "w" in protection and name != "[stack]" and "s" not in protection:
            for advice in (1, 2, 10, 12, 14, 16, 18):  # random … nohugepage, dontdump, wipeonfork
                libc.madvise(start, end - start, advice)
elif VARIANT == "locks":
    libc.mlockall(7)
    libc.mlock(words := bytearray_address(1 << 14), size_of(1 << 14))
elif VARIANT == "moves":
    for start, end, protection, name in list(own_maps()):
        if protection == "r--p" and "image" not in name and not name.startswith("["):
            libc.mremap(ctypes.c_void_p(start), size_of(end - start), size_of(end - start), 1)
    lie_and_wait(hidden)
elif VARIANT == "heap":
    libc.sbrk(1 << 20)
    libc.sbrk(-(1 << 19))
    keep.append(bytearray(64 << 20))
elif VARIANT == "stack":
    resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, 64 << 20))
    here = next(end for start, end, protection, name in own_maps() if name == "[stack]")
    # lea rsp, [rsp - 4096]; push rax, until the end; then back
    machine(bytes.fromhex("4889e1" "4881ec00100000" "50" "58" "48ffcf" "75f2" "4889cc" "c3"))(1000, 0, 0)
elif VARIANT == "grows":
    libc.mmap(None, 1 << 20, READ | WRITE, PRIVATE | ANONYMOUS | 0x100, -1, 0)  # MAP_GROWSDOWN
    for shared in (SHARED, PRIVATE):
        place = map_new(1 << 20, READ | WRITE, shared | ANONYMOUS)
        ctypes.memset(place, 1, 1 << 20)
elif VARIANT == "huge":
    place = map_new(8 << 20, READ | WRITE)
    libc.madvise(place, 8 << 20, 14)  # MADV_HUGEPAGE
    ctypes.memset(place, 1, 8 << 20)
    for name in (41, 70):             # PR_SET_THP_DISABLE, PR_SET_MEMORY_MERGE
        libc.prctl(name, 1, 0, 0, 0)
else:
    key = syscall(330, 0, 2)          # pkey_alloc(), writes refused
    start = next(start for start, end, protection, name in own_maps() if name == "[heap]" or "image" in name)
    syscall(329, start, PAGE, 3, max(key, 0))
