# SPDX-License-Identifier: Apache-2.0
# Files that are larger than what they hold, and files without a name.
# expect: verdict=ok limits=files:8M stdout=held
# stops: rlimit (fsize), view (size of the tmpfs)
# proof: control gets through: a sparse petabyte
file = os.open("/tmp/sparse", os.O_CREAT | os.O_RDWR)
denied("a sparse petabyte", lambda: os.ftruncate(file, 1 << 40), EFBIG)
denied("10 GB by fallocate", lambda: os.posix_fallocate(file, 0, 10 << 30), (EFBIG, ENOSPC), False)
denied("a byte far out", lambda: os.pwrite(file, b"x", 1 << 50), EFBIG, False)


def hoard():
    kept = []
    while len(kept) < 64:
        kept.append(os.open("/tmp", os.O_TMPFILE | os.O_RDWR))
        os.write(kept[-1], b"x" * (1 << 20))


denied("64 MB in files without a name", hoard, ENOSPC, False)
held()
