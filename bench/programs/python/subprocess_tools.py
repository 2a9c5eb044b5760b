# expect: verdict=ok
# Runs external programs: echo, sort, sh -c, python -c, with pipes, statuses and a timeout.
# stdout: before the child
import os
import subprocess
import sys

print("before the child", flush=True)
subprocess.run(["echo", "hello from echo"], check=True)

result = subprocess.run(["sort", "-n"], input="30\n4\n100\n21\n", capture_output=True, text=True)
print("sorted:", result.stdout.split())

code = "import sys; print(sum(range(101))); print('oops', file=sys.stderr); sys.exit(4)"
child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
print("python child:", child.stdout.strip(), "|", child.stderr.strip(), "|", child.returncode)

pipeline = subprocess.run(
    ["sh", "-c", "printf 'b\\na\\nb\\n' | sort | uniq -c | tr -s ' '"],
    stdout=subprocess.PIPE, text=True, check=True,
)
print("pipeline:", pipeline.stdout.strip().splitlines())

env = {**os.environ, "GREETING": "bonjour"}
greeting = subprocess.check_output("echo $GREETING from $(pwd | wc -l) place",
                                   shell=True, env=env, text=True)
print("env:", greeting.strip())

try:
    subprocess.run(["sh", "-c", "exit 9"], check=True)
except subprocess.CalledProcessError as e:
    print("failed with", e.returncode)

try:
    subprocess.run(["sleep", "60"], timeout=0.005)
except subprocess.TimeoutExpired:
    print("sleep was cut short")

try:
    subprocess.run(["no-such-program"])
except FileNotFoundError as e:
    print("not installed:", e.filename)
print("after the children")
