# expect: verdict=ok
# Solves the n-queens problem by backtracking with bit masks and draws one board.
# stdout: n=4: 2 solutions
def count(n, row=0, cols=0, left=0, right=0):
    if row == n:
        return 1
    total = 0
    free = ~(cols | left | right) & ((1 << n) - 1)
    while free:
        bit = free & -free
        free ^= bit
        total += count(n, row + 1, cols | bit, (left | bit) << 1, (right | bit) >> 1)
    return total


def first_solution(n, placed=()):
    row = len(placed)
    if row == n:
        return placed
    for col in range(n):
        if all(col != c and abs(col - c) != row - r for r, c in enumerate(placed)):
            solution = first_solution(n, placed + (col,))
            if solution:
                return solution
    return None


for n in range(4, 8):
    print(f"n={n}: {count(n)} solutions")

# 8x8 board, the classic
for col in first_solution(8):
    print(" ".join("Q" if c == col else "." for c in range(8)))

print("n=3 solvable?", first_solution(3) is not None)
