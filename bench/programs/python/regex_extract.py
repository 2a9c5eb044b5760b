# expect: verdict=ok
# Pulls addresses, dates, amounts and log fields out of free text with regular expressions.
# stdout: emails: ['ops@example.com', 'anna.k+alerts@mail.example.org']
import re
from collections import Counter

TEXT = """
Contact ops@example.com or anna.k+alerts@mail.example.org before 2024-03-15.
The invoice of 15/02/2024 lists EUR 1,250.00, $99.95 and £7. Call +49 30 901820
or (555) 010-4477. Versions: v1.2.3, v2.0.0-rc.1; not a version: 1.2.
"""

LOG = """
10.0.0.5 - - [12/Mar/2024:10:01:22 +0000] "GET /index.html HTTP/1.1" 200 5120
10.0.0.9 - - [12/Mar/2024:10:01:25 +0000] "POST /api/items HTTP/1.1" 201 87
10.0.0.5 - - [12/Mar/2024:10:01:31 +0000] "GET /missing.png HTTP/1.1" 404 162
172.16.4.1 - - [12/Mar/2024:10:02:02 +0000] "GET /index.html HTTP/1.1" 304 0
garbage line that does not match
"""

print("emails:", re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", TEXT))

dates = re.findall(r"\b(\d{4})-(\d\d)-(\d\d)\b|\b(\d\d)/(\d\d)/(\d{4})\b", TEXT)
print("dates: ", [f"{y}-{m}-{d}" if y else f"{y2}-{m2}-{d2}" for y, m, d, d2, m2, y2 in dates])

amounts = [(m["cur"], float(m["num"].replace(",", "")))
           for m in re.finditer(r"(?P<cur>EUR|[$£€])\s?(?P<num>\d[\d,]*(?:\.\d+)?)", TEXT)]
print("amounts:", amounts)
print("semver:", re.findall(r"\bv(\d+\.\d+\.\d+(?:-[\w.]+\w)?)", TEXT))

line_re = re.compile(r"""
    ^(?P<ip>\d+(?:\.\d+){3}) \s-\s-\s
    \[(?P<when>[^\]]+)\] \s
    "(?P<verb>[A-Z]+)\s(?P<path>\S+)\s[^"]+" \s
    (?P<status>\d{3}) \s (?P<size>\d+)$
""", re.VERBOSE | re.MULTILINE)

hits = [m.groupdict() for m in line_re.finditer(LOG)]
print("log lines:", len(hits), "of", len(LOG.strip().splitlines()))
print("by status:", dict(Counter(h["status"][0] + "xx" for h in hits)))
print("bytes per client:", {ip: sum(int(h["size"]) for h in hits if h["ip"] == ip)
                            for ip in sorted({h["ip"] for h in hits})})

camel = "parseHTTPResponseCode"
print("snake:", re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", camel).lower())
print("masked:", re.sub(r"\d(?=\d{4})", "*", "card 4111111111111111"))
