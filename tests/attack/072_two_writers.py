# SPDX-License-Identifier: Apache-2.0
# Two threads write records at one time, over each other.
# expect: verdict=denied|limit:output|timeout|ok|error limits=timeout:500ms
# stops: ring
# proof: control none: there is no ring outside
import random

channel = Channel()


def scribble():
    while True:
        at = random.randrange(0, channel.RING, 8)
        channel.record(random.choice([8, 64, 1 << 15, -1]), random.randrange(10),
                       random.randrange(1 << 16), at=at)
        channel.ring()


thread(scribble)
while True:
    print("x" * random.randrange(2000))
