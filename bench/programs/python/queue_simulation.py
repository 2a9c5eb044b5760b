# expect: verdict=ok
# Simulates a bank with two clerks as discrete events, with a fixed seed, and compares with theory.
# stdout: customers served: 1500
import heapq
import random
from statistics import mean

random.seed(42)

ARRIVALS_PER_MIN = 0.9
SERVICE_PER_MIN = 0.5
CLERKS = 2
CUSTOMERS = 1500


def simulate(rng):
    clock = 0.0
    free_at = [0.0] * CLERKS
    heapq.heapify(free_at)
    waits, busy = [], 0.0
    for _ in range(CUSTOMERS):
        clock += rng.expovariate(ARRIVALS_PER_MIN)
        start = max(clock, heapq.heappop(free_at))
        service = rng.expovariate(SERVICE_PER_MIN)
        waits.append(start - clock)
        busy += service
        heapq.heappush(free_at, start + service)
    return waits, busy / (max(free_at) * CLERKS)


waits, utilisation = simulate(random)
print("customers served:", len(waits))
print(f"mean wait: {mean(waits):.2f} min, longest: {max(waits):.2f} min")
print(f"utilisation: {utilisation:.1%} (theory {ARRIVALS_PER_MIN / (CLERKS * SERVICE_PER_MIN):.1%})")

again, _ = simulate(random.Random(7))
same, _ = simulate(random.Random(7))
print("same seed, same run:", again == same)

# Histogram of waiting times
bins = [0] * 8
for w in waits:
    bins[min(7, int(w // 3))] += 1
for i, n in enumerate(bins):
    print(f"{i * 3:>3}+ min | {'#' * (n * 40 // max(bins))} {n}")
