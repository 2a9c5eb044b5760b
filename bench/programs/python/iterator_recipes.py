# expect: verdict=ok
# Generators and itertools: lazy pipelines, grouping, windows, combinations, send and close.
# stdout: fib: [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
from functools import reduce
from itertools import (accumulate, chain, combinations, count, cycle, groupby, islice,
                       pairwise, product, takewhile, tee, zip_longest)
import operator


def fib():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


def windows(iterable, size):
    its = tee(iterable, size)
    for skip, it in enumerate(its):
        next(islice(it, skip, skip), None)
    return zip(*its)


def running_mean():
    total, n, mean = 0.0, 0, None
    try:
        while True:
            total += yield mean
            n += 1
            mean = total / n
    finally:
        print("running_mean closed after", n, "values")


print("fib:", list(islice(fib(), 10)))
print("even fib below 1000:", sum(x for x in takewhile(lambda v: v < 1000, fib()) if x % 2 == 0))

words = sorted("apple avocado banana blueberry cherry cranberry apricot".split())
for letter, group in groupby(words, key=lambda w: w[0]):
    print(letter, "->", list(group))

print("windows:", list(windows(range(6), 3)))
print("pairwise diffs:", [b - a for a, b in pairwise([1, 4, 9, 16, 25])])
print("accumulate:", list(accumulate([3, 1, 4, 1, 5], max)))
print("product of 1..10:", reduce(operator.mul, range(1, 11)))
print("zip_longest:", list(zip_longest("abc", "xy", fillvalue="-")))
print("dice sums of 7:", sum(a + b == 7 for a, b in product(range(1, 7), repeat=2)))
print("pairs:", list(chain.from_iterable(combinations("ABC", 2))))
print("round robin:", [f"{t}{i}" for t, i in islice(zip(cycle("xyz"), count(1)), 7)])

mean = running_mean()
next(mean)
print("means:", [mean.send(v) for v in (10, 20, 60)])
mean.close()
