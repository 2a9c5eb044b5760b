# expect: verdict=ok
# Encodes and decodes a small binary protocol with struct, bytes, zlib.crc32 and base64.
# stdout: 3 packets, 61 bytes
import base64
import binascii
import struct
import zlib

HEADER = struct.Struct(">4sBHI")  # magic, kind, payload length, crc32
MAGIC = b"PKT1"


def encode(kind, payload):
    return HEADER.pack(MAGIC, kind, len(payload), zlib.crc32(payload)) + payload


def decode(stream):
    offset = 0
    view = memoryview(stream)
    while offset < len(view):
        magic, kind, size, crc = HEADER.unpack_from(view, offset)
        if magic != MAGIC:
            raise ValueError(f"bad magic at {offset}")
        offset += HEADER.size
        payload = bytes(view[offset:offset + size])
        if zlib.crc32(payload) != crc:
            raise ValueError(f"bad checksum at {offset}")
        offset += size
        yield kind, payload


stream = b"".join([
    encode(1, b"hello"),
    encode(2, struct.pack("<3f", 1.5, -2.25, 1e6)),
    encode(3, bytes(range(0, 255, 23))[:11]),
])
print(len(list(decode(stream))), "packets,", len(stream), "bytes")

for kind, payload in decode(stream):
    print(kind, payload.hex(" ", 4))

print("floats:", struct.unpack("<3f", list(decode(stream))[1][1]))

text = base64.b64encode(stream).decode()
print("base64:", text[:32], "...")
assert base64.b64decode(text) == stream
print("urlsafe:", base64.urlsafe_b64encode(b"\xfb\xff\xfe subject?").decode())
print("base85:", base64.b85encode(b"compact").decode())

corrupted = bytearray(stream)
corrupted[12] ^= 0xFF
try:
    list(decode(corrupted))
except ValueError as e:
    print("detected:", e)
try:
    base64.b64decode("not*base64!", validate=True)
except binascii.Error as e:
    print("rejected:", e)
