// SPDX-License-Identifier: Apache-2.0
/*
 * pool/rewind.c: a worker rewound in place of a death.
 *
 * After an execution that allows it (pool/choice.c) its worker is stopped (pool/hold.c). What it
 * left besides memory and registers it mends itself, on an errand of ours (snapshot/repair.h),
 * which takes a second stop; most programs need none. Then its memory and registers are made the
 * image's, what it shares with the daemon is emptied, and it is IDLE again, in the cell that it
 * has.
 *
 * Nothing is guessed. A footprint that allows anything else, a mapping table that stays different,
 * a page that cannot be restored, a cell that is not as it was: the worker is killed and replaced,
 * as if there were no rewinding.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "bpf/footprints.h"
#include "pool/pool_private.h"
#include "snapshot/repair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Own pages that are to be given back and not written again: so many at once, and fewer if there
 * were more than those for some turns, which costs those who do need them little.
 */
#define OWN_PAGES_MAX 2048u
#define OWN_PAGES_MANY 512u
#define CROWDED_TURNS_MAX 16u

/* What came between its end record and the stop; nobody is to read it. */
static void pipes_empty(struct slot *slot)
{
	char bytes[4096];

	for (int i = 0; i < 2; i++)
		while (slot->pipes[i].fd >= 0 && read(slot->pipes[i].fd, bytes, sizeof(bytes)) > 0)
			;
}

static int mappings_compare_now(const struct slot *slot, struct repair_needs *needs)
{
	return image_compare_mappings(slot->shard->image.image, slot->worker_pid,
		slot->channel_inode, needs->changes, MAPPINGS_CHANGES_MAX, &needs->change_count);
}

static bool is_crowded(struct slot *slot, const struct footprint *footprint)
{
	uint64_t pages = slot->own_pages + footprint->faults;
	bool is_many = pages > OWN_PAGES_MANY;
	bool is_crowded = pages > OWN_PAGES_MAX ||
			  (is_many && slot->crowded_turns >= CROWDED_TURNS_MAX);

	slot->crowded_turns = is_many && !is_crowded ? slot->crowded_turns + 1 : 0;
	return is_crowded;
}

/*
 * Of its pages and its mapping table. Pages of its own are only added by a fault, and a mapping
 * changes only by a call (which the footprint tells) or, the stack, by a fault.
 */
static int memory_needs(
	struct slot *slot, const struct footprint *footprint, struct repair_needs *needs)
{
	if (footprint->faults || slot->idle_faults || needs->leaves & LEAVES_MEMORY)
		image_own_forget(&slot->own);
	if (slot->shard->image.image->has_learnt)
		needs->gives_pages_back = is_crowded(slot, footprint);
	if (needs->gives_pages_back)
		image_own_forget(&slot->own);
	return slot->own.image ? 0 : mappings_compare_now(slot, needs);
}

static int memory_restore(struct slot *slot)
{
	const struct image *image = slot->shard->image.image;
	uint64_t pages = 0;
	int result = image_apply_memory(image, slot->worker_pid, &slot->own, &pages);

	slot->own_pages = pages;
	if (result == 0)
		histogram_add(&slot->shard->counters.rewind_pages, pages);
	return result;
}

static int shared_empty(struct slot *slot)
{
	int result = channel_empty(slot->channel, &slot->channel_pages);

	pipes_empty(slot);
	output_reader_init(&slot->reader, slot->channel);
	return result;
}

static int worker_let_go(struct slot *slot)
{
	int result = image_apply_registers(slot->shard->image.image, &slot->tracee);

	if (result == 0)
		result = slot_prove(slot);
	if (result < 0)
		return result;
	/* From here on whatever it faults in is counted again, the way back included. */
	footprint_arm(slot->footprint, 0, 0);
	result = tracee_end(&slot->tracee);
	/* Who of it asked for no process was refused none. */
	slot->pids_known = !(slot->leaves & LEAVES_PROCESSES);
	/* Else nothing was charged, and nobody killed for it. */
	return result == 0 && !slot->peak_turns ? slot_usage_begin(slot) : result;
}

static int worker_restore(struct slot *slot)
{
	struct shard *shard = slot->shard;
	int result = memory_restore(slot);

	if (result == 0)
		result = shared_empty(slot);
	if (result == 0)
		result = worker_let_go(slot);
	if (result < 0)
		return result;
	slot->rewound = true;
	atomic_fetch_add(&shard->counters.rewinds, 1);
	histogram_add(&shard->counters.rewind_durations, clock_now_nsec() - slot->held_nsec);
	slot_idle(slot);
	return 0;
}

/* What of it the program could have changed, by what it called until it stopped. */
static bool cell_is_as_it_was(struct slot *slot)
{
	const struct shard *shard = slot->shard;

	/* Its processes were asked for: the worker is one of them. */
	return residue_is_none(shard->pool->cgroups, slot->number, &shard->networks,
		slot->init_pid, &slot->files_at_birth,
		slot->leaves & LEAVES_IN_CELL & ~(uint32_t)LEAVES_PROCESSES);
}

static int repairs_prove(struct slot *slot)
{
	const struct repair_files files = {
		.inodes = { 0, slot_inode_of(slot->pipes[0].fd), slot_inode_of(slot->pipes[1].fd),
			slot->control_inode },
	};
	struct repair_needs left = { .leaves = 0 };
	int result = errand_check(&slot->errand, &slot->tracee);

	if (result == 0)
		result = repair_check(&slot->errand, slot->mending, &files);
	if (result == 0 && slot->leaves & LEAVES_MEMORY)
		result = mappings_compare_now(slot, &left);
	if (result == 0 && (left.change_count || !cell_is_as_it_was(slot)))
		result = -ENOTSUP;
	if (result == 0 && slot->leaves & LEAVES_PROCESSES)
		result = pidns_restart(&slot->shard->pool->pidns, slot->init_pid);
	return result;
}

static int repairs_begin(struct slot *slot, const struct repair_needs *needs);

/* Pages of its own in more places than there is room for are given back, with a second errand. */
static int worker_restore_at_last(struct slot *slot)
{
	const struct repair_needs pages = { .gives_pages_back = true };
	int result = worker_restore(slot);

	return result == -E2BIG && !slot->gave_pages_back ? repairs_begin(slot, &pages) : result;
}

static void worker_repaired(struct slot *slot)
{
	int result = repairs_prove(slot);

	if (result == 0)
		result = worker_restore_at_last(slot);
	if (result < 0)
		slot_hold_failed(slot, "what it left cannot be mended", result);
}

static void errand_done(struct slot *slot)
{
	if (slot->leaves & LEAVES_PROCESSES)
		slot_others_await(slot, worker_repaired);
	else
		worker_repaired(slot);
}

static int repairs_begin(struct slot *slot, const struct repair_needs *needs)
{
	const struct image *image = slot->shard->image.image;
	int result;

	if (!image->has_learnt)
		return -ENOTSUP;
	if (fault("rewind.errand"))
		return -EPROTO;
	slot_errand_init(slot);
	repair_plan(&slot->errand, image, needs);
	slot->mending = needs->leaves;
	slot->gave_pages_back = needs->gives_pages_back;
	slot->channel_pages.known = false;
	/* What it does now is not the program's. */
	footprint_stop(slot->footprint);
	result = slot_stop_await(slot, errand_done);
	return result == 0 ? errand_start(&slot->errand, &slot->tracee, &image->registers.general,
				     image->posture.rseq)
			   : result;
}

/* Between its end record and the stop it ran on, its children until their end. */
static int leaves_look(struct slot *slot, const struct footprint *footprint)
{
	slot->leaves |= slot_leaves(slot, footprint);
	return slot->leaves & ~slot_mendable(slot) ? -ENOTSUP : 0;
}

/*
 * The rest of a sleep that the stop interrupted is remembered by the kernel alone, for
 * restart_syscall(2), whatever registers are set: the next program could go on with it.
 */
static int call_is_over(const struct slot *slot)
{
	struct user_regs_struct registers;
	int result = tracee_get_general(&slot->tracee, &registers);

	return result == 0 && !tracee_can_repeat(&registers) ? -ENOTSUP : result;
}

/* Those that it can reap; corral-init does that to the others. */
static int children_needs(const struct slot *slot, struct repair_needs *needs)
{
	int unreaped = slot_others_unreaped(slot);

	if (unreaped < 0 || unreaped > (int)REPAIR_CHILDREN_MAX)
		return unreaped < 0 ? unreaped : -ENOTSUP;
	needs->children = (unsigned)unreaped;
	return 0;
}

/* The worker is stopped, and alone. */
static int worker_mend(struct slot *slot)
{
	const struct footprint footprint = footprint_read(slot->footprint);
	struct repair_needs needs = { .change_count = 0 };
	int result = leaves_look(slot, &footprint);

	if (result < 0)
		return result;
	if (slot->leaves || !slot_charges_nothing(slot, &footprint)) {
		slot->peak_turns = 0;
		slot->channel_pages.known = false;
	}
	result = call_is_over(slot);
	if (result < 0)
		return result;
	needs.leaves = slot->leaves;
	result = memory_needs(slot, &footprint, &needs);
	if (result == 0 && slot->leaves & LEAVES_PROCESSES)
		result = children_needs(slot, &needs);
	if (result < 0)
		return result;
	if (slot->leaves & LEAVES_LIMITS)
		slot_rlimits_wanted(slot, slot->shard->image.image, needs.limits);
	/* The stack grew, without a call. */
	if (needs.change_count)
		slot->leaves |= LEAVES_MEMORY;
	if (!repair_is_needed(&needs))
		return cell_is_as_it_was(slot) ? worker_restore_at_last(slot) : -ENOTSUP;
	return repairs_begin(slot, &needs);
}

static void worker_is_alone(struct slot *slot)
{
	int result = worker_mend(slot);

	if (result < 0)
		slot_hold_failed(slot, "its state cannot be restored", result);
}

static void worker_stopped(struct slot *slot)
{
	const struct footprint footprint = footprint_read(slot->footprint);
	int result = leaves_look(slot, &footprint);

	if (fault("rewind.stop"))
		result = -EPROTO;
	/* A signal was first, its own or a child's. */
	else if (slot->tracee.stop != TRACEE_INTERRUPTED)
		result = -ENOTSUP;
	if (result < 0)
		slot_hold_failed(slot, "its state cannot be restored", result);
	else if (slot->leaves & LEAVES_PROCESSES)
		slot_others_end(slot, worker_is_alone);
	else
		worker_is_alone(slot);
}

void slot_rewind(struct slot *slot)
{
	slot_enter(slot, SLOT_HELD);
	slot->gave_pages_back = false;
	/* A worker in vfork(2) stops for nobody before its child has ended. */
	if (slot->leaves & LEAVES_PROCESSES)
		slot_others_kill(slot);
	slot_hold(slot, worker_stopped);
}
