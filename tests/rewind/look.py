# SPDX-License-Identifier: Apache-2.0
"""tests/rewind/look.py: runs in a worker and prints, as JSON, what a program can see there that
another one could have left: in the interpreter, in the kernel, in the cell. Nothing in it differs
between two fresh workers, so addresses, inodes and times are left out.

The kernel is asked itself and not the interpreter, which answers from its own memory.
"""
import builtins
import ctypes
import decimal
import fcntl
import gc
import json
import locale
import os
import resource
import signal
import sys
import threading
import time
import warnings

libc = ctypes.CDLL(None, use_errno=True)
seen = {}

# The kernel: struct kernel_sigaction is handler, flags, restorer, mask.
for number in range(1, 65):
    action = (ctypes.c_ulong * 4)()
    libc.syscall(13, number, None, action, 8)
    seen[f"signal {number}"] = [min(action[0], 2), action[1], action[3]]
for what, name in enumerate(("real", "virtual", "profile")):
    timer = (ctypes.c_long * 4)()
    libc.syscall(36, what, timer)
    seen[f"timer {name}"] = list(timer)
words = (ctypes.c_ulong * 3)()
libc.sigaltstack(None, words)
seen["alternate stack"] = [words[1] & 0xffffffff, words[2]]
seen["mask"] = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))
seen["pending"] = sorted(signal.sigpending())
for number in (2, 16):  # parent-death signal, name
    word = ctypes.create_string_buffer(16)
    libc.prctl(number, word, 0, 0, 0)
    seen[f"prctl {number}"] = word.raw.hex()
for number in (3, 7, 21, 23, 27, 30, 39, 42):
    seen[f"prctl {number}"] = libc.prctl(number, 0, 0, 0, 0)
word = ctypes.c_int()
libc.prctl(37, ctypes.byref(word), 0, 0, 0)
seen["reaper"] = word.value
seen["personality"] = libc.personality(ctypes.c_ulong(0xffffffff))
seen["umask"] = os.umask(0o777)
os.umask(seen["umask"])
seen["directory"] = os.getcwd()
seen["nice"] = [os.nice(0), os.sched_getscheduler(0), len(os.sched_getaffinity(0))]
try:
    seen["children"] = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    seen["children"] = None
seen["next number"] = os.fork() or os._exit(0)
os.wait()
seen["ids"] = [os.getpid(), os.getppid(), os.getpgid(0), os.getsid(0)]
for name in dir(resource):
    if name.startswith("RLIMIT_"):
        seen[name] = resource.getrlimit(getattr(resource, name))
for fd in range(64):
    try:
        seen[f"descriptor {fd}"] = [os.readlink(f"/proc/self/fd/{fd}").split(":")[0], fcntl.fcntl(fd, fcntl.F_GETFD),
                                    fcntl.fcntl(fd, fcntl.F_GETFL)]
    except OSError:
        pass
seen["lock"] = [line for line in open("/proc/self/status") if line.startswith(("VmLck", "Threads", "NoNew", "Seccomp"))]

# The cell.
for place in ("/workspace", "/tmp", "/dev/shm"):
    seen[place] = [oct(os.stat(place).st_mode), sorted(os.listdir(place))]
seen["processes"] = sorted(name for name in os.listdir("/proc") if name.isdigit())
for name in ("net/unix", "sysvipc/shm", "sysvipc/sem", "sysvipc/msg", "locks"):
    try:
        seen[name] = len(open(f"/proc/{name}").readlines())
    except OSError as error:
        seen[name] = error.errno

# The interpreter.
seen["modules"] = sorted(sys.modules)
seen["builtins"] = sorted(dir(builtins))
seen["names"] = sorted(name for name in globals() if name.startswith("left"))
seen["environment"] = sorted(f"{name}={value}" for name, value in os.environ.items())
seen["path"] = [sys.path, len(sys.meta_path), len(sys.path_hooks), sys.argv]
seen["settings"] = [sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(),
                    sys.dont_write_bytecode, sys.gettrace() is None, sys.getprofile() is None]
seen["hooks"] = [sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__,
                 sys.stdout is sys.__stdout__, sys.stdin.read()]
seen["collector"] = [gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks), gc.garbage]
seen["decimal"] = repr(decimal.getcontext())
seen["locale"] = locale.setlocale(locale.LC_ALL)
seen["time zone"] = time.tzname
seen["threads"] = threading.active_count()
seen["warnings"] = len(warnings.filters)
seen["rounding"] = libc.fegetround()
print(json.dumps(seen))
