# SPDX-License-Identifier: Apache-2.0
# tests/attack/native.py: what native code may use, put behind library.py in the programs numbered 200 and
# above. They are run where workers are rewound, from a template that has ctypes loaded.
#
# To be rewound a worker must have made no call that leaves more than memory, so nothing here opens
# a file: the channel and the stub's own data are found as native code finds them, by pointers.
import struct

READ, WRITE, EXECUTE = 1, 2, 4
PRIVATE, SHARED, FIXED, ANONYMOUS = 2, 1, 16, 32
PAGE = 4096


def word(address):
    return ctypes.c_uint64.from_address(address).value


def is_there(address):
    """Whether it can be read. access(2) reads a path from there, and leaves nothing."""
    return syscall(21, address, 0) != -EFAULT


def writable_parts():
    """(start, end) of what the worker's own program has to write in: the stub's variables."""
    base = word(libc._handle)  # struct link_map of the program: l_addr
    at, size, count = word(base + 32), *struct.unpack("<HH", ctypes.string_at(base + 54, 4))
    for header in range(base + at, base + at + size * count, size):
        kind, flags, _, place, _, _, length = struct.unpack(
            "<IIQQQQQ", ctypes.string_at(header, 48))
        if kind == 1 and flags & WRITE:
            yield base + place, base + place + length


def channel_find():
    """Its address: one of the stub's variables points to it, and the mailbox holds this code."""
    for start, end in writable_parts():
        for at in range((start + 7) // 8 * 8, end - 7, 8):
            there = word(at)
            if there % PAGE == 0 and 1 << 32 < there < 1 << 47 and is_there(there) and \
                    is_there(there + PAGE) and \
                    ctypes.string_at(there + PAGE, 26) == b"# SPDX-License-Identifier:":
                return there
    raise LookupError("no channel")


class Hidden(Channel):
    """The channel, found without a file."""

    def __init__(self):
        self.start, self.size = channel_find(), PAGE + (1 << 20) + self.RING
        self.bytes = (ctypes.c_ubyte * self.size).from_address(self.start)
        self.head = ctypes.c_uint64.from_address(self.start + 64)
        self.tail = ctypes.c_uint64.from_address(self.start + 128)

    def end(self, ring=True):
        """The end record, of a program that goes on. Nothing may have been printed before."""
        self.tail.value = self.record(8, self.END, 0, (1).to_bytes(8, "little"))
        if ring:
            self.ring()

    def flood_and_end(self):
        """
        The end record with no bell behind it, so that the program is anywhere when the daemon looks.
        A flood in a stream makes it look by a timer of its own (pool/drain.c).
        """
        at = 0
        for sequence in range(3):
            at = self.record(1 << 15, self.STDOUT, sequence, b"-" * (1 << 15), at)
            self.tail.value = at
            self.ring()
        self.tail.value = self.record(8, self.END, 3, (1).to_bytes(8, "little"), at)


def lie_and_wait(hidden):
    """Says that it ended, and waits in a recv() of its own for whatever the daemon sends next."""
    hidden.end()
    libc.recv(3, bytearray_address(4096), 4096, 0)
    os._exit(77)  # whoever reads a dispatch here must not answer it


keep = []


def bytearray_address(size):
    keep.append(ctypes.create_string_buffer(size))
    return ctypes.c_void_p(ctypes.addressof(keep[-1]))


def map_new(size=PAGE, protection=READ | WRITE | EXECUTE, flags=PRIVATE | ANONYMOUS, at=None):
    place = libc.mmap(at, size, protection, flags, -1, 0)
    assert place and place != 2**64 - 1, "no memory"
    return place


def machine(code):
    """Bytes of x86-64 machine code as a function of up to three numbers."""
    place = map_new(len(code))
    ctypes.memmove(place, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_long, ctypes.c_long)(place)


# Code that sets the processor up in its own way stands between these two: (pointer, &tail, tail).
# Behind it the end record counts, the bell is write(3, rsp, 1), and then it waits in
# recvfrom(3, rsp - 256, 1, 0, 0, 0), again and again.
BEFORE = bytes.fromhex(
    "4989f4"            # mov  r12, rsi
    "4989d5")           # mov  r13, rdx
BELL_AND_WAIT = bytes.fromhex(
    "4d892c24"          # mov  [r12], r13
    "bf03000000"        # mov  edi, 3
    "4889e6"            # mov  rsi, rsp
    "ba01000000"        # mov  edx, 1
    "b801000000"        # mov  eax, 1     write
    "0f05"              # syscall
    "bf03000000"        # mov  edi, 3
    "488db42400ffffff"  # lea  rsi, [rsp - 256]
    "ba01000000"        # mov  edx, 1
    "4531d2"            # xor  r10d, r10d
    "4531c0"            # xor  r8d, r8d
    "4531c9"            # xor  r9d, r9d
    "b82d000000"        # mov  eax, 45    recvfrom
    "0f05"              # syscall
    "ebdc")             # jmp  to the second mov edi


def own_maps():
    """(start, end, protection, name) of each mapping; opens a file."""
    with open("/proc/self/maps") as file:
        for line in file.read().splitlines():
            words = line.split(maxsplit=5)
            start, end = (int(part, 16) for part in words[0].split("-"))
            yield start, end, words[1], words[5] if len(words) > 5 else ""
