# expect: verdict=limit:cpu limits=cpu_time:500ms,timeout:10s
# Searches for a hash with an impossible prefix until its processor time is used up.
# stdout: mining...
import hashlib
import itertools

print("mining...", flush=True)
target = "0" * 64
for nonce in itertools.count():
    digest = hashlib.sha256(b"block-%d" % nonce).hexdigest()
    if digest == target:
        print("found", nonce)
        break
