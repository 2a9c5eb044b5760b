# expect: verdict=ok
# An invoice in exact decimals, a recipe in fractions and a few statistics.
# stdout: subtotal  1297.67
from decimal import ROUND_HALF_UP, Decimal, getcontext, localcontext
from fractions import Fraction
import statistics

CENT = Decimal("0.01")


def cents(amount):
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


items = [
    ("Consulting", Decimal("7.5"), Decimal("120.00")),
    ("Hosting", Decimal("3"), Decimal("49.90")),
    ("Stickers", Decimal("1000"), Decimal("0.24797")),
]

subtotal = sum((cents(q * p) for _, q, p in items), Decimal(0))
tax = cents(subtotal * Decimal("0.19"))
print("subtotal ", subtotal)
print("tax 19%  ", tax)
print("total    ", subtotal + tax)

print("float 0.1 + 0.2 =", 0.1 + 0.2, "| Decimal:", Decimal("0.1") + Decimal("0.2"))
with localcontext() as ctx:
    ctx.prec = 50
    print("sqrt(2) =", Decimal(2).sqrt())
print("precision is back to", getcontext().prec)

# Scale a recipe for 6 to 10 people
recipe = {"flour": Fraction(3, 2), "milk": Fraction(5, 4), "salt": Fraction(1, 3)}
for name, cups in recipe.items():
    scaled = cups * Fraction(10, 6)
    print(f"{name:>6}: {cups} -> {scaled} cups (~{float(scaled):.3f})")
print("pi ~", Fraction("3.141592653589793").limit_denominator(1000))

temperatures = [21.5, 22.1, 19.8, 24.0, 22.1, 20.7, 23.3]
print("mean    ", round(statistics.fmean(temperatures), 4))
print("median  ", statistics.median(temperatures))
print("mode    ", statistics.mode(temperatures))
print("stdev   ", round(statistics.stdev(temperatures), 4))
print("quartile", [round(q, 2) for q in statistics.quantiles(temperatures, n=4)])
slope, intercept = statistics.linear_regression(range(7), temperatures)
print(f"trend    {slope:+.4f} per day from {intercept:.2f}")
