# expect: verdict=ok
# Sorts more lines than it wants to hold by writing sorted runs to temporary files and merging them.
# stdout: 900 lines in 6 runs
import contextlib
import heapq
import os
import random
import tempfile

RUN_LINES = 150


def write_runs(lines, directory):
    paths = []
    for start in range(0, len(lines), RUN_LINES):
        fd, path = tempfile.mkstemp(suffix=".run", dir=directory, text=True)
        with os.fdopen(fd, "w") as f:
            f.writelines(sorted(lines[start:start + RUN_LINES]))
        paths.append(path)
    return paths


rng = random.Random(1234)
lines = [f"{rng.randrange(10**6):06d} record\n" for _ in range(900)]

with tempfile.TemporaryDirectory(prefix="sorter-") as directory:
    runs = write_runs(lines, directory)
    print(len(lines), "lines in", len(runs), "runs")
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(p)) for p in runs]
        merged = list(heapq.merge(*files))
    print("first:", merged[0].strip(), "| last:", merged[-1].strip())
    print("correct:", merged == sorted(lines))
print("directory gone:", not os.path.exists(directory))

with tempfile.TemporaryFile("w+b") as scratch:
    scratch.write("".join(merged).encode())
    scratch.seek(-14, os.SEEK_END)
    print("tail of scratch file:", scratch.read().decode().strip())

with tempfile.NamedTemporaryFile("w", suffix=".txt") as named:
    print("named file in temp dir:", os.path.dirname(named.name) == tempfile.gettempdir())

with tempfile.SpooledTemporaryFile(max_size=1024, mode="w+") as spool:
    spool.write("x" * 5000)
    spool.seek(0)
    print("spooled:", len(spool.read()))
