// SPDX-License-Identifier: Apache-2.0
/*
 * jail/spawn.h: starts a helper program of ours, with exactly the descriptors it is meant to have.
 *
 * The child gets /dev/null as 0 and 1, our stderr as 2, the given descriptors at fixed numbers
 * from 3 on, and nothing else; the given environment and no other; no signal blocked or ignored;
 * SIGKILL when the calling thread dies (prctl(2) PR_SET_PDEATHSIG: it is the thread that counts).
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

#define SPAWN_FDS_MAX 8u

struct spawn_plan {
	const char *path;
	char *const *arguments;   /* with the program's name first, NULL at the end */
	char *const *environment; /* NULL at the end */
	int fds[SPAWN_FDS_MAX];   /* fds[i] becomes 3 + i; -1: that number stays closed */
	unsigned fd_count;
	int cpu;                  /* pinned to it; -1: not pinned */
};

/* 0 or a negative errno; a program that cannot be executed is told here, not by a dead child. */
int spawn_program(const struct spawn_plan *plan, pid_t *ret_pid, struct error *error);
