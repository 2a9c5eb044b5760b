# expect: verdict=ok
# Sieve of Eratosthenes, Miller-Rabin and factorisation, checked against each other.
# stdout: There are 2262 primes below 20000.
def sieve(limit):
    flags = bytearray([1]) * limit
    flags[0:2] = b"\x00\x00"
    for n in range(2, int(limit ** 0.5) + 1):
        if flags[n]:
            flags[n * n::n] = bytes(len(range(n * n, limit, n)))
    return [n for n, is_prime in enumerate(flags) if is_prime]


def is_prime(n):
    if n < 2:
        return False
    for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if n % p == 0:
            return n == p
    d, r = n - 1, 0
    while d % 2 == 0:
        d, r = d // 2, r + 1
    for a in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(a, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(r - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def factor(n):
    factors, p = [], 2
    while p * p <= n:
        while n % p == 0:
            factors.append(p)
            n //= p
        p += 1 if p == 2 else 2
    return factors + ([n] if n > 1 else [])


primes = sieve(20000)
print(f"There are {len(primes)} primes below 20000.")
print("The last five:", primes[-5:])
print("Miller-Rabin agrees below 2000:", [n for n in range(2000) if is_prime(n)] == sieve(2000))
print("2**61 - 1 is prime:", is_prime(2 ** 61 - 1), "| 2**67 - 1 is prime:", is_prime(2 ** 67 - 1))
print("600851475143 =", " x ".join(map(str, factor(600851475143))))
twins = [(a, b) for a, b in zip(primes, primes[1:]) if b - a == 2]
print("twin prime pairs:", len(twins), "first:", twins[:4])
