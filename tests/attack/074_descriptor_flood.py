# SPDX-License-Identifier: Apache-2.0
# Descriptors sent to the daemon: floods of them, its own socket, a FIFO, a cycle.
# expect: verdict=ok|denied limits=timeout:5s
# stops: daemon (receives without room for descriptors)
# proof: control none: there is no control socket outside; the oracle counts the daemon's
import socket

control = socket.socket(fileno=3)
one, other = socket.socketpair()
os.mkfifo("/tmp/fifo")
fifo = os.open("/tmp/fifo", os.O_RDWR)
for _ in range(16):
    for fds in ([fifo] * 200, [3] * 50, [one.fileno(), other.fileno()] * 100):
        try:
            socket.send_fds(control, [b"x"], fds)
        except OSError as error:
            expect(error.errno in (ETOOMANYREFS, EAGAIN), f"sending fails with {error}")
try:
    socket.send_fds(one, [b"x"], [one.fileno(), other.fileno()])
except OSError as error:
    expect(error.errno == ETOOMANYREFS, f"a cycle fails with {error}")
control.detach()
held()
