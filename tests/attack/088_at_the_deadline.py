# SPDX-License-Identifier: Apache-2.0
# Ends as near to the deadline as it can: one verdict, the one or the other, each time.
# expect: variant=return verdict=ok|timeout repeat=200 limits=timeout:12ms
# expect: variant=exit verdict=exit|timeout repeat=100 limits=timeout:12ms
# expect: variant=kill verdict=signal|timeout repeat=100 limits=timeout:12ms
# stops: daemon
# proof: control none: it is about the daemon's own order
import random

end = time.monotonic() + random.uniform(0.007, 0.0125)
while time.monotonic() < end:
    pass
if VARIANT == "exit":
    os._exit(5)
elif VARIANT == "kill":
    os.kill(os.getpid(), 9)
