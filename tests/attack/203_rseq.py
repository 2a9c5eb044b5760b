# SPDX-License-Identifier: Apache-2.0
# The words that the kernel itself reads and writes in a worker's memory: the area of restartable
# sequences, which makes it jump, and the list of robust futexes, which it follows at the end.
# expect: variant=anywhere verdict=ok|signal limits=timeout:2s
# expect: variant=covering verdict=ok|signal limits=timeout:2s
# expect: variant=recvmsg verdict=ok|signal limits=timeout:2s
# expect: variant=garbage verdict=ok|signal limits=timeout:2s
# expect: variant=robust verdict=ok limits=timeout:2s
# expect: variant=robust_channel verdict=ok limits=timeout:2s
# expect: variant=unregistered verdict=ok limits=timeout:2s
# uses: native
# stops: daemon (that memory is restored before the worker goes on)
# proof: the canary behind it is not jumped out of its own code
hidden = Hidden()
thread_pointer = ctypes.CFUNCTYPE(ctypes.c_ulong)(("pthread_self", libc))()
area = thread_pointer + ctypes.c_ssize_t.in_dll(libc, "__rseq_offset").value
section = bytearray_address(256)
section.value = (section.value + 63) // 64 * 64


def cover(start, length):
    """A critical section there, left for bytes that bear the signature."""
    abort = section.value + 128
    ctypes.memmove(abort - 4, struct.pack("<I", 0x53053053), 4)
    ctypes.memmove(section.value, struct.pack("<IIQQQ", 0, 0, start, length, abort), 32)
    ctypes.c_uint64.from_address(area + 8).value = section.value


if VARIANT == "anywhere":
    cover(0x1000, (section.value & -PAGE) - 0x2000)
elif VARIANT == "covering":
    cover(ctypes.cast(libc.recv, ctypes.c_void_p).value, 256)
elif VARIANT == "recvmsg":
    cover(ctypes.cast(libc.recvmsg, ctypes.c_void_p).value, 256)
elif VARIANT == "garbage":
    ctypes.c_uint64.from_address(area + 8).value = 0xDEADBEEF0
elif VARIANT == "unregistered":
    syscall(334, area, 32, 1, 0x53053053)  # rseq(RSEQ_FLAG_UNREGISTER)
else:
    # In glibc's struct pthread: a list that points to itself, and its offset of -32.
    head = next(at for at in range(thread_pointer + 16, thread_pointer + 2048, 8)
                if word(at) == at and word(at + 8) == 2**64 - 32)
    place = hidden.start + 1024 if VARIANT == "robust_channel" else section.value
    # An entry whose futex, eight bytes on, is said to be this thread's own; the list is a ring.
    ctypes.memmove(place, struct.pack("<QQ", place, 2), 16)
    ctypes.memmove(head, struct.pack("<QqQ", place, 8, place), 24)
lie_and_wait(hidden)
