# SPDX-License-Identifier: Apache-2.0
# Abstract sockets that are in flight to themselves: no process holds them, and only the kernel's
# collector ends them, in its own time. Their names are in the network namespace till then.
# expect: verdict=ok
# stops: namespaces (net, one that is proved empty or a fresh one)
# proof: control none: 095 b looks for what is left, and its own names show that it sees them
import socket

keep = []
for number in range(60):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0in flight {number}")
    listener.listen()
    mate = socket.socket(socket.AF_UNIX)
    mate.connect(f"\0in flight {number}")
    socket.send_fds(mate, [b"secret"], [listener.fileno(), mate.fileno()])
    keep += [listener, mate]
for _ in range(4):  # the last one of them closes the last of the descriptors
    fork_quietly(lambda: time.sleep(1000))
