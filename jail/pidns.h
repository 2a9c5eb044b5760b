// SPDX-License-Identifier: Apache-2.0
/*
 * jail/pidns.h: the process numbers of a cell begin again, for a worker that lives on.
 *
 * A newborn in a used cell does that for itself (identity_restart_pids()), while it is root. A
 * worker that is rewound has no such right, nor has corral-init; and the kernel asks who writes,
 * in which namespace. So the daemon sends a child there for one write(2) (about 60 us).
 */
#pragma once

#include <sys/types.h>

/* What it takes, opened once; any thread may use it. */
struct pidns {
	int own;      /* the daemon's namespace, to come back to */
	int last_pid; /* kernel.ns_last_pid, written by whoever is to be in the namespace */
};

#define PIDNS_NONE ((struct pidns){ -1, -1 })

/*
 * 0, or a negative errno: this kernel lacks CONFIG_CHECKPOINT_RESTORE, which every Debian kernel
 * has, and numbers cannot begin again in any cell.
 */
int pidns_open(struct pidns *pidns);
void pidns_close(struct pidns *pidns);

/*
 * The next process in the namespace of `init_pid` gets the number that the first child of a first
 * worker gets. That process is not reaped; nothing else may run in its namespace: the child that
 * writes shares the daemon's memory, and waits there for its end. The calling thread waits for it,
 * and is the parent of none in between. 0 or a negative errno (pid_namespaces(7), setns(2)).
 */
int pidns_restart(const struct pidns *pidns, pid_t init_pid);
