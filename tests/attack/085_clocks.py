# SPDX-License-Identifier: Apache-2.0
# Sets the machine's time, rate and time zone.
# expect: verdict=ok stdout=held
# stops: seccomp, ids (capabilities)
# proof: control gets through: adjtimex, clock_adjtime, settimeofday of nothing
buffer = ctypes.create_string_buffer(256)
refused("settimeofday", None, None, by=EPERM, what="settimeofday of nothing")
refused("settimeofday", buffer, None, by=EPERM, harmless=False)
refused("clock_settime", 0, buffer, by=EPERM, harmless=False)
refused("adjtimex", buffer, by=EPERM)
refused("clock_adjtime", 0, buffer, by=EPERM)
refused("clock_adjtime", 1 << 33, buffer, by=EPERM, harmless=False)
timer = ctypes.c_int()
refused(222, 9, None, ctypes.byref(timer), by=(EPERM, EOPNOTSUPP), what="an alarm that wakes",
        harmless=False)
held()
