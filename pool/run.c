// SPDX-License-Identifier: Apache-2.0
/*
 * pool/run.c: one execution in a slot: begin, doorbells, deadline, end, answer.
 *
 * What a worker sends is a reason to look, never something to believe: the end is a record in the
 * ring, a death is what the kernel says of the process. The answer leaves before the reset begins.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "bpf/footprints.h"
#include "pool/pool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* So much output, from one timed look to the next, is a flood; so long its last part may lie. */
#define LOOK_BYTES_MANY (32u * 1024u)
#define LOOK_NSEC_MAX NSEC_PER_MSEC

static void deadline_fired(void *owner);
static void look_again(void *owner);

static const unsigned pipe_types[2] = { OP_STDOUT_PIPE, OP_STDERR_PIPE };

static void pipe_poll(struct slot *slot, unsigned which)
{
	struct slot_pipe *pipe = &slot->pipes[which];

	if (pipe->fd >= 0 && !pipe->polling)
		pipe->polling = loop_poll(slot->shard->loop, pipe_types[which], slot, pipe->fd,
					POLLIN) != 0;
}

/*
 * In nanoseconds, since it began. The footprint's counts up to when its processes left the CPU:
 * they have, for they share it with this thread.
 */
static uint64_t cpu_used(struct slot *slot)
{
	uint64_t before_usec = slot->usage_before.cpu_usec, used_usec = before_usec;

	if (slot->footprint)
		return footprint_read(slot->footprint).cpu_nsec;
	cgroups_slot_cpu_usec(slot->shard->pool->cgroups, slot->number, &used_usec);
	return used_usec > before_usec ? (used_usec - before_usec) * NSEC_PER_USEC : 0;
}

/* The deadline, or the moment at which the CPU limit could be reached at the earliest. */
static void deadline_arm(struct slot *slot, uint64_t now)
{
	const struct limits *limits = &slot->execution->limits;
	uint64_t cpu_limit = limits->values[LIMIT_CPU_TIME], used = cpu_used(slot), left, due;

	left = cpu_limit > used ? cpu_limit - used : 0;
	/* A cell runs on one CPU: it cannot use time faster than the clock. */
	due = now + (left > CPU_RECHECK_NSEC_MIN ? left : CPU_RECHECK_NSEC_MIN);
	loop_timer_arm(slot->shard->loop, &slot->timer,
		due < slot->deadline_nsec ? due : slot->deadline_nsec);
}

static bool cpu_is_used_up(struct slot *slot)
{
	return cpu_used(slot) >= slot->execution->limits.values[LIMIT_CPU_TIME];
}

static void deadline_fired(void *owner)
{
	struct slot *slot = owner;
	uint64_t now = clock_now_nsec();

	if (now >= slot->deadline_nsec)
		slot_end(slot, ENDING_TIMEOUT);
	else if (cpu_is_used_up(slot))
		slot_end(slot, ENDING_CPU);
	else
		deadline_arm(slot, now);
}

static void slot_begin(struct slot *slot, struct execution *execution, uint64_t now)
{
	slot->execution = execution;
	slot->ending = ENDING_NONE;
	slot->judged = false;
	slot->output_bytes = slot->dropped_bytes = slot->record_bytes = 0;
	slot->tails[0].written = slot->tails[1].written = 0;
	slot->idle_doorbells = 0;
	slot->sink_full = slot->lent = false;
	slot->room_bytes = slot->looked_bytes = 0;
	loop_timer_init(&slot->look_timer, look_again, slot);
	slot->end = (struct output_end){ 0 };
	slot->rewinds = false;
	slot_serves(slot, execution);
	slot->files_brought = execution->files_fd >= 0;
	execution->slot = slot;
	execution->started_nsec = now;
	execution->result = (struct result){ .limit = RESULT_NO_LIMIT };
	execution->result.usage.queue_usec = (now - execution->submitted_nsec) / NSEC_PER_USEC;
	slot->deadline_nsec = now + execution->limits.values[LIMIT_TIMEOUT];
	execution->result.due_nsec = slot->deadline_nsec;
}

/*
 * The execution could not begin here: the worker died while it was idle, or something ran short.
 * The next one takes it, but not for ever.
 */
static void slot_refuse(struct slot *slot, struct execution *execution, const char *what, int error)
{
	struct shard *shard = slot->shard;
	char reason[128];

	snprintf(reason, sizeof(reason), "%s: %s", what, error_text(error));
	shard_failed(shard, "slot %u: %s", slot->number, reason);
	slot_replace(slot, "dispatch");
	if (++execution->dispatches == EXECUTION_DISPATCHES_MAX)
		execution_reject(execution, VERDICT_LOST, reason);
	else if (shard_accept(shard, execution) < 0)
		execution_reject(execution, VERDICT_REJECTED, "the queue is full");
}

/* Its worker sleeps at the safe point, and in its cell only PID 1 is beside it. */
static void footprint_begin(struct slot *slot, const struct limits *limits)
{
	uint64_t calls_max = limits->values[LIMIT_SYSCALLS];

	if (!slot->footprint)
		return;
	slot->idle_faults = footprint_read(slot->footprint).faults;
	footprint_arm(slot->footprint, calls_max == LIMIT_SYSCALLS_NONE ? 0 : calls_max,
		limits->values[LIMIT_CPU_TIME]);
}

void slot_run(struct slot *slot, struct execution *execution)
{
	struct shard *shard = slot->shard;
	uint64_t now = clock_now_nsec(), cpu_time = execution->limits.values[LIMIT_CPU_TIME];
	int result = slot_limits_apply(slot, &execution->limits);

	if (result < 0) {
		slot_refuse(slot, execution, "its limits could not be applied", result);
		return;
	}
	footprint_begin(slot, &execution->limits);
	share_cpu_give(slot, execution);
	result = slot_dispatch(slot, execution);
	if (result < 0) {
		slot_refuse(slot, execution, "it could not be sent to its worker", result);
		return;
	}
	slot_begin(slot, execution, now);
	slot_enter(slot, SLOT_BUSY);
	shard->held_nsec = now;
	counters_began(&shard->counters, execution);
	share_begin(slot);
	slot->worker_waiting = loop_wait_child(shard->loop, OP_WORKER_EXIT, slot, slot->worker_pid,
				       &slot->worker_exit) != 0;
	pipe_poll(slot, 0);
	pipe_poll(slot, 1);
	slot_timer_set(slot, deadline_fired,
		now + cpu_time < slot->deadline_nsec ? now + cpu_time : slot->deadline_nsec);
}

/* Files that it left are looked at while its cell stands. */
static void workspace_show(const struct slot *slot)
{
	struct execution *execution = slot->execution;
	char path[48];

	if (!execution->left || slot->state != SLOT_BUSY || slot->killed)
		return;
	snprintf(path, sizeof(path), "/proc/%d/root/workspace", (int)slot->init_pid);
	AUTO_FD workspace = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (workspace >= 0)
		execution->left(execution, workspace);
}

static void slot_finish(struct slot *slot)
{
	struct execution *execution = slot->execution;
	struct result *result = &execution->result;
	struct shard *shard = slot->shard;

	slot_tails_deliver(slot);
	workspace_show(slot);
	slot_reset_choose(slot);
	result->usage.output_bytes = slot->output_bytes;
	result->usage.dropped_bytes = slot->dropped_bytes;
	counters_ended(&shard->counters, execution);
	slot->execution = NULL;
	execution->slot = NULL;
	share_end(execution);
	if (slot->state == SLOT_BUSY) {
		execution->done(execution);
		if (slot->rewinds)
			slot_rewind(slot);
		else
			slot_replace(slot, "policy");
	} else {
		execution->done(execution);
		slot_empty_when_quiet(slot);
	}
	/* Its tenant has one less: that may be what another of its waited for. */
	shard_dispatch(shard);
}

static void slot_judge(struct slot *slot)
{
	slot->judged = true;
	slot_verdict(slot, &slot->execution->result);
}

/*
 * Goes on with an execution whose end is known, once the caller has taken all its output. `found`
 * is what the last look for it brought.
 */
static void slot_settle(struct slot *slot, int64_t found)
{
	if (slot->sink_full && found >= 0) {
		/* The caller is slow; the cell need not wait for it. */
		workspace_show(slot);
		if (slot->state == SLOT_BUSY)
			slot_replace(slot, "policy");
		return;
	}
	if (!slot->judged)
		slot_judge(slot);
	slot_finish(slot);
}

void slot_end(struct slot *slot, enum ending ending)
{
	struct result *result = &slot->execution->result;

	if (slot->ending != ENDING_NONE)
		return;
	slot->ending = ending;
	loop_timer_disarm(slot->shard->loop, &slot->timer);
	loop_timer_disarm(slot->shard->loop, &slot->look_timer);
	/* An end of its own is judged while its cell stands: how full its files are says why. */
	if (ending != ENDING_RECORD && ending != ENDING_EXITED)
		slot_kill(slot);
	/* What it wrote before it was ended may hold the end record: look before judging. */
	if (ending != ENDING_PROTOCOL && ending != ENDING_RECORD && !slot->sink_full)
		slot_drain(slot);
	result->ended_nsec = clock_now_nsec();
	result->usage.wall_usec =
		(result->ended_nsec - slot->execution->started_nsec) / NSEC_PER_USEC;
	/* The end record may lie behind output that the caller has not taken: then not yet. */
	if (slot->reader.ended || !slot->sink_full)
		slot_judge(slot);
	/* Who tells of an end record has just looked, behind it into the pipes as well. */
	slot_settle(slot, ending == ENDING_RECORD ? 0 : slot_drain(slot));
}

/*
 * A little output is to be told of at once. Where much comes, a bell for each record would cost
 * more than the record: then the ring rings when it is half full, and we look now and then.
 */
static void next_look_arrange(struct slot *slot, uint64_t found)
{
	slot->looked_bytes += found;
	if (slot->looked_bytes < LOOK_BYTES_MANY)
		output_want_wake(&slot->reader, true);
	else if (!slot->look_timer.place &&
		loop_timer_arm(slot->shard->loop, &slot->look_timer,
			clock_now_nsec() + LOOK_NSEC_MAX) < 0)
		output_want_wake(&slot->reader, true);
}

/* Looks at everything there is, and ends the execution if that says so. */
static void slot_look(struct slot *slot)
{
	int64_t found = slot_drain(slot);

	/* A long output rings twice for one look; only a row of bells for nothing is a flood. */
	if (found > 0)
		slot->idle_doorbells = 0;
	if (found < 0)
		slot_end(slot, ENDING_PROTOCOL);
	else if (slot_is_over_output(slot))
		slot_end(slot, ENDING_OUTPUT);
	else if (slot->reader.ended)
		slot_end(slot, ENDING_RECORD);
	else if (found == 0 && !slot->sink_full &&
		++slot->idle_doorbells > EXECUTION_IDLE_DOORBELLS_MAX)
		slot_end(slot, ENDING_PROTOCOL);
	else if (slot->execution->stream && !slot->sink_full)
		next_look_arrange(slot, (uint64_t)found);
}

static void look_again(void *owner)
{
	struct slot *slot = owner;

	slot->looked_bytes = 0;
	if (!slot->sink_full)
		slot_doorbell(slot);
}

void slot_doorbell(struct slot *slot)
{
	struct output_record record;

	if (slot->ending != ENDING_NONE)
		return;
	slot_look(slot);
	/* A record that came between the last look and the wish for a wake-up rings no bell. */
	if (slot->ending == ENDING_NONE && slot->execution && !slot->sink_full &&
	    slot->execution->stream && output_peek(&slot->reader, &record) != 0)
		slot_look(slot);
}

void slot_deliver(struct slot *slot)
{
	slot->sink_full = false;
	if (slot->ending == ENDING_NONE) {
		slot->idle_doorbells = 0;
		slot_doorbell(slot);
		if (slot->ending == ENDING_NONE && slot->execution) {
			pipe_poll(slot, 0);
			pipe_poll(slot, 1);
		}
	} else {
		slot_settle(slot, slot_drain(slot));
	}
}

void execution_resume(struct execution *execution)
{
	if (execution->slot && execution->slot->sink_full)
		slot_deliver(execution->slot);
}

void slot_worker_gone(struct slot *slot)
{
	if (slot->state == SLOT_BUSY && slot->ending == ENDING_NONE)
		slot_end(slot, ENDING_EXITED);
}

static void pipe_ready(struct slot *slot, unsigned which, int32_t result)
{
	struct slot_pipe *pipe = &slot->pipes[which];

	pipe->polling = false;
	if (slot->state != SLOT_BUSY || slot->ending != ENDING_NONE) {
		slot_empty_when_quiet(slot);
		return;
	}
	slot->idle_doorbells = 0;
	slot_look(slot);
	/* At the end of the file there is nothing more to wait for; nor while nobody wants it. */
	if (slot->state == SLOT_BUSY && slot->ending == ENDING_NONE && !slot->sink_full &&
	    (result & POLLIN))
		pipe_poll(slot, which);
}

void slot_stdout_ready(void *owner, int32_t result)
{
	pipe_ready(owner, 0, result);
}

void slot_stderr_ready(void *owner, int32_t result)
{
	pipe_ready(owner, 1, result);
}

void execution_init(struct execution *execution)
{
	*execution = (struct execution){ .stdin_fd = -1, .files_fd = -1, .reset = RESET_REWIND };
	limits_init(&execution->limits);
	list_init(&execution->node);
}
