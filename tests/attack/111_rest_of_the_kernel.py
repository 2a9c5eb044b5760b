# SPDX-License-Identifier: Apache-2.0
# Every other call that has no business here, and every number that nobody has heard of.
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control gets through: syslog, mincore
page = ctypes.c_void_p(libc.mmap(None, 4096, 3, 0x22, -1, 0))
refused("mincore", page, 4096, ctypes.create_string_buffer(1), by=EPERM)
refused("syslog", 10, None, 0, by=EPERM)
for name in ("reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module",
             "delete_module", "fanotify_init", "mbind"):
    refused(name, 0, 0, 0, 0, 0, 0, by=EPERM, harmless=False)
for name in ("process_mrelease", "landlock_restrict_self", "statmount", "listmount"):
    refused(name, 0, 0, 0, 0, 0, 0, by=ENOSYS, harmless=False)
for number in [*range(453, 1200), 1 << 20, 1 << 29]:
    refused(number, 0, 0, 0, 0, 0, 0, by=ENOSYS, what=f"call {number}", harmless=False)
held()
