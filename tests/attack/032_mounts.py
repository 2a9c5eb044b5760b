# SPDX-License-Identifier: Apache-2.0
# The old and the new interface to mounts.
# expect: verdict=ok stdout=held
# stops: seccomp, ids (capabilities), namespaces (mount)
# proof: control gets through: mount tmpfs, bind, remount, umount2, fsopen, open_tree, fspick
RDONLY, NOSUID, REMOUNT, BIND, MOVE, PRIVATE = 1, 2, 32, 4096, 8192, 1 << 18
os.makedirs("/tmp/m", exist_ok=True)
refused("mount", b"t", b"/tmp/m", b"tmpfs", 0, None, by=EPERM, what="mount tmpfs")
refused("mount", b"/etc", b"/tmp/m", None, BIND, None, by=EPERM, what="bind")
refused("mount", None, b"/tmp/m", None, REMOUNT | BIND, None, by=EPERM, what="remount")
refused("umount2", b"/tmp/m", 2, by=EPERM)
refused("mount", b"none", b"/", None, REMOUNT, None, by=EPERM, what="/ writable", harmless=False)
refused("mount", b"p", b"/proc", b"proc", 0, None, by=EPERM, what="/proc anew", harmless=False)
refused("mount", None, b"/", None, PRIVATE, None, by=EPERM, what="propagation")
refused("umount2", b"/proc", 2, by=EPERM, what="umount /proc", harmless=False)
context = refused("fsopen", b"tmpfs", 0, by=EPERM)
refused("fsconfig", max(context, 0), 6, None, None, 0, by=EPERM)
refused("fsmount", max(context, 0), 0, 0, by=EPERM)
tree = refused("open_tree", -100, b"/", 1, by=EPERM)
refused("move_mount", max(tree, 0), b"", -100, b"/tmp/m", 4, by=EPERM)
refused("fspick", -100, b"/tmp", 0, by=EPERM)
attributes = (ctypes.c_uint64 * 4)(0, 1, 0, 0)
refused("mount_setattr", -100, b"/", 0, attributes, 32, by=EPERM, harmless=False)
held()
