# expect: verdict=ok
# Date arithmetic: working days, month ends, ISO weeks, time zones and a calendar page.
# stdout: 2024 is a leap year: True
from datetime import date, datetime, timedelta, timezone
import calendar
import time

print("2024 is a leap year:", calendar.isleap(2024))


def working_days(start, end, holidays=()):
    day = start
    while day <= end:
        if day.weekday() < 5 and day not in holidays:
            yield day
        day += timedelta(days=1)


holidays = {date(2024, 12, 25), date(2024, 12, 26), date(2025, 1, 1)}
days = list(working_days(date(2024, 12, 16), date(2025, 1, 3), holidays))
print(f"working days from 16 Dec to 3 Jan: {len(days)}")

# Invoice schedule: last day of each month
for month in range(1, 5):
    last = calendar.monthrange(2024, month)[1]
    due = date(2024, month, last)
    print(due.isoformat(), due.strftime("%A"), "week", due.isocalendar().week)

stamp = datetime.strptime("2024-03-09 23:30:00 +0100", "%Y-%m-%d %H:%M:%S %z")
print("in UTC:      ", stamp.astimezone(timezone.utc).isoformat())
tokyo = timezone(timedelta(hours=9), "JST")
print("in Tokyo:    ", stamp.astimezone(tokyo).strftime("%d %b %Y %H:%M %Z"))
print("epoch:       ", int(stamp.timestamp()))
print("from ISO:    ", datetime.fromisoformat("2011-11-04T00:05:23+04:00"))

gap = datetime(2025, 1, 1) - datetime(2024, 2, 29, 12)
print("difference:  ", gap, "=", gap.total_seconds() / 3600, "hours")

print(calendar.TextCalendar(firstweekday=0).formatmonth(2024, 2))

now = datetime.now(timezone.utc)
assert now.year >= 2024 and abs(now.timestamp() - time.time()) < 60
print("the clock is sane; running for", "some" if time.monotonic() > 0 else "no", "time")
