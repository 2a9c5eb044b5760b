# SPDX-License-Identifier: Apache-2.0
# Native code that leaves the processor as no compiler expects it, says that it ended, and is met in a
# wait of its own with all of that set.
# expect: variant=rounding verdict=ok limits=timeout:2s
# expect: variant=exceptions verdict=ok limits=timeout:2s
# expect: variant=stack verdict=ok limits=timeout:2s
# expect: variant=direction verdict=ok limits=timeout:2s
# expect: variant=alignment verdict=ok|signal limits=timeout:2s
# expect: variant=flags verdict=ok limits=timeout:2s
# expect: variant=mxcsr verdict=ok limits=timeout:2s
# expect: variant=x87 verdict=ok limits=timeout:2s
# expect: variant=vectors verdict=ok limits=timeout:2s
# expect: variant=fsbase verdict=ok|signal limits=timeout:2s
# expect: variant=gsbase verdict=ok|signal limits=timeout:2s
# expect: variant=arch_prctl verdict=ok limits=timeout:2s
# expect: variant=segments verdict=ok|signal limits=timeout:2s
# expect: variant=keys verdict=ok|signal limits=timeout:2s
# expect: variant=code32 verdict=ok|signal limits=timeout:2s
# uses: native
# stops: daemon (all registers are the image's, or the worker is another)
# proof: the canary behind it looks at the control words and counts
hidden = Hidden()
tail = hidden.record(8, hidden.END, 0, (1).to_bytes(8, "little"))
tail_address = ctypes.addressof(hidden.tail)
# The stack is a mapping, with a page free above the pointer that the code is given.
stack = map_new(16 * PAGE, READ | WRITE) + 12 * PAGE if VARIANT not in ("rounding", "exceptions") else 0
codes = dict(
    stack="4889fc",                          # mov rsp, rdi
    direction="fd",                          # std
    alignment="9c810c2400000400" "9d",       # pushfq; or dword [rsp], 1 << 18; popfq
    flags="9c810c24d50c0000" "9d",           # carry, parity, adjust, zero, sign, direction, overflow
    # push 0x7f80 | round up | flush to zero | denormals are zero; ldmxcsr [rsp]; pop rax
    mxcsr="68c0ff0000" "0fae1424" "58",
    x87="6a00" "d92c24" "d9e8d9e8d9e8" "58",  # push 0; fldcw [rsp]; fld1 × 3; pop rax
    vectors="c5fd76c0c5f576c9" "c4e27d58d0" "c5fdefdbc5fd76db",  # all ones in ymm0 to ymm3
    fsbase="f3480faed7",                     # wrfsbase rdi
    gsbase="f3480faedf",                     # wrgsbase rdi
    arch_prctl="bf01100000" "be00100000" "b89e000000" "0f05",  # ARCH_SET_GS, 0x1000
    segments="b82b000000" "8ed8" "8ec0" "8ee8",  # mov eax, 0x2b; mov ds, es, gs
    keys="31c931d2" "b8fcffffff" "0f01ef",   # wrpkru: no access by any key but 0
)


def code32():
    """Jumps into code of 32 bits, which rings no bell; so the bell comes first."""
    place = map_new(PAGE, 7, PRIVATE | ANONYMOUS | 0x40)  # MAP_32BIT
    ctypes.memmove(place, bytes.fromhex("ebfe"), 2)       # jmp to itself
    far = bytearray_address(16)
    ctypes.memmove(far, struct.pack("<IH", place, 0x23), 6)
    # mov [rsi], rdx; push rdi; the bell; pop rdi; jmp far [rdi]
    bell = "488916" "57" "bf030000004889e6ba01000000b8010000000f05" "5f"
    machine(bytes.fromhex(bell + "ff2f"))(far.value, tail_address, tail)


if VARIANT == "rounding":
    libc.fesetround(0x800)
elif VARIANT == "exceptions":
    libc.feenableexcept(0x3D)
elif VARIANT == "code32":
    code32()
else:
    prologue = "4889fc" if VARIANT not in ("stack", "fsbase", "gsbase") else ""
    machine(BEFORE + bytes.fromhex(prologue + codes[VARIANT]) + BELL_AND_WAIT)(
        stack, tail_address, tail)
lie_and_wait(hidden)
