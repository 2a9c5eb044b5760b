# SPDX-License-Identifier: Apache-2.0
# Finds none of it, and can make its own.
# expect: verdict=ok stdout=held unchanged
# stops: namespaces (pid), daemon
# proof: what it makes itself it finds
import fcntl
import socket

print(sorted(name for name in os.listdir("/proc") if name.isdigit()),
      os.listdir("/proc/self/task"), libc.inotify_init1(0))
for name in ("\0left", "/tmp/left"):
    peer = socket.socket(socket.AF_UNIX)
    denied(f"a connection to {name!a}", lambda: peer.connect(name), (ECONNREFUSED, ENOENT))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen()
    peer.connect(name)
for path in ("/etc/passwd", "/dev/null"):
    with open(path, "rb") as file:
        print(path, file.fileno() > 3)
with open("/proc/self/timers") as file:
    print("timers", file.read())
held()
