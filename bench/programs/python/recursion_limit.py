# expect: verdict=ok
# Recurses without end, handles the RecursionError, then raises the limit and goes deeper.
# stdout: RecursionError: maximum recursion depth exceeded
import sys


def depth(n=0):
    try:
        return depth(n + 1)
    except RecursionError:
        return n


def endless(n):
    return endless(n + 1)


def total(items):
    return items[0] + total(items[1:]) if items else 0


try:
    endless(0)
except RecursionError as error:
    print(f"{type(error).__name__}: {str(error)[:32]}")

default = sys.getrecursionlimit()
reached = depth()
print("default limit:", default, "| reached most of it:", default - 100 < reached < default)

try:
    total(list(range(1500)))
except RecursionError:
    print("sum of 1500 items needs more depth")

sys.setrecursionlimit(4000)
print("with a limit of 4000:", total(list(range(1500))))
sys.setrecursionlimit(default)

nested = current = []
for _ in range(5000):
    current.append([])
    current = current[0]
try:
    repr(nested)
except RecursionError as error:
    print("repr of a deep list:", type(error).__name__)
