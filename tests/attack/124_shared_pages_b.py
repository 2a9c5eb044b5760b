# SPDX-License-Identifier: Apache-2.0
# Checksums of files that all cells see.
# expect: verdict=ok stdout=held unchanged limits=timeout:10s
# stops: view, seccomp
# proof: 124_shared_pages_a without a read-only view, in which it writes
import hashlib

for path in ("/usr/bin/python3.11", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/true", "/etc/passwd"):
    with open(path, "rb") as file:
        print(path, hashlib.sha256(file.read()).hexdigest())
held()
