# expect: verdict=ok
# Threads of all kinds: a lock around a counter, producer and consumers, a thread pool, a timer.
# stdout: counter: 2000
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

# 1. Shared counter
counter = 0
lock = threading.Lock()


def increment(times):
    global counter
    for _ in range(times):
        with lock:
            counter += 1


threads = [threading.Thread(target=increment, args=(500,)) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print("counter:", counter)

# 2. Producer / consumer
jobs, results = queue.Queue(maxsize=5), queue.Queue()


def consume():
    while (n := jobs.get()) is not None:
        results.put((n, n ** 3))


consumers = [threading.Thread(target=consume, daemon=True) for _ in range(3)]
for c in consumers: c.start()
for n in list(range(20)) + [None] * 3:
    jobs.put(n)
for c in consumers: c.join()
print("cubes:", sum(cube for _, cube in results.queue))


# 3. Thread pool
def download(page):
    time.sleep(0.001)
    if page == 3:
        raise ConnectionError(f"page {page} unavailable")
    return page, len("content " * page)


with ThreadPoolExecutor(max_workers=4) as pool:
    futures = [pool.submit(download, page) for page in range(6)]
    done = [f for f in as_completed(futures)]
print("pages:", sorted(f.result() for f in done if not f.exception()))
print("errors:", [str(f.exception()) for f in done if f.exception()])

# 4. Timer and event
fired = threading.Event()
threading.Timer(0.002, fired.set).start()
print("timer fired:", fired.wait(timeout=5))
