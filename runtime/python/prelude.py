# SPDX-License-Identifier: Apache-2.0
"""runtime/python/prelude.py: the Python half of the runtime.

What C would only say longer: building the streams, importing, linecache, JSON. It runs in a
namespace of its own that no program is given; interpreter.c looks its functions up by name.
"""

import __future__
import _corral
import ast
import atexit
import base64
import builtins
import importlib
import importlib.machinery
import io
import json
import linecache
import math
import os
import sys

FILE = "/workspace/main.py"
DIRECTORY = "/workspace"

# What programs of agents usually import: together about 100 ms and 20 MB, paid once.
USUAL_IMPORTS = """
    abc argparse array ast asyncio base64 binascii bisect builtins bz2 calendar cmath codecs
    collections collections.abc concurrent.futures concurrent.futures.process
    concurrent.futures.thread configparser contextlib contextvars copy csv dataclasses datetime
    decimal difflib email.message enum errno fnmatch fractions functools gc getpass glob gzip
    hashlib heapq hmac html html.parser http.client importlib inspect io itertools json keyword
    linecache locale logging lzma math multiprocessing multiprocessing.pool numbers operator os
    pathlib pickle platform pprint queue random re reprlib secrets select selectors shlex shutil
    signal socket sqlite3 ssl stat statistics string struct subprocess sys tarfile tempfile
    textwrap threading time timeit tokenize tomllib traceback types typing unicodedata unittest
    urllib.error urllib.parse urllib.request uuid warnings weakref xml.etree.ElementTree zipfile
    zlib zoneinfo
""".split()

FORK_HOOKS = {"concurrent.futures.thread", "logging", "random", "threading"}

RESULT_BYTES = 1 << 20
RESULT_DEPTH = 64

encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
future_flags = sum(vars(__future__)[name].compiler_flag for name in __future__.all_feature_names)
real_open = io.open
sources = {}


def open_streams():
    """sys.stdin, stdout and stderr as python3 has them, over streams that outlive the template."""
    io.RawIOBase.register(_corral.Stream)
    raw = io.FileIO(0, "rb", closefd=False)
    raw.name = "<stdin>"
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(
        io.BufferedReader(raw), "utf-8", "surrogateescape", newline="\n"
    )
    sys.stdin.mode = "r"
    for descriptor, name, errors in (
        (1, "stdout", "surrogateescape"),
        (2, "stderr", "backslashreplace"),
    ):
        raw = _corral.Stream(descriptor)
        raw.name = f"<{name}>"
        raw.mode = "wb"
        text = io.TextIOWrapper(
            io.BufferedWriter(raw),
            "utf-8",
            errors,
            newline="\n",
            line_buffering=True,
            write_through=True,
        )
        text.mode = "w"
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)


def import_modules(names):
    """Imports what is named, or the usual; a sentence if that fails.

    Else whether any of them brought a fork hook that the standard library has not.
    """
    foreign = []

    def register_at_fork(**hooks):
        if sys._getframe(1).f_globals.get("__name__") not in FORK_HOOKS:
            foreign.append(hooks)
        real_register(**hooks)

    real_register, os.register_at_fork = os.register_at_fork, register_at_fork
    try:
        for name in USUAL_IMPORTS if names is None else names.split(","):
            name = name.strip()
            if name:
                importlib.import_module(name)
    except BaseException as error:
        return f"cannot import {name!r} into the template: {type(error).__name__}: {error}"
    finally:
        os.register_at_fork = real_register
    return bool(foreign)


def reset():
    """Leaves __main__ and sys as `python3 main.py` finds them."""
    module = sys.modules["__main__"].__dict__
    module.clear()
    module.update(
        __name__="__main__",
        __doc__=None,
        __package__=None,
        __loader__=importlib.machinery.SourceFileLoader("__main__", FILE),
        __spec__=None,
        __annotations__={},
        __builtins__=builtins,
        __file__=FILE,
        __cached__=None,
    )
    sys.argv = [FILE]
    if sys.path[0] != DIRECTORY:
        sys.path.insert(0, DIRECTORY)
    sys.path_importer_cache.pop(DIRECTORY, None)
    sys.modules.pop("_corral", None)
    for name in ("last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    if "tempfile" in sys.modules:
        sys.modules["tempfile"]._name_sequence = None
    linecache.clearcache()
    sources.clear()
    remember_source(FILE, "")


def exit_registries():
    """Containers that grow when the template's own exit callbacks get something to do.

    Most programs give them nothing, and need not run them. None: always run them, for there are
    more of them than this knows.
    """
    registries = {
        "logging": "_handlerList",
        "multiprocessing.util": "_finalizer_registry",
        "multiprocessing.process": "_children",
    }
    known = sum(name in sys.modules for name in ("logging", "multiprocessing.util"))
    if atexit._ncallbacks() > known:
        return None
    return [
        getattr(sys.modules[module], name)
        for module, name in registries.items()
        if module in sys.modules
    ]


def numpy_generator():
    """What numpy.random says of its state: generators.c looks whether it knows it. Else True or False."""
    numpy = sys.modules.get("numpy.random")
    try:
        state = numpy and numpy.mtrand._rand.get_state(legacy=False)
        words = state and (state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"])
        return (numpy.mtrand._rand._bit_generator.capsule, *words) if words else False
    except (AttributeError, KeyError, TypeError):
        return True


def reseed(seed):
    """Generators beside random's, and what a branch of a session would share with its twin."""
    words = [int.from_bytes(seed[i : i + 4], "little") for i in range(0, len(seed), 4)]
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(words)
    if "ssl" in sys.modules:
        sys.modules["ssl"].RAND_add(seed, 0.0)
    if "tempfile" in sys.modules:
        sys.modules["tempfile"]._name_sequence = None


class Lines:
    """The code's lines, for linecache: cut when somebody asks, and most programs end without."""

    def __init__(self, filename):
        self.filename = filename
        self.source = self.lines = None

    def __len__(self):
        return len(self.cut())

    def __getitem__(self, index):
        return self.cut()[index]

    def cut(self):
        source = sources.get(self.filename, "")
        if source is not self.source:
            self.source = source
            self.lines = io.StringIO(source, None).readlines()
            if self.lines and not self.lines[-1].endswith("\n"):
                self.lines[-1] += "\n"
        return self.lines


def remember_source(filename, source):
    """Makes the code known to tracebacks, warnings and inspect."""
    sources[filename] = source
    linecache.cache[filename] = (len(source), None, Lines(filename), filename)


def locate(error, filename):
    """Gives a SyntaxError the line that the compiler looked for on the disk."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        if not error.msg.startswith("f-string:"):  # these show the expression in the braces
            error.text = linecache.getline(filename, error.lineno) or error.text


class Source(io.BytesIO):
    """A file of ours for the interpreter's traceback printer.

    That looks for a coding cookie through the descriptor; ours are always UTF-8, and /dev/null
    has none.
    """

    def __init__(self, source):
        super().__init__(source.encode("utf-8", "replace"))
        self.null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)

    def fileno(self):
        return self.null

    def close(self):
        if not self.closed:
            os.close(self.null)
        super().close()


def open_source(file, *arguments, **options):
    """io.open() while a traceback is printed."""
    source = sources.get(file) if isinstance(file, str) else None
    if source is None:
        return real_open(file, *arguments, **options)
    return Source(source)


def compile_apart(source, filename, flags):
    """The code but for a last expression, and that expression, each compiled; None where not."""
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, filename, "exec", flags | ast.PyCF_ONLY_AST, True)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    body = compile(tree, filename, "exec", flags, True)
    if last is not None:
        last = compile(last, filename, "eval", flags | body.co_flags & future_flags, True)
    return body, last


runner = None  # of asyncio: the loop that a program's own `await` runs on


def run_coroutine(coroutine):
    """What it returns. What else was begun on the loop goes on when the next one runs."""
    global runner
    if runner is None:
        runner = importlib.import_module("asyncio").Runner()
    return runner.run(coroutine)


def loop_end():
    """What still waits on the loop is cancelled, as asyncio.run() does."""
    global runner
    ended, runner = runner, None
    ended.close()


def fits_json(value):
    """Whether JSON can say exactly this value, in a megabyte and not too deep."""
    budget = RESULT_BYTES
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        budget -= 1
        if isinstance(item, str):
            budget -= len(item)
        elif isinstance(item, float):
            if not math.isfinite(item):
                return False
        elif isinstance(item, (list, tuple, dict)):
            if depth == RESULT_DEPTH or len(item) > budget:
                return False
            if isinstance(item, dict):
                if not all(isinstance(key, str) for key in item):
                    return False
                budget -= sum(map(len, item))
                item = item.values()
            pending.extend((each, depth + 1) for each in item)
        elif not (item is None or isinstance(item, int)):
            return False
        if budget < 0:
            return False
    return True


def value_as_json(value):
    """The value as JSON text, or None."""
    try:
        if not fits_json(value):
            return None
        text = encode_json(value)
        return text if len(text.encode("utf-8")) <= RESULT_BYTES else None
    except Exception:
        return None


# The methods by which a value tells a notebook what else it is (IPython's documentation, "Integrating
# your objects with IPython").
FORMS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_pdf_": "application/pdf",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}


def form_of(value, method, *arguments):
    """What the method gives, without what else it says of that; None if there is none or it fails."""
    try:
        function = getattr(type(value), method, None)
        form = function and function(value, *arguments)
        return form[0] if isinstance(form, tuple) else form
    except Exception:
        return None


def figure_forms(value):
    """A figure of matplotlib as a picture: the value, or the one that was drawn on last."""
    plots = sys.modules.get("matplotlib.pyplot")
    figures = sys.modules.get("matplotlib.figure")
    figure = value if figures and isinstance(value, figures.Figure) else None
    if plots and figure is None and plots.get_fignums():
        figure = plots.gcf()
    if figure is None:
        return {}
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight")
    if plots:
        plots.close("all")  # a session's next program draws on a new one
    return {"image/png": picture.getvalue()}


def fits_mime(forms):
    """The forms as JSON can say them, the smallest first, as many as a megabyte holds."""
    said, room = {}, RESULT_BYTES
    for name, form in sorted(forms.items(), key=lambda item: len(str(item[1]))):
        if isinstance(form, bytes):
            form = base64.b64encode(form).decode("ascii")
        text = form if isinstance(form, str) else value_as_json(form)
        if text is None or not isinstance(name, str):
            continue
        room -= len(encode_json(text).encode("utf-8", "replace")) + len(name) + 8
        if room < 0:
            break
        said[name] = form
    return said


def value_as_mime(value):
    """A JSON object: the value's other forms by media type, bytes as base64; or None."""
    try:
        forms = form_of(value, "_repr_mimebundle_", None, None)
        forms = dict(forms) if isinstance(forms, dict) else {}
        forms.pop("text/plain", None)
        for method, name in FORMS.items():
            form = form_of(value, method)
            if form is not None:
                forms.setdefault(name, form)
        if not forms:
            forms = figure_forms(value)
        said = fits_mime(forms)
        return encode_json(said) if said else None
    except Exception:
        return None


# Programs that make a template warm, and the modules they want: nothing is imported for them.
SAMPLES = {
    "language": """
import sys
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
class Shape:
    sides = 0
    def __init__(self, name, *rest, **options):
        self.name, self.rest = name, rest
    @property
    def area(self):
        return sum(x * y for x, y in self.rest)
    def __repr__(self):
        return f"Shape({self.name!r}, {self.area:.2f})"
table = {str(i): [j ** 2 for j in range(i)] for i in range(8)}
for key, values in sorted(table.items(), key=lambda item: -len(item[1])):
    try:
        if not values:
            raise KeyError(key)
        print(key, sum(values), max(values), sep="\\t")
    except KeyError as error:
        print("missing", error, file=sys.stderr)
words = " ".join(["corral"] * 5).title().split()
chosen = {word.lower() for word in words} | {1.5, (2, 3)}
print("%s %5d %r" % (words, fibonacci(8), Shape("box", (1, 2), (3.5, 4))))
sys.stdout.write(f"{len(chosen)}\\n")
[Shape("x"), table, True, None, 1.5]
""",
    "result": "x = [1, 2.5, {'a': None}]\nx\n",
    "error": "def f(x):\n    return g(x)\ndef g(x):\n    return x / 0\nf(1)\n",
    "syntax": "if True:\n    print('unbalanced'\n",
    "exit": "raise SystemExit(0)",
    "re": """
import re
print(re.findall(r"(\\w+)@(\\w+)", "a@b c@d"), re.sub(r"\\s+", " ", "a  b"))
""",
    "json": """
import json
print(json.loads(json.dumps({"a": [1, 2.5, "x", None, True]}, indent=1)))
""",
    "random": """
import random
print(random.random(), random.choice("abc"), random.randint(1, 6))
""",
    "datetime": """
import datetime
print(datetime.datetime.now().isoformat(), datetime.date.today())
""",
    "collections": """
import collections
print(collections.Counter("corral").most_common(2))
""",
    "time": """
import time
print(time.strftime("%Y"), time.time() > time.perf_counter())
""",
    "dataclasses": """
import dataclasses
@dataclasses.dataclass
class Point:
    x: int
    y: int = 2
Point(1)
""",
    "asyncio": """
import asyncio
async def one():
    await asyncio.sleep(0)
    return 1
asyncio.run(one())
""",
}


def samples():
    """Those of SAMPLES that ask for nothing, or for a module that the template has."""
    needless = ("language", "result", "error", "syntax", "exit")
    return [code for name, code in SAMPLES.items() if name in needless or name in sys.modules]
