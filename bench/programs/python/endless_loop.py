# expect: verdict=timeout limits=timeout:500ms
# Looks for a condition that never becomes true and never gives the processor back.
# stdout: waiting for the job to finish
print("waiting for the job to finish", flush=True)
finished = False
while not finished:
    pass
print("never printed")
