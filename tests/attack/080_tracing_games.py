# SPDX-License-Identifier: Apache-2.0
# Stalls its own processes: traced by itself, or held by a filter that asks a listener.
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control gets through: PTRACE_TRACEME, a listener
def trace_me():
    os._exit(syscall("ptrace", 0, 0, 0, 0) == 0)


expect(os.WEXITSTATUS(child(trace_me)) == 0, "PTRACE_TRACEME")


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


notify = (ctypes.c_uint64 * 1)(0x7FC0000000000006)  # RET USER_NOTIF, for every call
program = Program(1, ctypes.addressof(notify))
for flags in (8, 8 | 1 << 40, 8 | 1, 8 | 32):
    def listen():
        libc.prctl(38, 1, 0, 0, 0)
        os._exit(-syscall("seccomp", 1, flags, ctypes.byref(program)) == EPERM)

    if not CONTROL:
        expect(os.WEXITSTATUS(child(listen)) == 1, f"a listener with flags {flags:#x}")
if CONTROL:
    allow = (ctypes.c_uint64 * 1)(0x7FFF000000000006)
    libc.prctl(38, 1, 0, 0, 0)
    refused("seccomp", 1, 8, ctypes.byref(Program(1, ctypes.addressof(allow))), by=EPERM,
            what="a listener")
held()
