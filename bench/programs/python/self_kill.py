# expect: verdict=signal signal=9
# Prints a little, then sends itself SIGKILL.
# stdout: still alive
import os
import signal

print("still alive", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
while True:
    signal.pause()
