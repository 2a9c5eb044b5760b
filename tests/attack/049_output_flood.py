# SPDX-License-Identifier: Apache-2.0
# `yes`, through every way out.
# expect: variant=print verdict=limit:output limits=output:256K,timeout:20s first=y
# expect: variant=stderr verdict=limit:output limits=output:256K,timeout:20s
# expect: variant=descriptor verdict=limit:output limits=output:256K,timeout:20s first=y
# expect: variant=child verdict=limit:output limits=output:256K,timeout:20s first=y
# expect: variant=large verdict=limit:output limits=output:64M,timeout:20s first=y repeat=5
# expect: variant=orphans verdict=limit:output limits=output:4M,timeout:20s first=y
# stops: ring (bounded), daemon (output limit)
# proof: control none: outside nobody counts
import subprocess

if VARIANT == "stderr":
    while True:
        print("y", file=sys.stderr)
elif VARIANT == "descriptor":
    while True:
        os.write(1, b"y\n" * 4096)
elif VARIANT == "child":
    subprocess.run(["/usr/bin/yes"])
elif VARIANT == "orphans":
    for _ in range(8):
        subprocess.Popen(["/usr/bin/yes"])
    time.sleep(60)
elif VARIANT == "large":
    while True:
        print("y" * 65535)
while True:
    print("y")
