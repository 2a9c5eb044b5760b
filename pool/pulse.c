// SPDX-License-Identifier: Apache-2.0
/*
 * pool/pulse.c: a flag a shard, which only that shard's own thread takes down, as part of its turn.
 */
#include "pool/pulse.h"

#include "pool/pool_private.h"

void pool_pulse_ask(struct pool *pool)
{
	for (unsigned i = 0; i < pool->shard_count; i++) {
		atomic_store(&pool->shards[i].pulse_asked, true);
		loop_wake(pool->shards[i].loop);
	}
}

int pool_pulse_missing(const struct pool *pool)
{
	for (unsigned i = 0; i < pool->shard_count; i++)
		if (atomic_load(&pool->shards[i].pulse_asked))
			return (int)i;
	return -1;
}
