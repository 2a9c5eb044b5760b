# expect: verdict=error name=ZeroDivisionError
# Divides by zero four calls deep, through a comprehension and a method, without handling it.
# stdout: Q1: 12.5 % growth
class Quarter:
    def __init__(self, name, before, after):
        self.name = name
        self.before = before
        self.after = after

    def growth(self):
        return percentage(self.after - self.before, self.before)


def percentage(part, whole):
    return ratio(part, whole) * 100


def ratio(a, b):
    return a / b


def report(quarters):
    for q in quarters:
        print(f"{q.name}: {q.growth():.1f} % growth", flush=True)
    return [q.growth() for q in quarters]


report([
    Quarter("Q1", 800, 900),
    Quarter("Q2", 900, 855),
    Quarter("Q3", 0, 120),
    Quarter("Q4", 120, 240),
])
