// SPDX-License-Identifier: Apache-2.0
/*
 * pool/pool_status.c: what a pool says of itself: its shards' figures, added up.
 *
 * Each figure is whole, but not all are of the same moment (pool/counters.h).
 */
#include "pool/pool_private.h"

#include <stdio.h>
#include <string.h>

static void layers_status(struct pool *pool, unsigned layers, struct layer_status *status)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		status[i].state = layers & (1u << i) ? LAYER_ENFORCED : LAYER_ABSENT;
		snprintf(status[i].detail, sizeof(status[i].detail), "%s",
			layers & (1u << i) ? "around every worker"
					   : "not around every worker; see corral doctor");
	}
	/* How much of it, the cgroup tree knows best. */
	cgroups_status(pool->cgroups, &status[LAYER_CGROUP]);
	status[LAYER_BPF_TRACING] = pool->tracing;
}

void pool_status(struct pool *pool, struct pool_status *ret_status)
{
	unsigned layers = ~0u;

	*ret_status =
		(struct pool_status){ .total = pool->config.workers, .shards = pool->shard_count };
	for (unsigned i = 0; i < pool->shard_count; i++) {
		struct shard *shard = &pool->shards[i];
		struct shard_counters *counters = &shard->counters;

		ret_status->busy += atomic_load(&counters->busy);
		ret_status->idle += atomic_load(&counters->idle);
		ret_status->resetting += atomic_load(&counters->resetting);
		ret_status->dead += atomic_load(&counters->dead);
		ret_status->queued += atomic_load(&counters->queued);
		ret_status->executions += atomic_load(&counters->executions);
		ret_status->births += atomic_load(&counters->births);
		ret_status->images += atomic_load(&counters->images);
		ret_status->rewinds += atomic_load(&counters->rewinds);
		ret_status->rewind_failures += atomic_load(&counters->rewind_failures);
		ret_status->rewind_mismatches += atomic_load(&counters->rewind_mismatches);
		ret_status->cells += atomic_load(&counters->cells);
		ret_status->birth_failures += atomic_load(&counters->birth_failures);
		ret_status->template_restarts += atomic_load(&counters->template_restarts);
		ret_status->template_renewals += atomic_load(&counters->template_renewals);
		ret_status->quarantined += atomic_load(&counters->quarantined);
		layers &= atomic_load(&counters->layers);
		pthread_mutex_lock(&shard->inbox_lock);
		if (shard->last_failure[0])
			memcpy(ret_status->last_failure, shard->last_failure,
				sizeof(shard->last_failure));
		pthread_mutex_unlock(&shard->inbox_lock);
	}
	layers_status(pool, ret_status->births ? layers : 0, ret_status->layers);
}
