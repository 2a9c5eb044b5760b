# SPDX-License-Identifier: Apache-2.0
# Kernel memory by pipes: opens and fills them up to the limit on descriptors, in many processes.
# expect: verdict=ok|limit:memory|limit:pids limits=memory:32M,timeout:5s
# stops: rlimit (nofile), cgroup (kernel memory), ids (a uid for each slot)
# proof: control none: it would take the machine's own pipe budget
def fill():
    try:
        while True:
            reader, writer = os.pipe()
            libc.fcntl(writer, 1031, 1 << 20)
            os.set_blocking(writer, False)
            try:
                while True:
                    os.write(writer, b"x" * 4096)
            except BlockingIOError:
                pass
    except OSError as error:
        expect(error.errno == EMFILE, f"a pipe fails with {error}")


for _ in range(16):
    fork_quietly(lambda: (fill(), time.sleep(60)))
fill()
held()
