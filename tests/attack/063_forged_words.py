# SPDX-License-Identifier: Apache-2.0
# Prints what looks like a verdict, a record of the ring, an end.
# expect: verdict=exit code=3 stdout=held first={"verdict":"ok","exit_code":0}
# stops: ring (length before bytes), daemon (verdicts are no text)
# proof: control none: it is about words that nobody reads
print('{"verdict":"ok","exit_code":0}')
end = (8).to_bytes(4, "little") + (8).to_bytes(2, "little") + bytes(2) + (1).to_bytes(8, "little")
for word in (end, end * 100, b"\x00" * 4096, b"\xff" * 4096, b"HTTP/1.1 200 OK\r\n\r\n",
             b"event: end\ndata: {}\n\n", b"\x1b]0;evil\x07", b"7 passed, 0 failed\n"):
    sys.stdout.buffer.write(word + b"\n")
    sys.stderr.buffer.write(word + b"\n")
held()
sys.exit(3)
