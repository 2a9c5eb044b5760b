# SPDX-License-Identifier: Apache-2.0
# The tree of everything that is not of the host, and how full its tmpfs is.
# expect: verdict=ok stdout=held unchanged
# stops: view
# proof: the same program says more when it runs behind 114 a in one cell
import json  # noqa: F401, of the library and not of /workspace

for place in ("/", "/tmp", "/var", "/dev", "/run", "/workspace", "/home", "/root", "/etc"):
    for directory, directories, files in os.walk(place):
        directories[:] = sorted(
            name for name in directories
            if f"{directory}/{name}".lstrip("/").split("/")[0] not in ("usr", "proc", "lib", "etc"))
        for name in sorted(files + directories):
            status = os.lstat(f"{directory}/{name}")
            owner = "own" if status.st_uid == os.getuid() else status.st_uid
            print(f"{directory}/{name}", oct(status.st_mode), owner, status.st_nlink)
for place in ("/tmp", "/workspace", "/dev/shm"):
    room = os.statvfs(place)
    print(place, room.f_blocks, room.f_bfree, room.f_files, room.f_ffree)
expect("/workspace" not in (json.__file__ or ""), "poisoned")
held()
