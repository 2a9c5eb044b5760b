# SPDX-License-Identifier: Apache-2.0
# Every name is free, and nobody answers to it.
# expect: verdict=ok stdout=held repeat=30
# stops: namespaces (net)
# proof: a name that it took itself is not free
import socket

for number in range(60):
    name = f"\0in flight {number}"
    peer = socket.socket(socket.AF_UNIX)
    denied(f"somebody listens at {number}", lambda: peer.connect(name), ECONNREFUSED)
    own = socket.socket(socket.AF_UNIX)
    try:
        own.bind(name)
    except OSError as error:
        expect(False, f"name {number}: {error}")
twin = socket.socket(socket.AF_UNIX)
denied("a name that is taken", lambda: twin.bind(name), EADDRINUSE)
held()
