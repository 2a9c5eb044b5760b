# expect: verdict=ok
# Flattens nested JSON records, aggregates them and round-trips the result.
# stdout: 5 records parsed
import json
from collections import Counter

payload = r'''
[
  {"id": 1, "user": {"name": "Ana", "tags": ["admin", "ops"]}, "score": 91.5, "active": true},
  {"id": 2, "user": {"name": "Bo\u0159ek", "tags": []}, "score": 78, "active": false},
  {"id": 3, "user": {"name": "Chen", "tags": ["dev"]}, "score": null, "active": true},
  {"id": 4, "user": {"name": "Dee \"DJ\" Jay", "tags": ["dev", "ops"]}, "score": 88.25, "active": true},
  {"id": 5, "user": {"name": "Eli", "tags": ["dev"]}, "score": 1e2, "active": false}
]
'''


def flatten(value, prefix=""):
    """Turn nested dicts and lists into a flat dict with dotted keys."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {prefix: value}
    flat = {}
    for key, child in items:
        flat.update(flatten(child, f"{prefix}.{key}" if prefix else str(key)))
    return flat


records = json.loads(payload)
print(len(records), "records parsed")

for record in records[:2]:
    print(flatten(record))

scores = [r["score"] for r in records if r["score"] is not None]
summary = {
    "mean_score": round(sum(scores) / len(scores), 3),
    "missing": sum(r["score"] is None for r in records),
    "tags": dict(Counter(t for r in records for t in r["user"]["tags"]).most_common()),
    "active": sorted(r["user"]["name"] for r in records if r["active"]),
}
text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
print(text)
assert json.loads(text) == summary

try:
    json.loads('{"broken": [1, 2,, 3]}')
except json.JSONDecodeError as e:
    print(f"invalid JSON at column {e.colno}: {e.msg}")
