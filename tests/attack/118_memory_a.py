# SPDX-License-Identifier: Apache-2.0
# Puts a secret into memory and whatever else no system call is needed for: random bytes behind a
# mark that 118_memory_b knows only turned by XOR. It is short, so that its worker can be rewound.
# expect: variant=memory verdict=ok limits=timeout:5s
# expect: variant=deep verdict=ok limits=timeout:5s
# expect: variant=channel verdict=ok limits=timeout:5s
# expect: variant=registers verdict=ok limits=timeout:5s
# expect: variant=thread_area verdict=ok limits=timeout:5s
# expect: variant=environment verdict=ok limits=timeout:5s
# expect: variant=output verdict=ok limits=timeout:5s
# expect: variant=control verdict=ok limits=timeout:5s
# uses: native
# stops: daemon (all that a process wrote is restored, or the process replaced)
# proof: control none: 118_secret_b hides one of its own in each kind of place that it searches
mark = bytes(byte ^ 0x55 for byte in b"corral secret 118>")
secret = mark + os.urandom(14)


def recurse(depth, *more):
    own = [secret * 3, *more]
    return recurse(depth - 1, own) if depth else [bytes(secret) for _ in range(2000)]


if VARIANT == "memory":
    keep += [secret * 4096, [bytearray(secret * 32) for _ in range(1000)], {secret: secret}]
    for size in (1, 10, 100, 1000, 10000, 100000):
        place = ctypes.cast(libc.malloc, ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t))(size * 32)
        ctypes.memmove(place, secret * size, 32 * size)
        libc.free(ctypes.c_void_p(place))
    sys.modules["secret"] = secret
elif VARIANT == "deep":
    recurse(20)
elif VARIANT == "channel":
    hidden = Hidden()
    for at in range(152, hidden.size - 32, 32):
        ctypes.memmove(hidden.start + at, secret, 32)
elif VARIANT == "registers":
    # memcpy() and SHA leave what they worked on in vector registers.
    import hashlib
    ctypes.memmove(bytearray_address(4096), secret * 64, 2048)
    hashlib.sha256(secret * 1000).digest()
elif VARIANT == "thread_area":
    # What glibc keeps for each thread, and the words below its pointer that belong to libraries.
    pointer = ctypes.CFUNCTYPE(ctypes.c_ulong)(("pthread_self", libc))()
    ctypes.memmove(pointer + 1800, secret, 32)
    key = ctypes.c_uint()
    libc.pthread_key_create(ctypes.byref(key), None)
    libc.pthread_setspecific(key, ctypes.c_void_p.from_buffer_copy(secret[:8]))
elif VARIANT == "environment":
    os.environb[b"SECRET"] = secret.replace(b"\0", b"_")
    sys.argv.append(secret)
    # The strings that the kernel copied to the stack.
    ctypes.memmove(word(ctypes.addressof(ctypes.c_void_p.in_dll(libc, "program_invocation_name"))), secret, 32)
elif VARIANT == "output":
    sys.stdout.buffer.write(secret * 5000)
    sys.stdout.flush()
    os.write(1, secret * 100)
    os.write(2, secret * 100)
elif VARIANT == "control":
    for size in (1, 32, 4096, 60000):
        libc.send(3, secret * (size // 32 + 1), size, 0x40)
