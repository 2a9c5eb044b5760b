# SPDX-License-Identifier: Apache-2.0
# The shared memory itself: shrunk, grown, punched, unmapped, moved.
# expect: variant=holes verdict=ok|denied limits=timeout:1s
# expect: variant=sealed verdict=ok stdout=held limits=timeout:1s
# expect: variant=unmapped verdict=signal signal=11 limits=timeout:1s
# expect: variant=read_only verdict=signal signal=11 limits=timeout:1s
# expect: variant=grown verdict=signal signal=7 limits=timeout:1s
# stops: ring (sealed memfd, exact size), seccomp
# proof: control none: there is no channel outside; tests/unit/ring_channel shows the seals
import glob

channel = Channel()
if VARIANT == "holes":
    assert libc.madvise(channel.start, channel.size, 9) == 0  # MADV_REMOVE
    channel.ring()
    print("written after the hole")
elif VARIANT == "sealed":
    start, end = channel.start, channel.start + channel.size
    path = f"/proc/self/map_files/{start:x}-{end:x}"
    denied("the memfd by map_files", lambda: os.open(path, os.O_RDWR), (EPERM, ENOENT, EACCES))
    for path in glob.glob("/proc/self/fd/*"):
        expect("corral-channel" not in os.path.realpath(path), f"{path} is the channel")
    refused("userfaultfd", 0, by=EPERM)
    os.fork() or os._exit("corral-channel" in open("/proc/self/maps").read())
    expect(os.wait()[1] == 0, "a child has the channel")
    held()
elif VARIANT == "unmapped":
    libc.munmap(ctypes.c_void_p(channel.start), ctypes.c_size_t(channel.size))
    print("into nothing")
elif VARIANT == "read_only":
    libc.mprotect(ctypes.c_void_p(channel.start), ctypes.c_size_t(channel.size), 1)
    print("into nothing")
else:
    libc.mremap.restype = ctypes.c_void_p
    where = libc.mremap(ctypes.c_void_p(channel.start), ctypes.c_size_t(channel.size),
                        ctypes.c_size_t(4 * channel.size), 1)
    ctypes.c_ubyte.from_address(where + 2 * channel.size).value = 1
