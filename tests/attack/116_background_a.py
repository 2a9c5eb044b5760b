# SPDX-License-Identifier: Apache-2.0
# Leaves everything running that can run: processes, threads, timers, sockets, watches, locks.
# expect: verdict=ok limits=timeout:5s wall_max=2s
# stops: namespaces (pid), daemon (an empty cell before reuse)
# proof: control none: 116 b makes the same and finds it
import fcntl
import signal
import socket

keep = []
for name in ("\0left", "/tmp/left"):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen()
    keep.append(listener)  # in flight to itself, it would be 095
for path in ("/etc/passwd", "/usr/bin/python3.11", "/dev/null"):
    file = open(path, "rb")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    keep.append(file)
watch = libc.inotify_init1(0)
libc.inotify_add_watch(watch, b"/etc", 0xFFF)
timer = ctypes.c_void_p()
for _ in range(100):
    syscall(222, 1, None, ctypes.byref(timer))
signal.setitimer(signal.ITIMER_PROF, 100)


def linger():
    os.setsid()
    time.sleep(1000)


for _ in range(4):
    fork_quietly(linger)
for _ in range(4):
    thread(time.sleep, 1000)
