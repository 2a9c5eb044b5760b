# SPDX-License-Identifier: Apache-2.0
# Reads and writes other processes' memory and takes their descriptors.
# expect: verdict=ok stdout=held
# stops: seccomp, namespaces (pid), ids (uid)
# proof: control gets through: PTRACE_ATTACH, process_vm_readv, pidfd_getfd, kcmp
own, init = os.getpid(), 1
sleeper = os.fork() or time.sleep(60) or os._exit(0)
ATTACH, SEIZE, TRACEME, DETACH = 16, 0x4206, 0, 17
if refused("ptrace", ATTACH, sleeper, 0, 0, by=EPERM, what="PTRACE_ATTACH") == 0:
    os.waitpid(sleeper, 0)
    syscall("ptrace", DETACH, sleeper, 0, 0)
for pid in (init, own, sleeper):
    refused("ptrace", SEIZE, pid, 0, 0, by=EPERM, what=f"PTRACE_SEIZE {pid}", harmless=False)
word = ctypes.create_string_buffer(8)
vector = (ctypes.c_uint64 * 2)(ctypes.addressof(word), 8)
refused("process_vm_readv", sleeper, vector, 1, vector, 1, 0, by=EPERM)
refused("process_vm_writev", sleeper, vector, 1, vector, 1, 0, by=EPERM)
pidfd = syscall("pidfd_open", sleeper, 0)
refused("pidfd_getfd", pidfd, 0, 0, by=EPERM)
refused("kcmp", own, sleeper, 2, 0, 0, by=EPERM)
refused("process_madvise", pidfd, vector, 1, 20, 0, by=EPERM)
refused("move_pages", sleeper, 0, None, None, None, 0, by=EPERM)
refused("migrate_pages", sleeper, 0, None, None, by=EPERM)
denied("PID 1's memory", lambda: os.open("/proc/1/mem", os.O_RDWR), (ENOENT, EACCES, EPERM))
os.kill(sleeper, 9)
os.wait()
held()
