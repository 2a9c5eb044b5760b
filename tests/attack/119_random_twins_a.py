# SPDX-License-Identifier: Apache-2.0
# Sets every generator to a state that it knows.
# expect: verdict=ok
# stops: daemon (fresh randomness with each dispatch)
# proof: control none: 119 b is run twice and must differ from itself
import random

random.seed(1)
random.setstate((3, tuple([7] * 625), None))
libc.srand(1)
libc.srandom(1)
