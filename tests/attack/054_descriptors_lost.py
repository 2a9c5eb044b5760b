# SPDX-License-Identifier: Apache-2.0
# Closes, replaces and writes to the descriptors that it finds.
# expect: variant=close verdict=ok wall_max=1s limits=timeout:5s
# expect: variant=control verdict=ok stdout=held wall_max=1s limits=timeout:5s
# expect: variant=replace verdict=ok wall_max=1s limits=timeout:5s
# expect: variant=all verdict=ok stdout=held wall_max=1s limits=timeout:5s
# expect: variant=every verdict=ok wall_max=1s limits=timeout:5s
# stops: daemon (the end is a record, not a message), daemon (close_range)
# proof: control none: a program's own descriptors are its own
if VARIANT == "close":
    os.close(1)
    os.close(2)
elif VARIANT == "control":
    os.close(3)
    held()
elif VARIANT == "replace":
    for fd in range(1, 4):
        os.dup2(os.open("/dev/null", os.O_RDWR), fd)
    print("into the ring, which needs no descriptor")
elif VARIANT == "all":
    for fd in range(4, 1024):
        try:
            os.write(fd, b"x")
        except OSError as error:
            expect(error.errno == EBADF, f"{fd}: {error}")
        else:
            expect(False, f"{fd} is open for writing")
    held()
else:
    os.closerange(0, 1024)
