// SPDX-License-Identifier: Apache-2.0
/*
 * jail/residue.h: what a worker may have left in its cell, so that a clean cell can be used again.
 *
 * A cell costs as much to make and to end as the worker in it: three more namespaces, a tmpfs, a
 * /proc, a process. Most programs leave it as they found it, so it is asked, once no process but
 * corral-init lives in it, and stays if every answer is "as at birth":
 *
 *   processes   the pids controller counts no task, dead and unreaped ones included
 *   sockets     the network namespace counts none, not even one that is in flight to itself
 *   files       as many blocks and inodes of the tmpfs in use, and the three directories that it
 *               shows have the times, mode, owner, flags and extended attributes that they had
 *
 * What else a cell holds, a program has no means to change (mounts, host name), is the worker's own
 * and new each time (ipc namespace, Landlock domain), or starts again at birth (process
 * numbers: identity_restart_pids()). Whatever cannot be asked counts as changed.
 */
#pragma once

#include "bpf/calls.h"
#include "jail/cgroup.h"
#include "jail/netns.h"

#include <stdbool.h>
#include <stdint.h>

#define RESIDUE_PLACES 3u

/* The state of the cell's files: equal bytes, equal state. */
struct residue_files {
	uint64_t blocks_used, inodes_used;
	struct {
		/*
		 * Before Linux 6.13 a time tells no more than the tick of the kernel's clock: what
		 * is done at once after the making does not show in it, hence the rest.
		 */
		int64_t changed_sec, modified_sec, accessed_sec;
		uint64_t changed_nsec, modified_nsec, accessed_nsec;
		uint64_t mode, owner, flags, attributes_bytes;
	} places[RESIDUE_PLACES];
};

/* Reads the state from outside; corral-init is not reaped. 0 or a negative errno. */
int residue_files_read(pid_t init_pid, struct residue_files *ret_files);

/*
 * Whether a cell in which no worker lives is as it was when its files were `at_birth`. Asked is
 * what its footprint cannot rule out: bits of enum leaves (bpf/calls.h), LEAVES_IN_CELL less
 * LEAVES_CELL where there is none. The calling thread may visit its network namespace.
 */
bool residue_is_none(struct cgroups *cgroups, unsigned slot, const struct netns_pool *networks,
	pid_t init_pid, const struct residue_files *at_birth, uint32_t leaves);
