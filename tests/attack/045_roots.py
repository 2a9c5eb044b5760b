# SPDX-License-Identifier: Apache-2.0
# Another root, quotas, swap, accounting.
# expect: verdict=ok stdout=held
# stops: seccomp, ids (capabilities)
# proof: control gets through: chroot
refused("pivot_root", b"/tmp", b"/tmp", by=EPERM, harmless=False)
refused("swapon", b"/tmp/swap", 0, by=EPERM, harmless=False)
refused("swapoff", b"/tmp/swap", by=EPERM, harmless=False)
refused("acct", b"/tmp/acct", by=EPERM, harmless=False)
refused("quotactl", 0, b"/dev/vda", 0, None, by=EPERM, harmless=False)
refused("quotactl_fd", 0, 0, 0, None, by=EPERM, harmless=False)
os.makedirs("/tmp/jail", exist_ok=True)
outside = os.open("/", os.O_RDONLY)
refused("chroot", b"/tmp/jail", by=EPERM)
os.fchdir(outside)
held()
