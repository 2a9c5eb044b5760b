// SPDX-License-Identifier: Apache-2.0
/*
 * jail/landlock.h: the file rights of a worker, once more, by Landlock.
 *
 * Read and execute below /, write only below the cell's private directories and on the few device
 * nodes; no TCP; no abstract sockets and no signals out of the worker's own domain (ABI 6, Linux
 * 6.12). The mount plan says nearly the same: this layer holds when that one fails.
 */
#pragma once

/* The ABI version that the kernel offers, or a negative errno (-ENOSYS, -EOPNOTSUPP). */
int landlock_abi(void);

/*
 * Called in the cell's mount namespace, with no_new_privs set: makes the domain of this worker
 * and enters it.
 * Cheap: 33 calls, about 25 us. 0 or a negative errno.
 */
int landlock_enter(int abi);
