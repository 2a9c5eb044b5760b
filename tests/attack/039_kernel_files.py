# SPDX-License-Identifier: Apache-2.0
# Files of the kernel that tell or change what belongs to the whole machine.
# expect: verdict=ok stdout=held
# stops: view (proc with subset=pid, no sysfs)
# proof: control gets through: /proc/kallsyms, /proc/keys, /proc/sys/kernel/core_pattern
for name in ("kcore", "kallsyms", "kmsg", "keys", "key-users", "sysrq-trigger", "modules", "fs",
             "sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/vm/overcommit_memory",
             "config.gz", "scsi", "bus", "irq", "timer_list", "interrupts", "cmdline", "version",
             "sys/kernel/random/boot_id", "sysvipc/shm", "meminfo", "stat", "loadavg",
             "partitions"):
    path = f"/proc/{name}"
    denied(path, lambda: os.stat(path), ENOENT)
for path in ("/sys/kernel", "/sys/fs/cgroup", "/sys/fs/bpf", "/sys/kernel/debug", "/sys/class"):
    denied(path, lambda: os.listdir(path), ENOENT)
for name in ("mem", "kmsg", "sched_debug"):
    denied(f"/proc/self/../{name}", lambda: os.stat(f"/proc/self/../{name}"), ENOENT, False)
held()
