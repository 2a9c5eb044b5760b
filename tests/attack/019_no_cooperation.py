# SPDX-License-Identifier: Apache-2.0
# Busy inside one C call, with the interpreter's lock held.
# expect: variant=regex verdict=timeout limits=timeout:400ms wall_max=1400ms
# expect: variant=digits verdict=timeout limits=timeout:400ms wall_max=1400ms
# expect: variant=power verdict=timeout|limit:memory limits=timeout:400ms wall_max=1400ms
# stops: daemon (its own clock)
# proof: control none: outside nobody keeps the time
import re
import signal

for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
if VARIANT == "regex":
    re.match(r"(a+)+$", "a" * 60 + "b")
elif VARIANT == "digits":
    sys.set_int_max_str_digits(0)
    int("9" * 10**7)
else:
    3 ** (3**18)
