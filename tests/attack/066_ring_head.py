# SPDX-License-Identifier: Apache-2.0
# The consumer's index is written by the producer. The daemon has its own and only shows it; a
# worker that believes its own lie overwrites what was not read and is caught at that.
# expect: variant=ahead verdict=denied|ok limits=timeout:2s
# expect: variant=back verdict=ok|timeout limits=timeout:2s
# expect: variant=flicker verdict=denied|ok|timeout limits=timeout:2s
# stops: ring
# proof: control none: there is no ring outside
channel = Channel()
print("x" * 1000)
if VARIANT == "ahead":
    channel.head.value = 1 << 40
elif VARIANT == "back":
    channel.head.value = 2**64 - 8
else:
    thread(lambda: [setattr(channel.head, "value", n * 8) for n in range(10**9)])
for _ in range(600):
    print("y" * 1000)
print("end")
