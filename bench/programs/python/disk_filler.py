# expect: verdict=ok limits=files:8M
# Fills /tmp until the file system says ENOSPC, cleans up and writes again.
# stdout: disk full: ENOSPC
import errno
import os

PATH = "/tmp/filler.bin"
chunk = b"\xa5" * (1 << 20)
written = 0

fd = os.open(PATH, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
try:
    while True:
        written += os.write(fd, chunk)
except OSError as error:
    if error.errno != errno.ENOSPC:
        raise
    print("disk full:", errno.errorcode[error.errno])
finally:
    os.close(fd)

print(f"wrote {written / (1 << 20):.1f} MiB before that")
assert written > 0

os.unlink(PATH)
with open("/tmp/after.txt", "w") as f:
    f.write("there is room again\n")
print(open("/tmp/after.txt").read().strip())
