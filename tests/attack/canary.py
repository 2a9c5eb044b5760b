# SPDX-License-Identifier: Apache-2.0
# tests/attack/canary.py: the innocent program of another tenant that runs behind each hostile one.
#
# Whatever worker it is given, what it relies on must be so. It asks without a call that would leave
# anything, and is as short as it is, so that its worker is rewound and the next one meets the same.
# expect: verdict=ok
# stops: daemon
import builtins
import hashlib
import random
import re
import signal
import zlib

facts = dict(
    integers=sum(range(1000)) == 499500 and 7 ** 77 % 1000003 == 51477,
    floats=(0.1 + 0.2 == 0.30000000000000004, 1 / 3 == 0.3333333333333333, 2 ** 0.5 == 1.4142135623730951,
            2.2250738585072014e-308 / 4 > 0, 5e-324 * 1.0 == 5e-324, -7.5 // 2 == -4.0, round(2.5) == 2),
    strings=((b"ab" * 50000).find(b"ba", 777) == 777, "abc"[::-1] == "cba",
             re.findall("a.", "abac") == ["ab", "ac"]),
    vectors=(zlib.crc32(b"corral" * 9999) == 2586247659,
             hashlib.sha256(b"x" * 9999).hexdigest()[:8] == "bc431953"),
    builtins=(len("abc") == 3, builtins.__import__.__name__ == "__import__", not hasattr(builtins, "evil")),
    modules="evil" not in sys.modules and not [name for name in globals() if "evil" in name],
    interpreter=(sys.getrecursionlimit(), sys.gettrace(), sys.stdout.encoding) == (1000, None, "utf-8"),
    random=random.random() != 0.13436424411240122,
    pending=signal.sigpending() == set(),
    place=os.getcwd() == "/workspace" and os.getpid() == 2 and not set(os.environ) & {"LEFT", "MARKER"},
    threads=threading.active_count() == 1,
)


def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False


facts["descriptors"] = [fd for fd in range(16) if is_open(fd)] == [0, 1, 2, 3]
rounding = (ctypes.c_uint32 * 8)()
libc.fegetenv(rounding)
facts["control words"] = rounding[0] & 0xFFFF == 0x037F and rounding[7] & 0xFFC0 == 0x1F80
for name, fact in facts.items():
    if not (all(fact) if isinstance(fact, tuple) else fact):
        print("it has not its", name, fact)
print(end=VARIANT)
