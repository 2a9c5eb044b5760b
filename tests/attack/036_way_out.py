# SPDX-License-Identifier: Apache-2.0
# Up and out of the root, through other processes' directories, through leaked descriptors.
# expect: verdict=ok stdout=held
# stops: namespaces (mount), view, daemon (close_range)
# proof: control gets through: PID 1's directory
import stat

root = os.stat("/")
for path in ("/..", "/../../../..", "/proc/self/root", "/proc/self/root/../..",
             "/proc/thread-self/root/..", "/proc/self/cwd/../../../.."):
    there = os.stat(path)
    expect((there.st_dev, there.st_ino) == (root.st_dev, root.st_ino), f"{path} is elsewhere")
for name in ("cwd", "root", "exe", "fd", "ns"):
    what = "PID 1's directory" if name == "cwd" else f"PID 1's {name}"
    denied(what, lambda: os.stat(f"/proc/1/{name}/."), (ENOENT, EACCES, EPERM))
if not CONTROL:
    open_now = {}
    for fd in range(1024):
        try:
            open_now[fd] = os.fstat(fd).st_mode
        except OSError:
            pass
    expect(set(open_now) == {0, 1, 2, 3}, f"descriptors {sorted(open_now)}")
    expect(stat.S_ISSOCK(open_now[3]), "3 is not the control socket")
    expect(not any(stat.S_ISDIR(mode) for mode in open_now.values()), "a directory is open")
    names = sorted(os.listdir("/"))
    known = "bin dev etc home lib lib32 lib64 libx32 proc root run sbin tmp usr var workspace"
    expect(set(names) <= set(known.split()), f"/ holds {names}")
held()
