# expect: verdict=timeout limits=timeout:500ms
# Polls for a file that nobody will ever create, sleeping in between.
# stdout: polling for results.json
import os
import time

print("polling for results.json", flush=True)
while not os.path.exists("results.json"):
    time.sleep(3600)
