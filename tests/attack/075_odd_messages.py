# SPDX-License-Identifier: Apache-2.0
# Messages that a reader may stumble over, and ends of the connection.
# expect: variant=large verdict=ok stdout=held limits=timeout:1s wall_max=900ms
# expect: variant=empty verdict=ok stdout=held limits=timeout:300ms wall_max=1300ms
# expect: variant=urgent verdict=ok stdout=held limits=timeout:1s wall_max=900ms
# expect: variant=shut_read verdict=ok stdout=held limits=timeout:1s wall_max=900ms
# expect: variant=shut_write verdict=ok stdout=held limits=timeout:1s wall_max=900ms
# expect: variant=shut_both verdict=ok stdout=held limits=timeout:1s wall_max=900ms
# expect: variant=options verdict=ok stdout=held limits=timeout:1s wall_max=900ms
# stops: daemon
# proof: control none: there is no control socket outside
import socket

control = socket.socket(fileno=3)
if VARIANT == "large":
    for _ in range(10):
        control.send(b"x" * 100_000)
elif VARIANT == "empty":
    control.send(b"")
elif VARIANT == "urgent":
    denied("MSG_OOB", lambda: control.send(b"x", socket.MSG_OOB), EOPNOTSUPP)
elif VARIANT.startswith("shut"):
    control.shutdown(dict(shut_read=0, shut_write=1, shut_both=2)[VARIANT])
else:
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF, socket.SO_PASSCRED, socket.SO_KEEPALIVE):
        control.setsockopt(socket.SOL_SOCKET, option, 1)
    for option in (26, 50, 51, 52):
        denied(f"option {option}", lambda: control.setsockopt(1, option, b"\0" * 16),
               (EPERM, ENOTSUP))
    control.setblocking(False)
control.detach()
held()
