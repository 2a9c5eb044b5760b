# expect: verdict=limit:memory limits=memory:128M
# Collects blocks of 4 MiB, each written in full, until there is no memory left.
# stdout: loading dataset into memory
print("loading dataset into memory", flush=True)

blocks = []
while True:
    blocks.append(bytearray(b"\x5a") * (4 << 20))
