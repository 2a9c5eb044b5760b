# SPDX-License-Identifier: Apache-2.0
# A ring whose operations (IORING_OP_SOCKET, OPENAT, CONNECT) pass by the seccomp filter.
# expect: verdict=ok stdout=held
# stops: seccomp
# proof: control gets through: io_uring_setup
parameters = ctypes.create_string_buffer(120)
ring = refused("io_uring_setup", 4, parameters, by=ENOSYS)
refused("io_uring_enter", ring if ring > 0 else 3, 0, 0, 0, None, 0, by=ENOSYS)
refused("io_uring_register", ring if ring > 0 else 3, 0, None, 0, by=ENOSYS, harmless=False)
held()
