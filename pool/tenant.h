// SPDX-License-Identifier: Apache-2.0
/*
 * pool/tenant.h: private to pool/: who has executions in the pool now, and what is theirs.
 *
 * A tenant is a number that the front gives: who submits, so far as that matters to others. The
 * pool asks nothing else of it. Each has a row as long as it has something queued or running; the
 * row stays its own until another tenant needs it. The table is made at start and never grows:
 * tenants who find every row taken share the last one, one queue and one turn for all of them.
 */
#pragma once

#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TENANT_STANDARD UINT64_C(0) /* of callers who know none: one for all */
#define TENANTS_MAX 256u

struct tenant;

/* What a tenant has in one shard. The list and the node belong to the shard's thread. */
struct tenant_share {
	struct tenant *tenant;
	struct list queue;   /* executions, oldest first */
	struct list turn;    /* in the shard's turns while the queue is not empty */
	/*
	 * Written by the shard's thread, read by submitters. A worker is held from dispatch until
	 * its slot has a new one: short executions cost births, not time in a worker.
	 */
	atomic_uint queued, held;
	unsigned running;    /* the shard's thread alone */
	unsigned weight_divisor; /* of each of its cells here, which weighs less than one alone */
};

struct tenant {
	struct tenants *tenants;
	_Atomic uint64_t key;
	atomic_uint references; /* executions, and slots held */
	struct tenant_share *shares; /* one a shard */
};

struct tenants {
	struct tenant *rows;
	struct tenant_share *shares;
	unsigned row_count;
	atomic_uint used;    /* rows that ever had a tenant; the last, shared one is not counted */
	atomic_uint present; /* rows with something queued or running */
	pthread_mutex_t lock; /* of giving rows to new tenants */
};

/* 0 or -ENOMEM; `rows` is at least 1. tenants_fini() accepts what failed, and zeroes. */
int tenants_init(struct tenants *tenants, unsigned rows, unsigned shards);
void tenants_fini(struct tenants *tenants);

/* The row of this tenant, kept for it until tenant_put(). Any thread; allocates nothing. */
struct tenant *tenant_get(struct tenants *tenants, uint64_t key);
void tenant_keep(struct tenant *tenant); /* one more, of one that is kept already */
void tenant_put(struct tenant *tenant);

/* How many tenants have something queued or running. */
unsigned tenants_present(const struct tenants *tenants);
