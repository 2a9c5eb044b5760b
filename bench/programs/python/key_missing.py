# expect: verdict=error name=KeyError
# Counts stock movements and trips over an article that is not in the catalogue.
# stdout: bolt 140
stock = {"bolt": 100, "nut": 250, "washer": 75}
movements = [("bolt", +40), ("nut", -50), ("washer", +5), ("gasket", -1), ("bolt", -20)]

# apply the movements one by one
for article, delta in movements:
    stock[article] = stock[article] + delta
    print(article, stock[article])

print(stock)
