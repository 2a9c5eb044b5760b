// SPDX-License-Identifier: Apache-2.0
/*
 * pool/pool_private.h: private to pool/: what the shards of one pool share.
 */
#pragma once

#include "jail/pidns.h"
#include "pool/pool.h"
#include "pool/shard.h"
#include "pool/tenant.h"

#define OWN_RANGES_MAX 512u /* places of a slot's own pages; from more, they are given back */

struct pool {
	struct pool_config config;
	struct cgroups *cgroups;
	struct footprints *footprints; /* NULL: they cannot be taken here, which status says */
	struct layer_status tracing;
	char init_program[512];
	char runtime_program[512];
	uint32_t uid_first;
	struct pidns pidns;
	bool cells_stay; /* a clean cell is used again */
	struct loop_op_type op_types[OP_COUNT + SERVICE_TYPES_MAX];
	unsigned op_type_count;
	struct slot *slots;
	struct slot_proof *proofs;        /* the slots', where rewinds are verified */
	struct written_range *own_ranges; /* the slots', where there is rewinding */
	char *tails; /* the slots' tails, two each, touched only in a flood */
	struct shard shards[POOL_SHARDS_MAX];
	unsigned shard_count;
	struct tenants tenants;
	atomic_bool stopping;
	atomic_uint next_shard;

	pthread_mutex_t lock; /* for the condition alone */
	pthread_cond_t changed; /* a worker became idle, or a birth failed */
};

/* proof.c */
int pool_proofs_make(struct pool *pool);    /* the slots' are there; 0 or -ENOMEM */

/* Tells whoever waits that the number of idle workers, or the last failure, changed. */
void pool_changed(struct pool *pool);
