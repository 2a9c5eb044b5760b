# expect: verdict=ok
# Works like a notebook cell: some statements, then an expression whose value is the result.
# stdout: computing primes and squares
print("computing primes and squares")

data = {n: n * n for n in range(1, 11)}
evens = {k: v for k, v in data.items() if k % 2 == 0}

primes = [n for n in range(2, 60) if all(n % d for d in range(2, int(n ** 0.5) + 1))]

{"even_squares": evens, "primes": primes, "ratio": sum(evens.values()) / sum(data.values())}
