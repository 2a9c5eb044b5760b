# expect: verdict=ok
# Pickles, copies and compares dataclasses that are defined in __main__.
# stdout: restored equals original: True
from __future__ import annotations

import copy
import pickle
from collections import namedtuple
from dataclasses import asdict, dataclass, field, replace
from enum import Enum


class Priority(Enum):
    LOW = 1
    HIGH = 2


Point = namedtuple("Point", "x y")


@dataclass(order=True)
class Task:
    due: int
    title: str = field(compare=False)
    priority: Priority = field(default=Priority.LOW, compare=False)
    tags: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Board:
    name: str
    origin: Point
    tasks: tuple[Task, ...] = ()


board = Board("release", Point(0.5, -1.0), (
    Task(3, "write notes", tags=["docs"]),
    Task(1, "fix build", Priority.HIGH, ["ci", "urgent"]),
    Task(2, "tag version"),
))

blob = pickle.dumps(board, protocol=pickle.HIGHEST_PROTOCOL)
restored = pickle.loads(blob)
print("restored equals original:", restored == board)
print("same object:", restored is board, "| same enum member:", restored.tasks[1].priority is Priority.HIGH)
print("class comes from:", type(restored).__module__)
print("order:", [t.title for t in sorted(restored.tasks)])

clone = copy.deepcopy(board)
clone.tasks[0].tags.append("changed")
print("deep copy is independent:", board.tasks[0].tags == ["docs"])
print("renamed:", replace(board, name="hotfix", tasks=()))
print("as dict:", asdict(board)["tasks"][1])

try:
    board.name = "other"
except AttributeError as e:
    print(type(e).__name__ + ":", e)
try:
    pickle.dumps(lambda: None)
except (pickle.PicklingError, AttributeError) as e:
    print("lambdas cannot be pickled:", type(e).__name__)
