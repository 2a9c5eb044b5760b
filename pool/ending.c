// SPDX-License-Identifier: Apache-2.0
/*
 * pool/ending.c: the one verdict of an execution, from what the kernel and the ring can prove.
 *
 * In this order: an OOM kill that the cgroup counted, for its own limit; a budget that its
 * footprint saw exceeded; an OOM kill for want of memory around it; the daemon's own reason to end
 * it; the end record, which also outranks a deadline that it beat; the way the worker's process
 * died. The figures are the kernel's, never the worker's.
 */
#include "base/clock.h"
#include "bpf/calls.h"
#include "bpf/footprints.h"
#include "pool/pool_private.h"

#include <signal.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define PEAK_TURNS_MAX 64u

static void limit_hit(struct slot *slot, struct result *result, enum limit limit)
{
	result->limit = limit;
	result->limit_value = slot->execution->limits.values[limit];
}

static void limit_verdict(struct slot *slot, struct result *result, enum limit limit)
{
	limit_hit(slot, result, limit);
	result->verdict = VERDICT_LIMIT;
}

/*
 * The kernel killed for want of memory around the slot. Whichever of its processes that was, and
 * however it went on without that one.
 */
static void shortage_verdict(struct result *result)
{
	result->verdict = VERDICT_LOST;
	snprintf(result->reason, sizeof(result->reason),
		"the machine, or the daemon's group, ran out of memory, and the kernel ended it"
		" below its own limit");
}

static void record_verdict(struct slot *slot, struct result *result)
{
	switch (slot->end.ending) {
	case OUTPUT_ENDED_OK:
		result->verdict = VERDICT_OK;
		return;
	case OUTPUT_ENDED_ERROR:
		result->verdict = VERDICT_ERROR;
		result->exit_code = 1;
		return;
	case OUTPUT_ENDED_EXIT:
		result->exit_code = slot->end.exit_code & 0xff;
		result->verdict = result->exit_code ? VERDICT_EXIT : VERDICT_OK;
		return;
	case OUTPUT_ENDED_UNBEGUN:
		result->verdict = VERDICT_LOST;
		snprintf(result->reason, sizeof(result->reason), "its worker could not begin");
		return;
	}
	result->verdict = VERDICT_DENIED;
	snprintf(result->reason, sizeof(result->reason),
		"the worker reported an end that does not exist");
}

static void exit_verdict(struct slot *slot, struct result *result)
{
	const siginfo_t *info = &slot->worker_exit;

	if (!slot->worker_reaped) {
		result->verdict = VERDICT_LOST;
		snprintf(result->reason, sizeof(result->reason),
			"the worker's control socket broke");
	} else if (slot->unread) {
		result->verdict = VERDICT_LOST;
		snprintf(result->reason, sizeof(result->reason),
			"its worker died before it could begin");
	} else if (info->si_code == CLD_EXITED) {
		result->exit_code = info->si_status & 0xff;
		result->verdict = result->exit_code ? VERDICT_EXIT : VERDICT_OK;
	} else {
		result->signal = info->si_status;
		result->verdict = VERDICT_SIGNAL;
	}
}

static void ending_verdict(struct slot *slot, struct result *result)
{
	switch (slot->ending) {
	case ENDING_OUTPUT:
		limit_verdict(slot, result, LIMIT_OUTPUT);
		return;
	case ENDING_PROTOCOL:
		result->verdict = VERDICT_DENIED;
		snprintf(result->reason, sizeof(result->reason),
			"the program wrote what cannot be into its worker's output ring or socket, "
			"and was ended");
		return;
	case ENDING_CANCELLED:
		result->verdict = VERDICT_CANCELLED;
		snprintf(result->reason, sizeof(result->reason), "it was asked to end");
		return;
	default:
		break;
	}
	if (slot->reader.ended) {
		record_verdict(slot, result);
	} else if (slot->ending == ENDING_TIMEOUT) {
		limit_hit(slot, result, LIMIT_TIMEOUT);
		result->verdict = VERDICT_TIMEOUT;
	} else if (slot->ending == ENDING_CPU) {
		limit_verdict(slot, result, LIMIT_CPU_TIME);
	} else {
		exit_verdict(slot, result);
	}
}

static bool files_are_full(const struct slot *slot)
{
	struct statfs status;
	char path[48];

	/* Its pid may name a stranger by now. */
	if (slot->killed)
		return false;

	/* The mount is ours, and its place in the cell's read-only root cannot be changed from
	 * inside. */
	snprintf(path, sizeof(path), "/proc/%d/root/workspace", (int)slot->init_pid);
	return statfs(path, &status) == 0 && (status.f_bavail == 0 || status.f_ffree == 0);
}

/* A program that failed because it was refused something: the refusal is the verdict. */
static void refusal_verdict(struct slot *slot, struct result *result, uint64_t pids_refused)
{
	bool failed = result->verdict == VERDICT_ERROR || result->verdict == VERDICT_EXIT ||
		result->verdict == VERDICT_SIGNAL;

	if (pids_refused && failed)
		limit_verdict(slot, result, LIMIT_PIDS);
	else if (pids_refused && result->limit == RESULT_NO_LIMIT)
		limit_hit(slot, result, LIMIT_PIDS);
	else if (failed && files_are_full(slot))
		limit_verdict(slot, result, LIMIT_FILES);
}

/* The kernel's time of this execution alone; the group's has births and deaths in it. */
static void footprint_tell(const struct footprint *footprint, struct usage *usage)
{
	usage->traced = true;
	usage->cpu_usec = footprint->cpu_nsec / NSEC_PER_USEC;
	usage->system_calls = footprint->calls;
	usage->page_faults = footprint->faults;
	usage->processes = footprint->forks + 1;
}

/*
 * What the cgroup must be asked. A worker that was alone and lived to write its end record was not
 * killed for memory, and no process was refused to it.
 */
static unsigned figures_open(const struct slot *slot, const struct footprint *footprint)
{
	bool was_alone = !(footprint_leaves(footprint) & LEAVES_PROCESSES);

	if (!slot->footprint)
		return CGROUP_FIGURE_ALL;
	if (was_alone && slot->ending == ENDING_RECORD)
		return CGROUP_FIGURE_PEAK;
	return CGROUP_FIGURE_ALL & ~(unsigned)CGROUP_FIGURE_CPU;
}

/*
 * Into *usage, which has what was read before the execution. A peak is not asked for again while it
 * stands, but once in a while all the same, for what few calls charge.
 */
static void figures_read(struct slot *slot, const struct footprint *footprint,
	struct cgroup_usage *usage)
{
	unsigned figures = figures_open(slot, footprint);

	if (figures == CGROUP_FIGURE_PEAK && slot->peak_turns &&
	    slot_charges_nothing(slot, footprint)) {
		slot->peak_turns--;
		usage->memory_peak_bytes = slot->peak_bytes;
		return;
	}
	slot->peak_turns = cgroups_slot_usage(slot->shard->pool->cgroups, slot->number, figures,
				   usage) == 0 ? PEAK_TURNS_MAX : 0;
	slot->peak_bytes = usage->memory_peak_bytes;
}

void slot_verdict(struct slot *slot, struct result *result)
{
	const struct cgroup_usage *before = &slot->usage_before;
	struct cgroup_usage usage = *before;
	struct footprint footprint = { .calls = 0 };
	bool was_killed;

	if (slot->footprint)
		footprint = footprint_read(slot->footprint);
	figures_read(slot, &footprint, &usage);
	was_killed = usage.oom_kills > before->oom_kills;
	result->limit = RESULT_NO_LIMIT;
	if (was_killed && usage.memory_met > before->memory_met) {
		limit_verdict(slot, result, LIMIT_MEMORY);
	} else if (footprint.excess) {
		limit_verdict(slot, result, footprint.excess == FOOTPRINT_CALLS_EXCEEDED
				? LIMIT_SYSCALLS
				: LIMIT_CPU_TIME);
	} else if (was_killed) {
		shortage_verdict(result);
	} else {
		ending_verdict(slot, result);
		refusal_verdict(slot, result, usage.pids_refused - before->pids_refused);
	}
	if (usage.cpu_usec > before->cpu_usec)
		result->usage.cpu_usec = usage.cpu_usec - before->cpu_usec;
	result->usage.memory_peak_bytes = usage.memory_peak_bytes;
	if (slot->footprint)
		footprint_tell(&footprint, &result->usage);
}
