# SPDX-License-Identifier: Apache-2.0
# Stopped, by each means there is: a stopped process must die all the same.
# expect: variant=stop verdict=timeout limits=timeout:200ms wall_max=1200ms
# expect: variant=terminal verdict=timeout limits=timeout:200ms wall_max=1200ms
# expect: variant=child verdict=timeout limits=timeout:200ms wall_max=1200ms
# expect: variant=group verdict=timeout limits=timeout:200ms wall_max=1200ms
# stops: daemon (its own clock), namespaces (pid)
# proof: control none: outside nobody keeps the time
import signal

if VARIANT == "stop":
    os.kill(os.getpid(), signal.SIGSTOP)
elif VARIANT == "terminal":
    # In the daemon's own group this would be ignored if that is orphaned: take a new one.
    os.kill(os.getpid(), signal.SIGTTIN)
    os.kill(os.getpid(), signal.SIGSTOP)
elif VARIANT == "child":
    child(lambda: os.kill(os.getpid(), signal.SIGSTOP))
else:
    for _ in range(10):
        fork_quietly(signal.pause)
    os.kill(-1, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(60)
