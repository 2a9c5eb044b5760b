// SPDX-License-Identifier: Apache-2.0
/*
 * pool/pool.h: all workers of one daemon, or of one command that embeds them.
 *
 * A shard a CPU: a thread with its loop, its nursery, its template and its workers, all pinned
 * beside each other, because a wake-up across CPUs costs ten times one on the same. An execution
 * goes to the shard of the thread that submits it if that has an idle worker, else to one that has,
 * else it waits in line.
 */
#pragma once

#include "base/error.h"
#include "jail/layer.h"
#include "pool/execution.h"
#include "pool/service.h"

struct pool;

struct pool_config {
	const char *runtime;   /* "python" */
	const char *imports;   /* modules to warm; NULL: the runtime's usual ones */
	unsigned workers;      /* kept ready, in all shards together */
	unsigned shards;       /* 0: one a CPU that we may run on */
	unsigned queue_max;    /* executions waiting, a tenant and shard; 0: the standard */
	unsigned reserve;      /* workers that a tenant with more than its share leaves to others */
	enum reset_policy reset; /* of workers that can be rewound; others are replaced */
	unsigned template_executions; /* of a shard; then its template is renewed. 0: never */
	uint64_t template_age_nsec;   /* the same, after so long */
	bool verify;           /* each rewound worker is proved to be what it was: slow */
	bool without_bpf;      /* as on a kernel that has none: no footprints */
	struct limits limits;  /* cells are built for these; requests may differ */
	const struct pool_service *service; /* on the same loops; NULL: none. Lives as the pool */
};

struct pool_status {
	unsigned total, busy, idle, resetting, dead, queued;
	unsigned shards, images; /* images: shards whose workers can be rewound */
	uint64_t rewinds, rewind_failures, rewind_mismatches;
	uint64_t executions, births, cells, birth_failures, quarantined;
	uint64_t template_restarts, template_renewals;
	char last_failure[256]; /* of a birth or a template; "" */
	struct layer_status layers[LAYER_COUNT];
};

void pool_config_init(struct pool_config *config);

/*
 * What pool_start() asks before it starts anything: whether we are root, the numbers, the programs
 * of cells and of the runtime. 0 or a negative errno and a sentence.
 */
int pool_check(const struct pool_config *config, struct error *error);

/* Starts everything and waits until one worker a shard is ready. 0 or a negative errno and a
 * sentence. */
int pool_start(struct pool **ret_pool, const struct pool_config *config, struct error *error);

/* Waits until `idle` workers are ready, for at most `nsec`. True if they are. */
bool pool_wait_idle(struct pool *pool, unsigned idle, uint64_t nsec);

/* Cancels what runs, ends every worker, removes every cgroup. NULL is accepted. */
void pool_stop(struct pool *pool);

/*
 * Hands over an execution, from any thread. 0; or, with `done` not called: -EAGAIN (queue full),
 * -EMSGSIZE (code, environment and arguments exceed the mailbox), -EOPNOTSUPP (a limit of system
 * calls where they cannot be counted), -ESHUTDOWN.
 */
#define POOL_NO_SYSCALLS_LIMIT                                                                    \
	"syscalls cannot be limited here, bpf-tracing is absent: see corral doctor, or leave the " \
	"limit out"
int pool_submit(struct pool *pool, struct execution *execution);

/* Asks for an end with VERDICT_CANCELLED, from any thread; `done` follows unless it was called. */
void pool_cancel(struct pool *pool, struct execution *execution);

/* The output callback has room again; from any thread. */
void pool_resume(struct pool *pool, struct execution *execution);

void pool_status(struct pool *pool, struct pool_status *ret_status);

unsigned pool_shards(const struct pool *pool);
