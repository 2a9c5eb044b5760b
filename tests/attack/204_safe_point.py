# SPDX-License-Identifier: Apache-2.0
# Lies at the safe point: ends without ending, waits where the stub would wait, or anywhere else.
# expect: variant=recvmsg verdict=ok limits=timeout:2s
# expect: variant=half verdict=ok limits=timeout:2s
# expect: variant=dies verdict=ok limits=timeout:2s
# expect: variant=spins verdict=ok limits=timeout:2s
# expect: variant=writes verdict=ok limits=timeout:2s
# expect: variant=bells verdict=ok|denied limits=timeout:2s
# expect: variant=large_bells verdict=ok limits=timeout:2s
# expect: variant=empty_bell verdict=ok limits=timeout:2s
# expect: variant=record_then_end verdict=ok|denied limits=timeout:2s
# expect: variant=in_poll verdict=ok stream limits=timeout:2s
# expect: variant=in_sigsuspend verdict=ok stream limits=timeout:2s
# expect: variant=in_futex verdict=ok stream limits=timeout:2s
# expect: variant=in_nanosleep verdict=ok stream limits=timeout:2s
# expect: variant=in_pause verdict=ok stream limits=timeout:2s
# expect: variant=on_the_heap verdict=ok stream limits=timeout:2s
# uses: native
# stops: daemon (where a worker waits is looked at and set, not believed)
# proof: control none: there is no daemon outside; 204_restart_b shows what one such wait leaves
hidden = Hidden()
blocked = ctypes.c_uint64(2**64 - 1)
if VARIANT == "recvmsg":
    data = bytearray_address(4096)
    part = (ctypes.c_uint64 * 2)(data.value, 4096)
    control = bytearray_address(4096)
    message = (ctypes.c_uint64 * 7)(0, 0, ctypes.addressof(part), 1, control.value, 4096, 0)
    hidden.end()
    libc.recvmsg(3, ctypes.byref(message), 0)
    os._exit(77)
elif VARIANT == "half":
    hidden.end()
    libc.recv(3, bytearray_address(1), 1, 0)
    os._exit(77)
elif VARIANT == "dies":
    hidden.end()
    os._exit(77)
elif VARIANT == "spins":
    hidden.end()
    while True:
        pass
elif VARIANT == "writes":
    hidden.end()
    left = []
    while True:
        left.append("left" * 100)
        os.write(1, b"left" * 100)
        hidden.ring()
elif VARIANT in ("bells", "large_bells", "empty_bell"):
    os.write(3, b"")
    data = bytearray_address(1 << 16)
    for _ in range(900):
        libc.send(3, data, 60000 if VARIANT == "large_bells" else 1, 0x40)  # MSG_DONTWAIT
    libc.send(3, data, 0, 0x40)
    hidden.end()
    for _ in range(900):
        libc.send(3, data, 60000 if VARIANT == "large_bells" else 1, 0x40)
elif VARIANT == "record_then_end":
    # The stub's own end record follows, and what it may be was never said.
    hidden.end()
else:
    hidden.flood_and_end()
    if VARIANT == "in_poll":
        syscall(271, 0, 0, 0, ctypes.byref(blocked), 8)  # ppoll() with every signal blocked
    elif VARIANT == "in_sigsuspend":
        syscall(130, ctypes.byref(blocked), 8)
    elif VARIANT == "in_futex":
        syscall("futex", hidden.start + 1024, 0, word(hidden.start + 1024) & 0xFFFFFFFF, 0)
    elif VARIANT == "in_nanosleep":
        libc.nanosleep((ctypes.c_long * 2)(1000, 0), None)
    elif VARIANT == "in_pause":
        libc.pause()
    else:
        # longjmp() to pause() on a stack in the heap: glibc hides both pointers with a key of its own.
        key = word(ctypes.CFUNCTYPE(ctypes.c_ulong)(("pthread_self", libc))() + 0x30)
        stack = (bytearray_address(1 << 16).value + (1 << 15)) & -16
        places = []
        for place in (stack, stack, ctypes.cast(libc.pause, ctypes.c_void_p).value):
            turned = place ^ key
            places.append((turned << 17 | turned >> 47) & (2**64 - 1))
        # rbx, rbp, r12 to r15, rsp, pc; no mask of signals
        where = (ctypes.c_uint64 * 26)(1, places[0], 2, 3, 4, 5, places[1], places[2])
        libc._longjmp(ctypes.byref(where), 1)
    hidden.ring()
