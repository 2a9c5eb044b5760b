# expect: verdict=ok
# Opens files until EMFILE, reports how many that were, closes them and goes on.
# stdout: stopped by EMFILE
import errno
import os

handles = []
try:
    while True:
        handles.append(open(os.devnull, "rb"))
except OSError as e:
    reason = errno.errorcode.get(e.errno, str(e))

count = len(handles)
for handle in handles:
    handle.close()

print("stopped by", reason)
print("opened", count, "files, limit sensible:", 16 <= count <= 256)

with open("notes.txt", "w") as f:
    f.write("still working\n")
print(open("notes.txt").read().strip())
