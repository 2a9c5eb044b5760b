# SPDX-License-Identifier: Apache-2.0
# Lengths of records that cannot be, and one that changes while it is looked at.
# expect: variant=beyond_tail verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=zero verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=negative verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=too_long verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=over_the_edge verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=flips verdict=denied|timeout limits=timeout:500ms
# expect: variant=tears verdict=denied|timeout|limit:output limits=timeout:500ms
# stops: ring
# proof: control none: there is no ring outside; tests/fuzz/output_reader shows the reader bare
channel = Channel()
after = channel.record(8, channel.STDOUT, 0, b"12345678")
if VARIANT == "beyond_tail":
    channel.record(64, channel.STDOUT, 1, at=after)
    channel.publish(after + 16)
elif VARIANT in ("zero", "negative", "too_long"):
    length = dict(zero=0, negative=-8, too_long=(1 << 15) + 1)[VARIANT]
    channel.record(length, channel.STDOUT, 1, at=after)
    channel.publish(channel.RING)
elif VARIANT == "over_the_edge":
    # Eight full records; the ninth would reach beyond the tail's ring.
    at = 0
    for sequence in range(7):
        at = channel.record(1 << 15, channel.STDOUT, sequence, bytes(1 << 15), at)
    channel.record(1 << 15, channel.STDOUT, 7, at=at)
    channel.publish(channel.RING)


def flip():
    # The header's length alone, between what is there and what is not, as fast as it goes.
    length = ctypes.c_uint32.from_address(channel.start + channel.RING_AT)
    while True:
        length.value = 8
        length.value = 0xFFFFFFF8
        length.value = 1 << 15


def tear():
    word = ctypes.c_uint64.from_address(channel.start + channel.RING_AT)
    while True:
        word.value = 8 | channel.STDOUT << 32
        word.value = 8 | channel.END << 32
        word.value = 0xFF


thread(flip if VARIANT == "flips" else tear)
channel.tail.value = after
while True:
    channel.ring()
