# expect: verdict=ok
# Reads a sitemap with xml.etree, takes its URLs apart with urllib.parse and writes new XML.
# stdout: 5 urls on 2 hosts
import xml.etree.ElementTree as ET
from urllib.parse import parse_qs, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <url><loc>https://shop.example.com/</loc><priority>1.0</priority></url>
  <url><loc>https://shop.example.com/search?q=red+shoes&amp;size=42&amp;size=43</loc><priority>0.5</priority></url>
  <url><loc>https://shop.example.com/caf%C3%A9/men%C3%BC#today</loc></url>
  <url><loc>http://user@blog.example.com:8080/a/../b?x=</loc><priority>0.3</priority></url>
  <url><loc>https://blog.example.com/2024/03/</loc><lastmod>2024-03-01</lastmod></url>
</urlset>"""

NS = {"sm": "http://www.sitemaps.org/schemas/sitemap/0.9"}
root = ET.fromstring(SITEMAP)
urls = [(u.findtext("sm:loc", namespaces=NS), float(u.findtext("sm:priority", "0.5", NS)))
        for u in root.findall("sm:url", NS)]
parts = [urlsplit(url) for url, _ in urls]
print(len(urls), "urls on", len({p.hostname for p in parts}), "hosts")

for part, (url, priority) in zip(parts, urls):
    print(f"{priority:.1f} {part.scheme:<5} {part.hostname} port={part.port} path={unquote(part.path)!r} "
          f"query={parse_qs(part.query, keep_blank_values=True)} fragment={part.fragment!r}")

print("joined:", urljoin("https://blog.example.com/2024/03/", "../04/post?id=1"))
print("encoded:", urlencode({"q": "50% off & more", "page": 2}), quote("/a b/ü"))
print("secure:", urlunsplit(parts[3]._replace(scheme="https", netloc="blog.example.com")))

feed = ET.Element("links", count=str(len(urls)))
for url, priority in sorted(urls, key=lambda item: -item[1])[:2]:
    ET.SubElement(feed, "link", priority=str(priority)).text = url
ET.indent(feed)
print(ET.tostring(feed, encoding="unicode"))

try:
    ET.fromstring("<open><not-closed></open>")
except ET.ParseError as e:
    print("malformed:", e)
