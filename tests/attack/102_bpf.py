# SPDX-License-Identifier: Apache-2.0
# Maps, programs, and objects of others by their id.
# expect: verdict=ok stdout=held
# stops: seccomp, ids (capabilities)
# proof: control gets through: BPF_MAP_CREATE
attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
refused("bpf", 0, attributes, 72, by=EPERM, what="BPF_MAP_CREATE")
for command in range(0, 40):
    refused("bpf", command, (ctypes.c_uint32 * 32)(), 72, by=EPERM, what=f"bpf command {command}",
            harmless=False)
held()
