# SPDX-License-Identifier: Apache-2.0
# Name look-ups must fail at once, not after a resolver's patience.
# expect: verdict=ok stdout=held limits=timeout:3s wall_max=1s
# stops: seccomp (socket families), namespaces (net), view (empty resolv.conf)
# proof: control gets through: a UDP socket
import socket

denied("a UDP socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), EAFNOSUPPORT)
if not CONTROL:
    for name in ("example.com", "metadata.google.internal", "host.docker.internal", "8.8.8.8"):
        start = time.monotonic()
        try:
            socket.create_connection((name, 80), timeout=2)
        except OSError:
            pass
        else:
            expect(False, f"a connection to {name}")
        expect(time.monotonic() - start < 0.2, f"{name} took {time.monotonic() - start:.3f} s")
    expect(open("/etc/resolv.conf").read() == "", "a resolver")
for path in ("/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket", "/run/docker.sock",
             "/run/dbus/system_bus_socket", "/run/systemd/journal/socket", "/dev/log"):
    peer = socket.socket(socket.AF_UNIX)
    denied(path, lambda: peer.connect(path), (ENOENT, EACCES), False)
held()
