# SPDX-License-Identifier: Apache-2.0
# Reads standard input, of which there is none.
# expect: verdict=ok limits=timeout:5s stdout=held wall_max=1s
# stops: daemon (stdin at its end)
# proof: control none: it waits for nobody
expect(sys.stdin.read() == "", "text on stdin")
expect(os.read(0, 1) == b"", "a byte on stdin")
held()
