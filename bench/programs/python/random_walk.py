# expect: verdict=ok
# Unseeded randomness: a random walk, Monte Carlo pi, shuffles, tokens; no two runs are alike.
# stdout: Running an unseeded experiment
import math
import os
import random
import secrets
import uuid

print("Running an unseeded experiment")


def walk(steps):
    x = y = 0
    for _ in range(steps):
        dx, dy = random.choice([(1, 0), (-1, 0), (0, 1), (0, -1)])
        x, y = x + dx, y + dy
    return math.hypot(x, y)


distances = [walk(200) for _ in range(20)]
print(f"mean distance after 200 steps: {sum(distances) / 20:.2f} (theory about {math.sqrt(200) * 0.886:.2f})")

inside = sum(random.random() ** 2 + random.random() ** 2 <= 1 for _ in range(5000))
estimate = 4 * inside / 5000
print(f"pi is roughly {estimate:.3f}")
assert 2.9 < estimate < 3.4

deck = [rank + suit for suit in "SHDC" for rank in "A23456789TJQK"]
random.shuffle(deck)
print("hand:", " ".join(sorted(deck[:5])))
print("gauss:", [round(random.gauss(100, 15), 1) for _ in range(4)])

print("token:", secrets.token_hex(8), "| uuid:", uuid.uuid4(), "| urandom:", os.urandom(4).hex())
print("fingerprint:", random.getrandbits(64))
