# expect: verdict=ok
# Solves a 0/1 knapsack twice, by memoised recursion and by a table, and compares the answers.
# stdout: best value: 1002
from functools import lru_cache

ITEMS = [  # name, weight, value
    ("map", 9, 150), ("compass", 13, 35), ("water", 153, 200), ("sandwich", 50, 160),
    ("glucose", 15, 60), ("tin", 68, 45), ("banana", 27, 60), ("apple", 39, 40),
    ("cheese", 23, 30), ("beer", 52, 10), ("suntan cream", 11, 70), ("camera", 32, 30),
    ("t-shirt", 24, 15), ("trousers", 48, 10), ("umbrella", 73, 40), ("jacket", 43, 75),
    ("note-case", 22, 80), ("sunglasses", 7, 20), ("towel", 18, 12), ("socks", 4, 50),
    ("book", 30, 10),
]
CAPACITY = 400


@lru_cache(maxsize=None)
def best(index: int, room: int) -> int:
    if index == len(ITEMS):
        return 0
    _, weight, value = ITEMS[index]
    skip = best(index + 1, room)
    if weight > room:
        return skip
    return max(skip, value + best(index + 1, room - weight))


def chosen():
    room = CAPACITY
    for index, (name, weight, value) in enumerate(ITEMS):
        if weight <= room and best(index, room) == value + best(index + 1, room - weight):
            room -= weight
            yield name, weight, value


def best_by_table():
    table = [0] * (CAPACITY + 1)
    for _, weight, value in ITEMS:
        for room in range(CAPACITY, weight - 1, -1):
            table[room] = max(table[room], table[room - weight] + value)
    return table[CAPACITY]


print("best value:", best(0, CAPACITY))
picked = list(chosen())
for name, weight, value in picked:
    print(f"  {name:<14}{weight:>4} g {value:>5}")
print("weight:", sum(w for _, w, _ in picked), "of", CAPACITY)
print("table agrees:", best_by_table() == best(0, CAPACITY))
print("states visited:", best.cache_info().misses)
