# expect: verdict=ok
# Spreads work over processes with fork: a ProcessPoolExecutor, then a raw os.fork with a pipe.
# stdout: collatz: [102, 103, 178, 181]
import math
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor


def longest_collatz(limit):
    longest = 0
    for start in range(max(1, limit // 2), limit, 7):
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        longest = max(longest, steps)
    return longest


def fail(x):
    return math.sqrt(x)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(max_workers=2, mp_context=context) as pool:
        print("collatz:", list(pool.map(longest_collatz, [100, 200, 1000, 2000])))
        future = pool.submit(fail, -1)
        print("exception from the child:", repr(future.exception()))
        child_pid = pool.submit(os.getpid).result()
    print("another process:", child_pid != os.getpid())

    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.write(writer, f"sum={sum(range(1000))}".encode())
        os._exit(7)
    os.close(writer)
    print("child says:", os.read(reader, 100).decode())
    _, status = os.waitpid(pid, 0)
    print("child exit code:", os.waitstatus_to_exitcode(status))
