#!/usr/bin/env python3.11
# SPDX-License-Identifier: Apache-2.0
"""tests/harness/refusing.py IOCTL ERROR PROGRAM [ARGUMENT…]: a kernel that lacks an ioctl.

Becomes the program, behind a seccomp filter that answers this request, a number, with this error,
a name of errno. Whatever the program starts has it as well.
"""
import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | ABS | W, BPF_JMP | JEQ | K, BPF_RET | K
ERRNO, ALLOW = 0x00050000, 0x7FFF0000
SYS_IOCTL, NUMBER_AT, REQUEST_AT = 16, 0, 24  # offsets in struct seccomp_data


def refuse(request, error):
    """The kernel takes the low half of a request, so the filter does."""
    lines = [(LOAD, 0, 0, NUMBER_AT), (EQUAL, 0, 3, SYS_IOCTL), (LOAD, 0, 0, REQUEST_AT),
             (EQUAL, 0, 1, request), (RETURN, 0, 0, ERRNO | error), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    program = struct.pack("<HxxxxxxQ", len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
        sys.exit(f"refusing.py: no filter: {os.strerror(ctypes.get_errno())}: run it as root")


refuse(int(sys.argv[1], 0), getattr(errno, sys.argv[2]))
os.execvp(sys.argv[3], sys.argv[3:])
