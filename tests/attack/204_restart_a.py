# SPDX-License-Identifier: Apache-2.0
# Is met in a sleep, whose rest the kernel remembers for restart_syscall(), and whose end it chose.
# expect: verdict=ok stream limits=timeout:2s
# uses: native
# stops: daemon (what only the kernel remembers is not rewound: the worker is another)
# proof: control none: 204_restart_b sleeps where that is not looked at
hidden = Hidden()
hidden.flood_and_end()
libc.nanosleep((ctypes.c_long * 2)(1000, 0), None)
