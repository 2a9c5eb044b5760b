# SPDX-License-Identifier: Apache-2.0
# Changes everything in the interpreter that a later execution would meet.
# expect: verdict=ok
# stops: daemon (a fresh worker for each execution)
# proof: control none: 117 b says what it sees before and after
import builtins
import decimal
import gc
import json
import random
import types
import warnings

builtins.evil = True
builtins.__import__ = (
    lambda *names, real=builtins.__import__, **more: real(*names, **more))
sys.modules["evil"] = types.ModuleType("evil")
sys.modules["json"].loads = lambda text: "evil"
sys.path.insert(0, "/tmp")
sys.meta_path.insert(0, types.SimpleNamespace(find_spec=lambda *rest: None))
sys.path_hooks.clear()
sys.settrace(lambda *rest: None)
sys.setprofile(lambda *rest: None)
threading.settrace(lambda *rest: None)
sys.displayhook = sys.excepthook = lambda *rest: None
sys.setrecursionlimit(77)
sys.setswitchinterval(1)
sys.addaudithook(lambda *rest: None)
sys.settrace(None), sys.setprofile(None)
gc.callbacks.append(print)
gc.disable()
gc.set_threshold(1)
warnings.filters.clear()
decimal.getcontext().prec = 3
random.seed(1)
os.environ["PYTHONHASHSEED"] = "0"
json.dumps.__defaults__ = ()
sys.set_int_max_str_digits(0)
sys.stdout.reconfigure(encoding="utf-16")
sys.exit.__self__.flags_left = True
builtins.len = lambda thing: 42
