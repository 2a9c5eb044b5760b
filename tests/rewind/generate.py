#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""tests/rewind/generate.py SEED COUNT: programs that leave residue of every kind on purpose.

A program is one to five pieces (*.pieces, beside this file) with parameters at random, and at times
an end other than its own. The same seed gives the same programs. A piece that cannot do what it says
fails, so that the verdict is not the expected one, and none takes longer than some milliseconds.

Printed, each program stands behind a line "# SEED.NUMBER expect=VERDICT pieces".
"""
import random
import string
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
LIBC = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
"""
MAPPED = LIBC + """
place = libc.mmap(None, ctypes.c_size_t($pages * 4096), 3, 0x22, -1, 0)
assert place not in (None, 2 ** 64 - 1)
ctypes.memset(place, $small, $pages * 4096)
"""


def table(name):
    """The pieces of a file: behind each line "== NAME" its code, in which $words are parameters."""
    parts = (FOLDER / f"{name}.pieces").read_text().split("\n== ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip().replace("$mapped", MAPPED).replace("$libc", LIBC)
            for part in parts}


MEMORY, KERNEL = table("memory"), table("kernel")
# The verdict stands behind the name.
ENDS = {name.split()[0]: (code, name.split()[1]) for name, code in table("ends").items()}

MODULES = ("json", "re", "decimal", "fractions", "statistics", "textwrap", "heapq", "bisect", "enum", "dataclasses")
RARE = ("colorsys", "wave", "sndhdr", "chunk", "cmd", "imaplib", "nntplib", "xdrlib", "this")


class Program(NamedTuple):
    name: str     # SEED.NUMBER
    code: str
    verdict: str  # expected
    pieces: tuple
    limits: dict = {}


def parameters(dice):
    place = dice.choice(("/workspace", "/tmp", "/dev/shm"))
    name = "left_" + "".join(dice.choices(string.ascii_lowercase, k=6))
    return {
        "small": dice.randint(1, 7), "count": dice.randint(10, 400), "pages": dice.randint(2, 300),
        "size": int(4096 * 2 ** dice.uniform(0, 9.5)), "name": name, "place": place,
        "path": f"{place}/{name}", "standard": dice.randint(0, 2), "number": dice.randint(4, 60),
        "signal": dice.choice(("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGTERM", "SIGCHLD", "SIGWINCH", "SIGURG")),
        "rlimit": dice.choice(("CPU", "DATA", "STACK", "NOFILE", "MEMLOCK", "SIGPENDING", "NICE")),
        "advice": dice.choice((4, 10, 12, 14, 15, 16, 17)), "module": dice.choice(MODULES),
        "rare": dice.choice(RARE),
    }


def piece(code, dice):
    return string.Template(code).substitute(parameters(dice))


def guarded(code):
    """A piece that another one may keep from going on: the next one shall run all the same."""
    return "try:\n" + textwrap.indent(code, "    ") + "\nexcept Exception: pass"


def programs(seed, count):
    dice = random.Random(seed)
    for number in range(count):
        # Half of them touch memory alone: what is rewound most often.
        tables = MEMORY if dice.random() < 0.5 else {**MEMORY, **KERNEL}
        pieces = dice.sample(sorted(tables), min(dice.randint(1, 5), dice.randint(1, 5)))
        codes, verdict = [piece(tables[name], dice) for name in pieces], "ok"
        if len(codes) > 1:
            codes = [guarded(code) for code in codes]
        if dice.random() < 0.15:
            end = dice.choice(sorted(ENDS))
            pieces.append(end)
            codes.append(piece(ENDS[end][0], dice))
            verdict = ENDS[end][1]
        yield Program(f"{seed}.{number}", "\n".join(codes), verdict, tuple(pieces))


def each(seed, rounds=3):
    """Each piece alone."""
    dice = random.Random(seed)
    for number in range(rounds):
        for name, code in {**MEMORY, **KERNEL}.items():
            yield Program(f"{seed}.{name}.{number}", piece(code, dice), "ok", (name,))
        for name, (code, verdict) in ENDS.items():
            yield Program(f"{seed}.{name}.{number}", piece(code, dice), verdict, (name,))


if __name__ == "__main__":
    for program in programs(int(sys.argv[1]), int(sys.argv[2])):
        print(f"# {program.name} expect={program.verdict} {' '.join(program.pieces)}\n{program.code}\n")
