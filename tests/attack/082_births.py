# SPDX-License-Identifier: Apache-2.0
# Children that would not be in the cell, or not the worker's own.
# expect: verdict=ok stdout=held
# stops: seccomp, cgroup
# proof: control gets through: clone3, CLONE_PARENT
def birth(name, *arguments, by, what, harmless=True):
    if CONTROL and not harmless:
        return
    pid = syscall(name, *arguments)
    if pid == 0:
        syscall(231, 0)
    if pid > 0:
        try:
            os.waitpid(pid, 0x40000000)
        except ChildProcessError:
            pass  # CLONE_PARENT: another's
    judge(what, pid, (by,))


NEW = dict(NEWNS=0x20000, NEWCGROUP=0x2000000, NEWUTS=0x4000000, NEWIPC=0x8000000,
           NEWUSER=0x10000000, NEWPID=0x20000000, NEWNET=0x40000000, PARENT=0x8000)
for name, flag in NEW.items():
    for more in (17, 17 | 1 << 40, 17 | 1 << 63):
        word = flag | more
        birth("clone", word - (1 << 64) if word >> 63 else word, 0, 0, 0, 0, by=EPERM,
              what=f"CLONE_{name}", harmless=more == 17)
arguments = (ctypes.c_uint64 * 11)()
arguments[4] = 17
birth("clone3", arguments, 88, by=ENOSYS, what="clone3")
into = (ctypes.c_uint64 * 11)()
into[0], into[4], into[10] = 0x200000000, 17, os.open("/", os.O_RDONLY)
birth("clone3", into, 88, by=ENOSYS, what="CLONE_INTO_CGROUP", harmless=False)
held()
