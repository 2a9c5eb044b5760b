# SPDX-License-Identifier: Apache-2.0
# The producer's index jumps to where it cannot be.
# expect: variant=one_over verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=unaligned verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=two_giga verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=four_giga verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=max verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=back verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=empty_records verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=flicker verdict=denied|timeout limits=timeout:500ms
# stops: ring
# proof: control none: there is no ring outside; tests/fuzz/output_reader shows the reader bare
channel = Channel()
if VARIANT == "flicker":
    values = [0, 8, 1 << 18, (1 << 18) + 8, 1 << 31, 2**64 - 8, 7]
    thread(lambda: [setattr(channel.tail, "value", values[n % 7]) for n in range(10**9)])
    while True:
        channel.ring()
channel.publish(dict(
    one_over=channel.RING + 8, unaligned=channel.RING - 3, two_giga=1 << 31,
    four_giga=(1 << 32) - 1, max=2**64 - 8, back=-8, empty_records=channel.RING)[VARIANT])
