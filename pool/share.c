// SPDX-License-Identifier: Apache-2.0
/*
 * pool/share.c: what a tenant's executions in a shard get of its workers and its CPU.
 *
 * Workers: a tenant holds those that it runs in and those that it used up, until they are born
 * anew. The last idle ones are left to tenants who hold no more than their share, so whoever comes
 * beside a flood finds one.
 *
 * CPU: cells weigh the same, so a tenant with thirty executions would have thirty times the CPU of
 * one with a single one. Therefore each of its cells weighs the less the more of them run, in steps
 * of two, and what is steady writes nothing. And beside others, who has few gets short slices, who
 * has many long ones: the kernel (EEVDF, own slices since Linux 6.12) then lets the few run as soon
 * as they wake, and not at the end of another's slice. Both say who comes first, never how much
 * there is; where the machine cannot do them, the turns of pool/queue.c are left.
 */
#include "pool/pool_private.h"

#include <sys/syscall.h>
#include <unistd.h>

#define FEW_RUNNING 4u
/* Linux takes 0.1 to 100 ms (kernel/sched/syscalls.c); its own are about 3. */
#define SHORT_SLICE_NSEC UINT64_C(100000)
#define LONG_SLICE_NSEC UINT64_C(10000000)

/* struct sched_attr of sched_setattr(2), whose header and <sched.h> exclude each other. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_nsec, deadline_nsec, period_nsec; /* of SCHED_OTHER: the slice */
};

struct tenant_share *share_of(const struct execution *execution)
{
	return &execution->row->shares[execution->shard->number];
}

/* --- Workers ---------------------------------------------------------------------------------- */

/* Of the workers of a shard, for all who are there and one more, who may come at any moment. */
static unsigned fair_workers(const struct shard *shard)
{
	unsigned fair = shard->slot_count / (tenants_present(&shard->pool->tenants) + 1);

	return fair ? fair : 1;
}

bool share_may_run(const struct shard *shard, const struct tenant_share *share)
{
	unsigned idle = atomic_load(&shard->counters.idle);

	return idle > shard->reserve ||
	       (idle && atomic_load(&share->held) < fair_workers(shard));
}

void share_begin(struct slot *slot)
{
	struct tenant_share *share = share_of(slot->execution);

	share->running++;
	atomic_fetch_add(&share->held, 1);
	/* The slot keeps the row while it is held, the execution while it runs. */
	tenant_keep(share->tenant);
	slot->holder = share;
}

void share_end(struct execution *execution)
{
	share_of(execution)->running--;
	tenant_put(execution->row);
}

void share_let_go(struct slot *slot)
{
	struct tenant_share *share = slot->holder;

	if (!share)
		return;
	slot->holder = NULL;
	atomic_fetch_sub(&share->held, 1);
	tenant_put(share->tenant);
}

/* --- CPU -------------------------------------------------------------------------------------- */

static void cell_weigh(const struct slot *slot, unsigned divisor)
{
	/* Best effort: without it the cell weighs what it did. */
	cgroups_slot_cpu_divide(slot->shard->pool->cgroups, slot->number, divisor);
}

static void worker_slice(const struct slot *slot, uint64_t nsec)
{
	const struct attributes attributes = { .size = sizeof(attributes), .runtime_nsec = nsec };

	syscall(SYS_sched_setattr, slot->worker_pid, &attributes, 0);
}

/* The next power of two; less again only when far fewer run, and somebody else is there. */
static unsigned divisor_for(const struct shard *shard, const struct tenant_share *share)
{
	unsigned running = share->running + 1, divisor = share->weight_divisor;

	if (!share->running)
		return 1;
	if (running > divisor && divisor < CGROUP_DIVISOR_MAX)
		return divisor * 2;
	if (running * 4 <= divisor && tenants_present(&shard->pool->tenants) > 1)
		return divisor / 2;
	return divisor;
}

void share_cpu_give(struct slot *slot, const struct execution *execution)
{
	struct shard *shard = slot->shard;
	struct tenant_share *share = share_of(execution);
	unsigned divisor = divisor_for(shard, share);

	for (unsigned i = 0; divisor != share->weight_divisor && i < shard->slot_count; i++) {
		const struct slot *other = &shard->slots[i];

		if (other->execution && share_of(other->execution) == share)
			cell_weigh(other, divisor);
	}
	share->weight_divisor = divisor;
	cell_weigh(slot, divisor);
	if (tenants_present(&shard->pool->tenants) > 1)
		worker_slice(slot, divisor <= FEW_RUNNING ? SHORT_SLICE_NSEC : LONG_SLICE_NSEC);
}
