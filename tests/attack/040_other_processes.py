# SPDX-License-Identifier: Apache-2.0
# What can be read of processes that are not its own.
# expect: verdict=ok stdout=held
# stops: namespaces (pid), view (hidepid)
# proof: control gets through: PID 1's environ, PID 1's maps, PID 1 is seen
if not CONTROL:
    names = {name for name in os.listdir("/proc") if name.isdigit()}
    expect(names == {str(os.getpid())}, f"processes {sorted(names)}")
expect(not os.path.exists("/proc/1"), "PID 1 is seen")
for name in ("environ", "maps", "mem", "stat", "status", "cmdline", "auxv", "stack", "syscall"):
    denied(f"PID 1's {name}", lambda: os.close(os.open(f"/proc/1/{name}", os.O_RDONLY)),
           (ENOENT, EACCES, EPERM))
if not CONTROL:
    for pid in range(3, 33000, 7):
        expect(not os.path.exists(f"/proc/{pid}"), f"process {pid} is seen")
held()
