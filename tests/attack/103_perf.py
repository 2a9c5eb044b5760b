# SPDX-License-Identifier: Apache-2.0
# Counters of the hardware and of the kernel.
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control gets through: a software counter
for kind, config, what in ((1, 0, "a software counter"), (0, 0, "a hardware counter"),
                           (2, 1, "a tracepoint")):
    attributes = ctypes.create_string_buffer(128)
    ctypes.memmove(attributes, kind.to_bytes(4, "little") + (112).to_bytes(4, "little")
                   + config.to_bytes(8, "little"), 16)
    for pid, cpu in ((0, -1), (-1, 0)):
        refused("perf_event_open", attributes, pid, cpu, -1, 0, by=EPERM, what=what,
                harmless=pid == 0)
held()
