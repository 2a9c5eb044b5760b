# expect: verdict=error name=SyntaxError
# Has an unclosed bracket, so that nothing of it runs.
import math

print("this is never printed")

radii = [1, 2, 3
areas = [math.pi * r ** 2 for r in radii]

for r, a in zip(radii, areas):
    print(f"radius {r}: area {a:.2f}")
