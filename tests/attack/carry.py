# SPDX-License-Identifier: Apache-2.0
# tests/attack/carry.py: becomes the program that came in on standard input, be it ELF or script.
import os
import sys

with open("/workspace/attack", "wb") as file:
    file.write(sys.stdin.buffer.read())
os.chmod("/workspace/attack", 0o700)
os.execv("/workspace/attack", ["attack"])
