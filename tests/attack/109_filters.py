# SPDX-License-Identifier: Apache-2.0
# Tries to loosen the filters: by one that allows everything, by an exec, by turning them off.
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control none: filters only ever get stricter, wherever they are
import subprocess

allow = (ctypes.c_uint64 * 1)(0x7FFF000000000006)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


program = Program(1, ctypes.addressof(allow))
expect(libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, "a filter that allows everything")
expect(syscall("seccomp", 1, 0, ctypes.byref(program)) == 0, "another one")
refused("unshare", 0x10000000, by=EPERM, what="unshare behind a filter that allows everything")
refused("prctl", 22, 0, 0, 0, 0, by=EINVAL, what="PR_SET_SECCOMP off")
refused("prctl", 38, 0, 0, 0, 0, by=EINVAL, what="no_new_privs off")
said = subprocess.run(
    ["/usr/bin/python3", "-c", "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))"],
    capture_output=True, text=True, check=True).stdout
expect(said == "-1\n", "unshare after an exec")
with open("/proc/self/status") as file:
    expect("Seccomp:\t2" in file.read(), "no filter")
held()
