# SPDX-License-Identifier: Apache-2.0
# Finds nothing but its own: no other process, an empty ring, no bytes on its socket.
# expect: verdict=ok stdout=held first=[
# stops: daemon, ring
# proof: see 076 a
import socket

channel = Channel()
print([channel.head.value, channel.tail.value])
ring = bytes(channel.bytes[channel.RING_AT:channel.RING_AT + 4096])
expect(b"hidden" not in ring, "bytes of another in the ring")
control = socket.socket(fileno=3)
control.setblocking(False)
denied("a message", lambda: control.recv(100), EAGAIN)
control.detach()
time.sleep(0.05)
names = [name for name in os.listdir("/proc") if name.isdigit()]
expect(names == [str(os.getpid())], f"processes {names}")
held()
