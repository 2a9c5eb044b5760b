// SPDX-License-Identifier: Apache-2.0
/*
 * pool/service.c: the side of a pool that its service sees.
 */
#include "pool/service.h"

#include "pool/pool_private.h"

void pool_service_wake(struct pool *pool, unsigned shard)
{
	atomic_store(&pool->shards[shard].service_woken, true);
	loop_wake(pool->shards[shard].loop);
}

struct loop *pool_service_loop(struct pool *pool, unsigned shard)
{
	return pool->shards[shard].loop;
}

unsigned pool_service_first_type(void)
{
	return OP_COUNT;
}

int pool_service_here(const struct pool *pool)
{
	const struct shard *shard = shard_current();

	return shard && shard->pool == pool ? (int)shard->number : -1;
}

void pool_service_resume(struct pool *pool, struct execution *execution)
{
	if (execution->shard == shard_current())
		execution_resume(execution);
	else
		pool_resume(pool, execution);
}
