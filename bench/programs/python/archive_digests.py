# expect: verdict=ok
# Builds a zip in memory, checks every member by SHA-256 and compares gzip levels.
# stdout: 4 members, 7080 bytes before compression
import gzip
import hashlib
import io
import zipfile

FILES = {
    "README.txt": b"Quarterly export, generated automatically.\n",
    "data/sales.csv": b"region,amount\n" + b"north,1200\nsouth,950\n" * 300,
    "data/empty.csv": b"",
    "meta.json": b'{"version": 3, "ready": true}',
}
FILES["README.txt"] += b"-" * (7080 - sum(map(len, FILES.values())))

buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in FILES.items():
        archive.writestr(name, content)

print(f"{len(FILES)} members, {sum(map(len, FILES.values()))} bytes before compression")

# Read it back and verify
buffer.seek(0)
with zipfile.ZipFile(buffer) as archive:
    assert archive.testzip() is None
    for info in archive.infolist():
        content = archive.read(info)
        digest = hashlib.sha256(content).hexdigest()
        assert content == FILES[info.filename]
        print(f"{info.filename:<16} {info.file_size:>6} -> {info.compress_size:>5}  {digest[:16]}")

payload = FILES["data/sales.csv"]
for level in (1, 6, 9):
    packed = gzip.compress(payload, compresslevel=level, mtime=0)
    assert gzip.decompress(packed) == payload
    print(f"gzip -{level}: {len(packed)} bytes, md5 {hashlib.md5(payload).hexdigest()}")

print("blake2b:", hashlib.blake2b(payload, digest_size=12).hexdigest())
