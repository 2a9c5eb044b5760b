# expect: verdict=ok
# Text in many scripts: lengths, normalisation, names, case folding, encodings, surrogates.
# stdout: Grüße, 世界! Привет 👋 مرحبا
import sys
import unicodedata

print("Grüße, 世界! Привет 👋 مرحبا")

samples = ["naïve", "Straße", "Ελλάδα", "日本語", "👩‍👩‍👧", "e\u0301le\u0300ve", "ﬁn"]
print(f"{'text':<10} {'points':>6} {'utf-8':>6} {'utf-16':>6}  NFC")
for s in samples:
    nfc = unicodedata.normalize("NFC", s)
    print(f"{s:<10} {len(s):>6} {len(s.encode()):>6} {len(s.encode('utf-16-le')):>6}  {len(nfc)}")

for ch in "ß€Я漢\u200d":
    print(f"U+{ord(ch):04X} {unicodedata.category(ch)} {unicodedata.name(ch)}")

print("casefold:", "STRASSE".casefold() == "straße".casefold())
print("upper:", "straße".upper(), "| title:", "ǆungla".title())


def strip_accents(text):
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


print("plain:", strip_accents("Żółć, čeština, ﬁn"))
print("digits:", [unicodedata.digit(c) for c in "٣५೭"], int("٤٢"))
print("sorted:", sorted(["zebra", "Äpfel", "apfel", "Öl"], key=strip_accents))

# Encodings and errors
print("latin-1:", "café".encode("latin-1"), "| cp1252:", b"\x93quoted\x94".decode("cp1252"))
try:
    "日本".encode("ascii")
except UnicodeEncodeError as e:
    print("cannot encode:", e.reason, e.start, e.end)
print("replaced:", b"bad \xff byte".decode("utf-8", errors="replace"))
print("escaped:", "snow ☃ \udc80".encode("ascii", "backslashreplace").decode())
print("stdout encoding:", sys.stdout.encoding)
