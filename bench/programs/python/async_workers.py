# expect: verdict=ok
# Simulates a crawler with asyncio: gather, a bounded queue of pages, timeouts and cancellation.
# stdout: gathered: ['home', 'about', 'pricing']
import asyncio

LINKS = {
    "home": ["about", "pricing", "blog"],
    "about": ["team"],
    "pricing": ["faq"],
    "blog": ["post-1", "post-2", "home"],
}


async def fetch(page: str) -> str:
    await asyncio.sleep(0.001)
    return page


async def worker(name: str, queue: asyncio.Queue, seen: set, handled: dict) -> None:
    while True:
        page = await queue.get()
        await fetch(page)
        handled[name] = handled.get(name, 0) + 1
        for link in LINKS.get(page, []):
            if link not in seen:
                seen.add(link)
                await queue.put(link)
        queue.task_done()


async def main() -> int:
    print("gathered:", await asyncio.gather(*(fetch(p) for p in ("home", "about", "pricing"))))

    queue: asyncio.Queue = asyncio.Queue(maxsize=16)
    seen, handled = {"home"}, {}
    await queue.put("home")
    workers = [asyncio.create_task(worker(f"w{i}", queue, seen, handled)) for i in range(3)]
    await queue.join()
    for task in workers:
        task.cancel()
    results = await asyncio.gather(*workers, return_exceptions=True)

    print("pages:", sorted(seen))
    print("handled:", sum(handled.values()))
    print("cancelled:", all(isinstance(r, asyncio.CancelledError) for r in results))

    try:
        await asyncio.wait_for(asyncio.Event().wait(), timeout=0.002)
    except asyncio.TimeoutError:
        print("slow request timed out as planned")
    return len(seen)


count = asyncio.run(main())
print("total unique pages:", count)
