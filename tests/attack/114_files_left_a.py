# SPDX-License-Identifier: Apache-2.0
# Leaves files, directories and links in every place that it can write to, and open files without
# a name.
# expect: verdict=ok
# stops: view (a fresh tmpfs for each cell)
# proof: control none: 114 b says what it sees before and after
home = os.path.expanduser("~")
for place in ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/workspace", home, "."):
    for name in ("left", ".hidden", "\u202eleft", "-rf"):
        with open(f"{place}/{name}", "w") as file:
            file.write("left")
    os.makedirs(f"{place}/a/b/c", exist_ok=True)
    try:
        os.symlink("/etc/shadow", f"{place}/link")
    except FileExistsError:
        pass
os.chmod("/tmp/a", 0)
gone = os.open("/tmp/gone", os.O_CREAT | os.O_RDWR)
os.write(gone, b"x" * (1 << 20))
os.unlink("/tmp/gone")
for name in ("sitecustomize.py", "usercustomize.py", "json.py", ".bashrc", "conftest.py"):
    with open(f"/workspace/{name}", "w") as file:
        file.write("raise SystemExit('poisoned')\n")
