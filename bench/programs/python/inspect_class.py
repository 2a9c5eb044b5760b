# expect: verdict=ok
# Looks at its own classes and functions with inspect: source, signatures, documentation, frames.
# stdout: class Stack:
import inspect
import sys


class Stack:
    """A last-in, first-out container."""

    def __init__(self, items=()):
        self._items = list(items)

    def push(self, item, *, front: bool = False) -> int:
        """Add an item and return the new size."""
        self._items.insert(0 if front else len(self._items), item)
        return len(self._items)

    def pop(self):
        return self._items.pop()


def area(width: float, height: float = 1.0) -> float:
    return width * height


source = inspect.getsource(Stack)
print(source)
print("lines of source:", len(source.splitlines()))
print("area is:", inspect.getsource(area).strip())

print("signature of push:", inspect.signature(Stack.push))
print("doc:", inspect.getdoc(Stack.push))
print("methods:", [n for n, _ in inspect.getmembers(Stack, inspect.isfunction)])
print("parameters of area:", {p.name: p.default for p in inspect.signature(area).parameters.values()
                              if p.default is not p.empty})

assert Stack.__module__ == "__main__"
assert sys.modules["__main__"].Stack is Stack
print("defined in:", Stack.__module__, "| caller:", inspect.currentframe().f_code.co_name)
