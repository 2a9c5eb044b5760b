# SPDX-License-Identifier: Apache-2.0
# A byte a write: each is a record of its own, or a write to the pipe.
# expect: variant=ring verdict=limit:output limits=output:100000,timeout:20s first=xxxx
# expect: variant=pipe verdict=limit:output limits=output:100000,timeout:20s first=xxxx
# stops: ring (batches), daemon (output limit)
# proof: control none: outside nobody counts
if VARIANT == "pipe":
    while True:
        os.write(1, b"x")
while True:
    sys.stdout.write("x")
    sys.stdout.flush()
