// SPDX-License-Identifier: Apache-2.0
/*
 * pool/service.h: what else runs on the shards' loops: a listener with its connections.
 *
 * A connection lives on one shard's thread, so that an execution which it submits there needs no
 * other thread. The service brings its own types of operations; a shard runs them beside its own.
 */
#pragma once

#include "ring/loop.h"

#define SERVICE_TYPES_MAX 16u

struct pool_service {
	const struct loop_op_type *types;
	unsigned type_count; /* at most SERVICE_TYPES_MAX */
	unsigned ops_max;    /* operations and timers at one time, a shard */
	void *owner;
	/* On the shard's own thread, after pool_service_wake(). */
	void (*woken)(void *owner, unsigned shard);
	/* The same, when the pool stops: end every operation; the loop runs until all are over. */
	void (*stop)(void *owner, unsigned shard);
};

struct execution;
struct pool;

/* Any thread: `woken` follows on that shard's thread. */
void pool_service_wake(struct pool *pool, unsigned shard);

/* The loop of a shard, for the service's own operations on the shard's thread. */
struct loop *pool_service_loop(struct pool *pool, unsigned shard);

/* The number that the service's first type of operation has on every loop. */
unsigned pool_service_first_type(void);

/* The shard whose thread this is, or -1. */
int pool_service_here(const struct pool *pool);

/*
 * As pool_resume(), and at once if the execution is this thread's own. From a completion or a timer
 * alone: a callback of the execution may follow before it returns.
 */
void pool_service_resume(struct pool *pool, struct execution *execution);
