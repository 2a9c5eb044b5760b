// SPDX-License-Identifier: Apache-2.0
/*
 * jail/enter.h: how a newborn worker enters its cell and loses its power.
 *
 * The order is the point of this file; each step's place has a reason, given in enter.c. What a
 * step could not do is fatal, unless the layer is one that the machine does not have (told by the
 * template once, not found out by each newborn).
 */
#pragma once

#include "jail/cell.h"
#include "jail/cgroup.h"
#include "jail/seccomp.h"
#include "ring/channel.h"

enum birth_step {
	BIRTH_STEP_NONE,
	BIRTH_STEP_CGROUP,
	BIRTH_STEP_NUMBERS,
	BIRTH_STEP_OOM,
	BIRTH_STEP_NAMESPACES,
	BIRTH_STEP_SESSION,
	BIRTH_STEP_KEYRING,
	BIRTH_STEP_IDENTITY,
	BIRTH_STEP_TIE,
	BIRTH_STEP_DIRECTORY,
	BIRTH_STEP_LANDLOCK,
	BIRTH_STEP_DESCRIPTORS,
	BIRTH_STEP_SECCOMP,
	BIRTH_STEP_DONE,
};

/* "seccomp", "namespaces"…; for messages. */
const char *birth_step_name(unsigned step);

/* What the template found out for all its newborns. */
struct enter_plan {
	struct cgroup_entrance entrance;
	int landlock_abi;              /* negative: this kernel has none */
	bool seccomp;                  /* the long filter stands */
	struct seccomp_birth_filter birth_filter;
};

/*
 * In the newborn, single-threaded, which was cloned into the cell's pid namespace and into an ipc
 * namespace of its own: enters the cell whose PID 1 `init_fd` (a pidfd) is. The worker's control
 * socket becomes WORKER_FD_CONTROL; 0, 1 and 2 stay; every other descriptor is closed.
 * Returns 0 or a negative errno; *report says where it stopped and which layers stand.
 */
int cell_enter(const struct enter_plan *plan, const struct birth_letter *letter, int init_fd,
	int control_fd, struct birth_report *report);
