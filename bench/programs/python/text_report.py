# expect: verdict=ok
# Word statistics of a paragraph and a wrapped, indented plain-text report.
# stdout: ==================== TEXT REPORT ====================
import re
import string
import textwrap
from collections import Counter

TEXT = """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age
of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season
of Light, it was the season of Darkness, it was the spring of hope, it was the winter of despair,
we had everything before us, we had nothing before us.
"""

words = re.findall(r"[a-z']+", TEXT.lower())
counts = Counter(words)
bigrams = Counter(zip(words, words[1:]))
letters = Counter(c for c in TEXT.lower() if c in string.ascii_lowercase)
by_frequency = "".join(letter for letter, _ in sorted(letters.items(), key=lambda p: (-p[1], p[0])))

print(" TEXT REPORT ".center(53, "="))
print(f"{'words':<16}{len(words):>6}")
print(f"{'distinct':<16}{len(counts):>6}")
print(f"{'hapax':<16}{sum(n == 1 for n in counts.values()):>6}")
print(f"{'mean length':<16}{sum(map(len, words)) / len(words):>6.2f}")
print(f"{'longest':<16}{max(words, key=len):>12}")
print(f"{'letters':<16}{by_frequency[:12]}")

print("\nTop words")
for word, n in sorted(counts.items(), key=lambda p: (-p[1], p[0]))[:6]:
    print(f"  {word:<8} {'█' * n} {n}")

print("\nTop bigrams")
for (a, b), n in sorted(bigrams.items(), key=lambda p: (-p[1], p[0]))[:3]:
    print(f"  {a} {b}: {n}")

print("\n" + textwrap.fill(" ".join(TEXT.split()), width=60, initial_indent="> ",
                           subsequent_indent="> "))
print(textwrap.shorten(TEXT, width=50, placeholder=" [...]"))
print(textwrap.dedent("""
    Words ending in "s":
      %s
""" % ", ".join(sorted(w for w in counts if w.endswith("s")))).strip())
