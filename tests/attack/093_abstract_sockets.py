# SPDX-License-Identifier: Apache-2.0
# The host's abstract sockets; the driver holds one open for this.
# expect: verdict=ok stdout=held
# stops: namespaces (net), landlock (abstract sockets)
# proof: control sharing net gets through: the host's socket
import socket

peer = socket.socket(socket.AF_UNIX)
denied("the host's socket", lambda: peer.connect("\0corral-attack-host"), (ECONNREFUSED, EPERM))
own = socket.socket(socket.AF_UNIX)
own.bind("\0corral-attack-own")
own.listen()
mate = socket.socket(socket.AF_UNIX)
mate.connect("\0corral-attack-own")
held()
