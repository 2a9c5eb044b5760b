# expect: verdict=timeout limits=timeout:500ms
# Forks without end, in every child too, and ignores all errors.
# stdout: boom
import os

print("boom", flush=True)
while True:
    try:
        os.fork()
    except Exception:
        pass
