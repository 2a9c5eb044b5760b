# SPDX-License-Identifier: Apache-2.0
# Output without an end of line; nothing may wait for one.
# expect: verdict=limit:output limits=output:512K,timeout:10s first=zzzz
# stops: ring (bounded), daemon (output limit)
# proof: control none: outside nobody counts
while True:
    sys.stdout.write("z" * 100_000)
