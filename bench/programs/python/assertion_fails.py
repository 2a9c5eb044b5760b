# expect: verdict=error name=AssertionError
# Checks a wrong implementation of the median with assertions until one fails.
# stdout: odd length: ok
def median(values):
    """Return the median (bug: even lengths are not averaged)."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


cases = [
    ("odd length", [3, 1, 2], 2),
    ("single value", [7], 7),
    ("even length", [1, 2, 3, 4], 2.5),
    ("negative values", [-5, -1, -3], -3),
]

for label, values, expected in cases:
    got = median(values)
    assert got == expected, f"{label}: expected {expected}, got {got}"
    print(f"{label}: ok")

print("all good")
