// SPDX-License-Identifier: Apache-2.0
/*
 * jail/nursery.h: the daemon's side of corral-init: asks for cells, hears of their life.
 *
 * One nursery a shard. Its operations run on the shard's loop, under the two operation types that
 * the owner set aside for it (nursery_received, nursery_exited). It is started again by its owner
 * after `lost`, which decides when.
 */
#pragma once

#include "base/error.h"
#include "jail/cell.h"
#include "jail/cgroup.h"
#include "ring/loop.h"

struct nursery_config {
	const char *program;       /* path of corral-init */
	uint32_t uid_first;
	uint32_t uid_count;
	int cpu;
	struct loop *loop;
	unsigned receive_type;     /* done: nursery_received */
	unsigned exit_type;        /* done: nursery_exited */
	struct cgroup_entrance entrance;
	void *owner;
	void (*replied)(void *owner, const struct cell_reply *reply);
	void (*lost)(void *owner); /* it is gone and reaped; what was asked for may be missing */
};

struct nursery {
	struct nursery_config config;
	int socket;
	pid_t pid; /* 0: not running */
	bool receiving;
	bool exiting;
	siginfo_t exit_info;
	struct cell_reply reply;
};

void nursery_init(struct nursery *nursery, const struct nursery_config *config);

/* Starts the program. 0 or a negative errno with the sentence. */
int nursery_start(struct nursery *nursery, struct error *error);

/*
 * Asks for a cell. `network_fd` stays the caller's. 0 or a negative errno (-EAGAIN: full, later).
 */
int nursery_request(struct nursery *nursery, const struct cell_request *request, int network_fd);

/* No more requests: it answers those it has, then ends, and `lost` is called. */
void nursery_stop(struct nursery *nursery);

/* Completion functions for the loop's table. */
void nursery_received(void *owner, int32_t result);
void nursery_exited(void *owner, int32_t result);
