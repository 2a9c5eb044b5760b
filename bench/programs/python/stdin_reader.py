# expect: verdict=ok
# Wants numbers on standard input, finds it empty and falls back to defaults.
# stdout: Enter a number: no input given, using 10
import sys

try:
    n = int(input("Enter a number: "))
except EOFError:
    print("no input given, using 10")
    n = 10

print(f"squares up to {n}:", [i * i for i in range(1, n + 1)])

rest = sys.stdin.read()
print("remaining input:", repr(rest))

lines = [line.rstrip("\n") for line in sys.stdin]
print("lines left:", len(lines))
print("interactive:", sys.stdin.isatty())
