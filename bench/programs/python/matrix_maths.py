# expect: verdict=ok
# Linear algebra without numpy: product, determinant, inverse, power, eigenvalue.
# stdout: A x B = [[58, 64], [139, 154]]
from fractions import Fraction
import math

Matrix = list[list]


def matmul(a: Matrix, b: Matrix) -> Matrix:
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, col)) for col in columns] for row in a]


def identity(n: int) -> Matrix:
    return [[int(i == j) for j in range(n)] for i in range(n)]


def inverse(m: Matrix) -> tuple[Matrix, Fraction]:
    """Gauss-Jordan elimination; returns the inverse and the determinant."""
    n, det = len(m), Fraction(1)
    rows = [[Fraction(v) for v in row] + unit for row, unit in zip(m, identity(n))]
    for col in range(n):
        pivot = max(range(col, n), key=lambda r: abs(rows[r][col]))
        if rows[pivot][col] == 0:
            raise ValueError("matrix is singular")
        if pivot != col:
            rows[col], rows[pivot] = rows[pivot], rows[col]
            det = -det
        det *= rows[col][col]
        rows[col] = [v / rows[col][col] for v in rows[col]]
        for r in range(n):
            if r != col:
                factor = rows[r][col]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[col])]
    return [row[n:] for row in rows], det


def power(m: Matrix, n: int) -> Matrix:
    result = identity(len(m))
    while n:
        if n & 1:
            result = matmul(result, m)
        m, n = matmul(m, m), n >> 1
    return result


print("A x B =", matmul([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]]))
m = [[2, -1, 0], [-1, 2, -1], [0, -1, 2]]
inv, det = inverse(m)
print("det =", det, "inverse =", [[str(v) for v in row] for row in inv])
print("check:", matmul(m, inv) == identity(3))
print("fib(90) by matrix power:", power([[1, 1], [1, 0]], 90)[0][1])
v = [[1.0], [1.0], [0.5]]
for _ in range(40):
    v = matmul(m, v)
    norm = math.sqrt(sum(x * x for (x,) in v))
    v = [[x / norm] for (x,) in v]
print(f"largest eigenvalue: {norm:.6f} (2 + sqrt 2 = {2 + math.sqrt(2):.6f})")
