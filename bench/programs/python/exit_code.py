# expect: verdict=exit code=3
# A health check that reports its findings and leaves with status 3, running its atexit handler.
# stdout: [PASS] disk
import atexit
import sys

atexit.register(lambda: print("cleanup done"))

checks = {"disk": True, "memory": True, "queue": False, "certificates": True}

failed = []
for name, healthy in checks.items():
    print(f"[{'PASS' if healthy else 'FAIL'}] {name}")
    if not healthy:
        failed.append(name)

try:
    if failed:
        print("unhealthy:", ", ".join(failed), file=sys.stderr)
        sys.exit(3)
finally:
    print("report complete")
print("unreachable when something failed")
