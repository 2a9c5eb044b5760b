// SPDX-License-Identifier: Apache-2.0
/*
 * pool/rewind.c: a worker rewound in place of a death.
 *
 * After an execution whose footprint leaves nothing but memory and registers, its worker is stopped
 * (pool/hold.c), its memory and registers are made the image's, what it shares with the daemon is
 * emptied, and it is IDLE again, in the cell and with the descriptors that it has.
 *
 * Nothing is guessed. A footprint that allows anything else, a mapping table that differs, a page
 * that cannot be restored: the worker is killed and replaced, as if there were no rewinding.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "bpf/calls.h"
#include "bpf/footprints.h"
#include "pool/pool_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OWN_PAGES_MAX 4096u /* 16 MiB: more is faster born anew */

/* --- Who can be rewound ----------------------------------------------------------------------- */

/* What a dispatch sets in the worker for good: hard limits go down and never up. */
static bool rlimits_are_standard(const struct slot *slot, const struct limits *limits)
{
	const uint64_t *now = limits->values;
	const uint64_t *standard = slot->shard->pool->config.limits.values;

	return now[LIMIT_OPEN_FILES] == standard[LIMIT_OPEN_FILES] &&
	       now[LIMIT_FILES] == standard[LIMIT_FILES] &&
	       now[LIMIT_PIDS] == standard[LIMIT_PIDS];
}

/*
 * A record that another process began says nothing of this worker: another daemon's may have the
 * same uid. Where this daemon's pids are not the host's, none is ever this worker's.
 */
static bool leaves_nothing(const struct slot *slot, const struct footprint *footprint)
{
	return footprint->worker == (uint32_t)slot->worker_pid &&
	       footprint_leaves(footprint) == LEAVES_NOTHING;
}

static const char *refusal_of(const struct slot *slot)
{
	const struct execution *execution = slot->execution;
	const struct shard *shard = slot->shard;
	struct footprint footprint;

	if (shard->pool->config.reset == RESET_REPLACE)
		return "policy";
	if (!slot->footprint || !loop_hears_stops(shard->loop))
		return "kernel";
	if (slot->state != SLOT_BUSY || slot->killed || slot->ending != ENDING_RECORD)
		return "ending";
	if (!shard->image.image || slot->template_number != shard->template.restarts)
		return "image";
	if (execution->stdin_fd >= 0 || execution->files_fd >= 0)
		return "files";
	if (!rlimits_are_standard(slot, &execution->limits))
		return "limits";
	footprint = footprint_read(slot->footprint);
	return leaves_nothing(slot, &footprint) ? NULL : "footprint";
}

void slot_reset_choose(struct slot *slot)
{
	const char *refusal = refusal_of(slot);
	struct result *result = &slot->execution->result;

	slot->rewinds = !refusal;
	if (refusal)
		snprintf(result->reset, sizeof(result->reset), "replace:%s", refusal);
	else
		snprintf(result->reset, sizeof(result->reset), "rewind");
}

bool slot_fits(const struct slot *slot, const struct execution *execution)
{
	if (!slot->rewound)
		return true;
	return rlimits_are_standard(slot, &execution->limits) &&
	       (slot->shard->pool->config.reset == RESET_REWIND ||
		       slot->tenant == execution->tenant);
}

/* --- Rewinding -------------------------------------------------------------------------------- */

/* What came between its end record and the stop; nobody is to read it. */
static void pipes_empty(struct slot *slot)
{
	char bytes[4096];

	for (int i = 0; i < 2; i++)
		while (slot->pipes[i].fd >= 0 && read(slot->pipes[i].fd, bytes, sizeof(bytes)) > 0)
			;
}

/*
 * Pages of its own are only added by a fault, and a mapping changes only by a call (which the
 * footprint has ruled out) or, the stack, by a fault.
 */
static int memory_restore(struct slot *slot, const struct footprint *footprint)
{
	const struct image *image = slot->shard->image.image;
	struct mapping_change changes[1];
	uint64_t pages = 0;
	unsigned count = 0;
	int result = 0;

	if (footprint->faults || slot->idle_faults)
		slot->own.image = NULL;
	if (!slot->own.image)
		result = image_compare_mappings(image, slot->worker_pid, slot->channel_inode,
			changes, 1, &count);
	if (result == 0 && count)
		result = -ENOTSUP;
	if (result == 0)
		result = image_apply_memory(image, slot->worker_pid, &slot->own, &pages);
	if (result == 0 && pages > OWN_PAGES_MAX)
		result = -E2BIG;
	atomic_fetch_add(&slot->shard->counters.rewind_pages, pages);
	return result;
}

static int worker_restore(struct slot *slot)
{
	struct footprint footprint = footprint_read(slot->footprint);
	int result;

	if (fault("rewind.stop"))
		return -EPROTO;
	if (slot->tracee.stop != TRACEE_INTERRUPTED)
		return -EPROTO;
	/* Between its end record and the stop it ran on. */
	if (!leaves_nothing(slot, &footprint))
		return -ENOTSUP;
	result = memory_restore(slot, &footprint);
	if (result == 0)
		result = image_apply_registers(slot->shard->image.image, &slot->tracee);
	if (result < 0)
		return result;
	pipes_empty(slot);
	result = channel_empty(slot->channel);
	if (result < 0)
		return result;
	output_reader_init(&slot->reader, slot->channel);
	/* From here on whatever it faults in is counted again, the way back included. */
	footprint_arm(slot->footprint, 0, 0);
	return tracee_end(&slot->tracee);
}

static void worker_held(struct slot *slot)
{
	struct shard *shard = slot->shard;
	int result = worker_restore(slot);

	/* Nobody of it asked for a process, so none was refused. */
	slot->pids_known = true;
	if (result == 0)
		result = slot_usage_begin(slot);
	if (result < 0) {
		slot_hold_failed(slot, "its state cannot be restored", result);
		return;
	}
	slot->rewound = true;
	atomic_fetch_add(&shard->counters.rewinds, 1);
	histogram_add(&shard->counters.rewind_durations, clock_now_nsec() - slot->held_nsec);
	slot_idle(slot);
}

void slot_rewind(struct slot *slot)
{
	slot_enter(slot, SLOT_HELD);
	slot_hold(slot, worker_held);
}
