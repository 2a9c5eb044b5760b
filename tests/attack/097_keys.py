# SPDX-License-Identifier: Apache-2.0
# Keys and keyrings; request_key would call a program of the host.
# expect: verdict=ok stdout=held
# stops: seccomp, ids (a keyring of its own)
# proof: control gets through: add_key, KEYCTL_GET_KEYRING_ID
JOIN, GET_ID, PERSISTENT = 1, 0, 22
SESSION = -3
if CONTROL:
    syscall("keyctl", JOIN, None)
refused("add_key", b"user", b"attack", b"secret", 6, SESSION, by=ENOSYS)
refused("request_key", b"user", b"attack", b"", SESSION, by=ENOSYS, harmless=False)
refused("keyctl", GET_ID, SESSION, 0, by=ENOSYS, what="KEYCTL_GET_KEYRING_ID")
for operation in range(0, 33):
    refused("keyctl", operation, SESSION, 0, 0, 0, by=ENOSYS, what=f"keyctl {operation}",
            harmless=False)
refused("keyctl", JOIN | 1 << 32, None, by=ENOSYS, what="keyctl with upper bits", harmless=False)
held()
