# expect: verdict=ok
# Parses a CSV of orders, groups it by region and writes a summary CSV.
# stdout: Loaded 12 rows
import csv
import io
from collections import defaultdict

RAW = """order_id,region,product,quantity,unit_price
1001,North,Widget,12,2.50
1002,South,Gadget,3,14.99
1003,North,Gizmo,7,8.00
1004,East,"Cable, 2m",20,1.25
1005,West,Widget,5,2.50
1006,South,Widget,40,2.25
1007,East,Gadget,1,14.99
1008,North,"Screen ""Pro"" 24in",2,199.00
1009,West,Gizmo,,8.00
1010,South,Gizmo,6,8.00
1011,East,Widget,18,2.50
1012,North,Gadget,4,14.99
"""

rows = list(csv.DictReader(io.StringIO(RAW)))
print(f"Loaded {len(rows)} rows")

totals = defaultdict(lambda: {"orders": 0, "units": 0, "revenue": 0.0})
skipped = []
for row in rows:
    try:
        quantity = int(row["quantity"])
    except ValueError:
        skipped.append(row["order_id"])
        continue
    bucket = totals[row["region"]]
    bucket["orders"] += 1
    bucket["units"] += quantity
    bucket["revenue"] += quantity * float(row["unit_price"])

print("Skipped (missing quantity):", ", ".join(skipped))

out = io.StringIO()
writer = csv.writer(out, lineterminator="\n")
writer.writerow(["region", "orders", "units", "revenue"])
for region, t in sorted(totals.items(), key=lambda kv: -kv[1]["revenue"]):
    writer.writerow([region, t["orders"], t["units"], f"{t['revenue']:.2f}"])
print(out.getvalue())

best = max(rows, key=lambda r: int(r["quantity"] or 0) * float(r["unit_price"]))
print(f"Largest order: #{best['order_id']} ({best['product']})")
