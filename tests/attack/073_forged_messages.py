# SPDX-License-Identifier: Apache-2.0
# Letters of others (dispatch, birth, cell) on the worker's control socket; and too many of them.
# expect: variant=few verdict=ok stdout=held limits=timeout:5s wall_max=1s
# expect: variant=flood verdict=denied limits=timeout:5s wall_max=2s
# expect: variant=reads verdict=ok stdout=held limits=timeout:5s wall_max=1s
# expect: variant=ends_twice verdict=ok limits=timeout:5s wall_max=1s
# stops: daemon (a message is a reason to look, and its bytes are not read)
# proof: control none: there is no control socket outside
import socket
import struct

control = socket.socket(fileno=3)
letters = [
    struct.pack("<II", 1, 0),                                        # dispatch
    struct.pack("<IIIIQiI", 1, 1, 0, 1, 1, 0, 0),                    # cell_reply
    struct.pack("<IIIiQi252s", 1, 2, 1, 1, 1, 0, b"born") + b"\0" * 4,  # birth_reply
    struct.pack("<IIIIQQ", 1, 0, 1, 0, 1, 1),
]
if VARIANT == "reads":
    control.setblocking(False)
    denied("a message for somebody else", lambda: control.recv(100), EAGAIN)
elif VARIANT == "ends_twice":
    channel = Channel()
    channel.tail.value = channel.record(8, channel.END, 0, (1).to_bytes(8, "little"))
    for _ in range(50):
        channel.ring()
    time.sleep(60)
else:
    try:
        for turn in range(5 if VARIANT == "few" else 10**6):
            for letter in letters:
                control.send(letter)
    except BrokenPipeError:
        pass
control.detach()
held()
