# SPDX-License-Identifier: Apache-2.0
# Uses up what the kernel counts by uid: inotify instances and watches, epoll, pipes, locks.
# expect: verdict=ok beside limits=timeout:20s,open_files:256
# stops: ids (a uid for each slot), rlimit (nofile)
# proof: control none: it would take from root's own quota; the second part shows that it can have
import select

kept = []
try:
    while len(kept) < 200:
        fd = libc.inotify_init1(0)
        if fd < 0:
            break
        kept.append(fd)
finally:
    pass
instances = len(kept)
epoll = select.epoll()
try:
    while True:
        reader, writer = os.pipe()
        kept += [reader, writer]
        libc.fcntl(writer, 1031, 1 << 20)
        epoll.register(reader)
except OSError as error:
    expect(error.errno == EMFILE, str(error))
expect(instances >= 100, f"{instances} inotify instances only")
print("all used up", flush=True)
sys.stdin.read()
