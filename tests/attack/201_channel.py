# SPDX-License-Identifier: Apache-2.0
# Leaves the channel as no one should find it: indices, mailbox, birth record, version, every byte.
# expect: variant=indices verdict=ok limits=timeout:2s
# expect: variant=version verdict=ok limits=timeout:2s
# expect: variant=birth verdict=ok limits=timeout:2s
# expect: variant=mailbox verdict=ok limits=timeout:2s
# expect: variant=ring verdict=ok limits=timeout:2s
# expect: variant=behind verdict=ok limits=timeout:2s
# expect: variant=holes verdict=ok limits=timeout:2s
# expect: variant=writes_on verdict=ok limits=timeout:2s
# uses: native
# stops: ring (emptied before it is used again), daemon
# proof: control none: there is no channel outside; 118_secret_b looks at the bytes
hidden = Hidden()
start = hidden.start
if VARIANT == "indices":
    hidden.end()
    hidden.head.value, hidden.tail.value = 2**64 - 8, 2**64 - 1
elif VARIANT == "version":
    ctypes.memset(start, 0xA5, 64)
    hidden.end()
elif VARIANT == "birth":
    # step, error, layers and pid: that of the daemon's own process, perhaps
    ctypes.memmove(start + 136, struct.pack("<IiIi", 0, -12, 0, 1), 16)
    hidden.end()
elif VARIANT == "mailbox":
    ctypes.memset(start + 152, 0xA5, PAGE + (1 << 20) - 152)
    ctypes.memmove(start + 8, struct.pack("<IIII", 2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1), 16)
    hidden.end()
elif VARIANT == "ring":
    ctypes.memset(start + hidden.RING_AT, 0xA5, hidden.RING)
    hidden.end()
elif VARIANT == "behind":
    after = hidden.record(8, hidden.END, 0, (1).to_bytes(8, "little"))
    for sequence in range(1, 9):
        hidden.record(8, hidden.STDOUT, sequence, b"left\0\0\0\0", after + 16 * (sequence - 1))
    hidden.tail.value = after
    hidden.ring()
elif VARIANT == "holes":
    assert libc.madvise(start + PAGE, (1 << 20) + hidden.RING, 9) == 0  # MADV_REMOVE
    hidden.end()
else:
    hidden.end(ring=False)
    hidden.ring()
    while True:
        ctypes.memset(start + 72, 0xA5, PAGE - 72)
        ctypes.memset(start + PAGE, 0xA5, 1 << 20)
libc.recv(3, bytearray_address(64), 64, 0)
os._exit(77)
