# SPDX-License-Identifier: Apache-2.0
# The interpreter's state.
# expect: verdict=ok stdout=held unchanged
# stops: daemon
# proof: the same program says something else when it runs behind 117 a in one process
import builtins
import decimal
import gc
import json
import warnings

print(len("abc"), sorted(vars(builtins)), sorted(sys.modules))
print(json.loads("[1]"), sys.path, sys.meta_path, [str(hook)[:40] for hook in sys.path_hooks])
print(sys.gettrace(), sys.getprofile(), threading.gettrace())
print(sys.displayhook.__name__, sys.excepthook.__name__, sys.getrecursionlimit(),
      sys.getswitchinterval(), gc.callbacks, gc.isenabled(), gc.get_threshold())
print(warnings.filters, decimal.getcontext(), sys.get_int_max_str_digits(), sys.stdout.encoding)
print(sorted(vars(sys)), sorted(globals()), sys.argv, sys.flags)
held()
