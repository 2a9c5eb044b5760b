// SPDX-License-Identifier: Apache-2.0
/*
 * pool/choice.c: what becomes of a worker behind its execution, and whom it may serve then.
 *
 * Rewound or replaced: the stricter of what the pool's configuration and the request ask for, and
 * of what the footprint proves. Nothing is done here; pool/rewind.c does it, and asks again when
 * the worker has stopped.
 */
#include "bpf/calls.h"
#include "bpf/footprints.h"
#include "pool/pool_private.h"
#include "snapshot/repair.h"

#include <stdio.h>
#include <string.h>

#define QUIET_CALLS_MAX 8u  /* two of them the stub's: its bell, its wait */

/* What can be put back, or be proved not to have been touched. */
uint32_t slot_mendable(const struct slot *slot)
{
	const struct image *image = slot->shard->image.image;
	const struct pool *pool = slot->shard->pool;
	uint32_t kinds = REPAIR_KINDS | LEAVES_FILES | LEAVES_SOCKETS;

	if (!image || !image->has_learnt)
		return LEAVES_NOTHING;
	/* Who is counted can be proved to have ended; their numbers have to begin again. */
	return pool->cells_stay && cgroups_count_tasks(pool->cgroups)
		       ? kinds
		       : kinds & ~(uint32_t)LEAVES_PROCESSES;
}

static enum reset_policy policy_of(const struct slot *slot, const struct execution *execution)
{
	return reset_policy_stricter(slot->shard->pool->config.reset, execution->reset);
}

/*
 * A record that another process began says nothing of this worker: another daemon's may have the
 * same uid. Where this daemon's pids are not the host's, none is ever this worker's.
 */
uint32_t slot_leaves(const struct slot *slot, const struct footprint *footprint)
{
	return footprint->worker == (uint32_t)slot->worker_pid ? footprint_leaves(footprint)
							       : LEAVES_ANYTHING;
}

/* What its request left in it: standard input as descriptor 0, files, its directory. */
static uint32_t request_leaves(const struct execution *execution)
{
	return (execution->stdin_fd >= 0 ? LEAVES_DESCRIPTORS : LEAVES_NOTHING) |
	       (execution->files_fd >= 0 ? LEAVES_FILES : LEAVES_NOTHING) |
	       (execution->directory ? LEAVES_PLACE : LEAVES_NOTHING);
}

static bool files_are_as_they_were(const struct slot *slot)
{
	struct residue_files now;

	return slot->cell_is_known && residue_files_read(slot->init_pid, &now) == 0 &&
	       memcmp(&now, &slot->files_at_birth, sizeof(now)) == 0;
}

static enum reset footprint_refuses(const struct slot *slot, const struct footprint *footprint)
{
	return slot->leaves & LEAVES_PROCESSES & ~slot_mendable(slot) ? RESET_BY_PROCESSES
	     : footprint->threads ? RESET_BY_THREADS
				  : RESET_BY_FOOTPRINT;
}

static enum reset reset_of(struct slot *slot)
{
	const struct execution *execution = slot->execution;
	struct shard *shard = slot->shard;
	struct footprint footprint;

	if (policy_of(slot, execution) == RESET_REPLACE)
		return RESET_BY_POLICY;
	if (!slot->footprint || !loop_hears_stops(shard->loop))
		return RESET_BY_KERNEL;
	if (slot->state != SLOT_BUSY || slot->killed || slot->ending != ENDING_RECORD)
		return RESET_BY_ENDING;
	if (!shard->image.image || slot->template_number != shard->image.template_number ||
	    slot_is_renewed(slot))
		return RESET_BY_IMAGE;
	footprint = footprint_read(slot->footprint);
	slot->leaves = slot_leaves(slot, &footprint) | request_leaves(execution);
	if (slot->leaves & ~slot_mendable(slot))
		return footprint_refuses(slot, &footprint);
	if (slot->leaves & LEAVES_FILES && !files_are_as_they_were(slot))
		return RESET_BY_FILES;
	return RESET_REWOUND;
}

void slot_reset_choose(struct slot *slot)
{
	struct result *result = &slot->execution->result;
	enum reset reset = reset_of(slot);

	slot->rewinds = reset == RESET_REWOUND;
	snprintf(result->reset, sizeof(result->reset), "%s", reset_names[reset]);
	atomic_fetch_add(&slot->shard->counters.resets[reset], 1);
}

void slot_serves(struct slot *slot, const struct execution *execution)
{
	enum reset_policy policy = policy_of(slot, execution);

	slot->is_shared = slot->rewound && (slot->is_shared || slot->tenant != execution->tenant);
	slot->served = slot->rewound ? reset_policy_stricter(slot->served, policy) : policy;
	slot->tenant = execution->tenant;
}

bool slot_fits(const struct slot *slot, const struct execution *execution)
{
	enum reset_policy policy = policy_of(slot, execution);

	if (!slot_can_have_rlimits(slot, &execution->limits))
		return false;
	if (!slot->rewound)
		return true;
	if (policy == RESET_REPLACE)
		return false;
	/* Whoever asked for auto, before or now, shares the worker with nobody. */
	if (policy == RESET_REWIND && slot->served == RESET_REWIND)
		return true;
	return slot->tenant == execution->tenant && !slot->is_shared;
}

/*
 * Memory is charged at a page fault, with files, and a little at calls (a name that was looked up).
 * So few of them, as often as the same peak is told, charge less than the 256 KiB by which the
 * kernel counts ahead (MEMCG_CHARGE_BATCH, Linux mm/memcontrol.c).
 */
bool slot_charges_nothing(const struct slot *slot, const struct footprint *footprint)
{
	return slot_leaves(slot, footprint) == LEAVES_NOTHING && !slot->files_brought &&
	       !footprint->faults && !slot->idle_faults && footprint->calls <= QUIET_CALLS_MAX;
}
