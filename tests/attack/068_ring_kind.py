# SPDX-License-Identifier: Apache-2.0
# Kinds, sequence numbers and ends that do not exist.
# expect: variant=kind_zero verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=kind_ten verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=kind_max verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=repeats verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=skips verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=short_end verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=long_end verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=odd_end verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=behind_end verdict=denied limits=timeout:5s wall_max=1s
# expect: variant=exit_code verdict=exit code=255 limits=timeout:5s wall_max=1s
# stops: ring, daemon
# proof: control none: there is no ring outside; tests/fuzz/output_reader shows the reader bare
channel = Channel()
OUT, END = channel.STDOUT, channel.END
ok = (1).to_bytes(8, "little")
records = dict(
    kind_zero=[(8, 0, 0, ok)], kind_ten=[(8, 10, 0, ok)], kind_max=[(8, 0xFFFF, 0, ok)],
    repeats=[(8, OUT, 0, ok), (8, OUT, 0, ok)], skips=[(8, OUT, 0, ok), (8, OUT, 2, ok)],
    short_end=[(4, END, 0, ok[:4])], long_end=[(16, END, 0, ok * 2)],
    odd_end=[(8, END, 0, (77).to_bytes(8, "little"))],
    behind_end=[(8, END, 0, ok), (8, OUT, 1, ok)],
    exit_code=[(8, END, 0, (3).to_bytes(4, "little") + b"\xff" * 4)],
)
at = 0
for length, kind, sequence, payload in records[VARIANT]:
    at = channel.record(length, kind, sequence, payload, at)
channel.publish(at)
