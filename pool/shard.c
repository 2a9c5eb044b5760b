// SPDX-License-Identifier: Apache-2.0
/*
 * pool/shard.c: a shard's thread: what it starts, what it hears of, how it ends.
 *
 * The thread starts every process of the shard, because PDEATHSIG is tied to the thread that is the
 * parent; it lives until the last of them is reaped.
 */
#include "pool/shard.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "pool/pool_private.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define OPS_PER_SLOT 8u /* two of them for strays */
#define OPS_OF_SHARD 18u
#define SHARD_NICE (-10)
#define IDLE_LOW_PART 4u /* low: not more than this part of the workers is idle */
#define BIRTH_PAUSE_NSEC_MIN (10 * NSEC_PER_MSEC)
#define BIRTH_PAUSE_NSEC_MAX (5 * NSEC_PER_SEC)

const struct loop_op_type shard_op_types[OP_COUNT] = {
	[OP_NURSERY_RECEIVE] = { "nursery-receive", nursery_received },
	[OP_NURSERY_EXIT] = { "nursery-exit", nursery_exited },
	[OP_TEMPLATE_RECEIVE] = { "template-receive", template_received },
	[OP_TEMPLATE_EXIT] = { "template-exit", template_exited },
	[OP_CONTROL] = { "control", slot_control_received },
	[OP_WORKER_EXIT] = { "worker-exit", slot_worker_exited },
	[OP_INIT_EXIT] = { "init-exit", slot_init_exited },
	[OP_STDOUT_PIPE] = { "stdout-pipe", slot_stdout_ready },
	[OP_STDERR_PIPE] = { "stderr-pipe", slot_stderr_ready },
	[OP_STRAY_EXIT] = { "stray-exit", stray_exited },
};

static _Thread_local struct shard *current;

struct shard *shard_current(void)
{
	return current;
}

void shard_failed(struct shard *shard, const char *format, ...)
{
	va_list list;

	pthread_mutex_lock(&shard->inbox_lock);
	va_start(list, format);
	vsnprintf(shard->last_failure, sizeof(shard->last_failure), format, list);
	va_end(list);
	pthread_mutex_unlock(&shard->inbox_lock);
	log_warning("shard %u: %s", shard->number, shard->last_failure);
	pool_changed(shard->pool);
}

static atomic_uint *state_counter(struct shard *shard, enum slot_state state)
{
	switch (state) {
	case SLOT_IDLE:
		return &shard->counters.idle;
	case SLOT_BUSY:
		return &shard->counters.busy;
	case SLOT_QUARANTINED:
		return &shard->counters.dead;
	default:
		return &shard->counters.resetting;
	}
}

void shard_state_changed(struct shard *shard, enum slot_state from, enum slot_state to)
{
	atomic_fetch_sub(state_counter(shard, from), 1);
	atomic_fetch_add(state_counter(shard, to), 1);
	shard->coming += slot_is_coming(to);
	shard->coming -= slot_is_coming(from);
	if (to == SLOT_IDLE)
		pool_changed(shard->pool);
}

struct slot *shard_slot(struct shard *shard, uint32_t number)
{
	uint32_t first = shard->slots[0].number;

	return number >= first && number - first < shard->slot_count ? &shard->slots[number - first]
								     : NULL;
}

/* The last one out turns off the light. */
void shard_stop_when_quiet(struct shard *shard)
{
	if (!shard->stopping || shard->nursery.pid || !shard_templates_are_gone(shard))
		return;
	unsigned quarantined = 0;

	for (unsigned i = 0; i < shard->slot_count; i++) {
		if (shard->slots[i].state == SLOT_QUARANTINED)
			quarantined++;
		else if (shard->slots[i].state != SLOT_EMPTY)
			return;
	}
	/* What does not die is told, and does not keep us. */
	if (quarantined || loop_inflight(shard->loop, -1) == 0)
		loop_stop(shard->loop);
}

bool shard_has_few_idle(const struct shard *shard)
{
	return atomic_load(&shard->counters.idle) <= shard->slot_count / IDLE_LOW_PART;
}

bool shard_is_low(const struct shard *shard)
{
	return shard_has_few_idle(shard) ||
	       atomic_load(&shard->counters.unborn) >= SHARD_UNBORN_MAX;
}

/* Later than the low shard is spared by submitters: perhaps it catches up beside no execution. */
static bool births_are_urgent(const struct shard *shard)
{
	return shard_has_few_idle(shard) || shard->misfits || shard_renews(shard) ||
	       atomic_load(&shard->counters.unborn) >= 2 * SHARD_UNBORN_MAX;
}

/*
 * A birth costs as much CPU as a short execution, and both want the same CPU: while executions
 * follow each other, births wait, unless workers run low or the execution turns out to be long. Low
 * is also a long list of the unborn: a few slots that live again and again keep their groups and
 * their network namespaces, where many would make new ones.
 */
static bool births_may_go_on(struct shard *shard)
{
	uint64_t now;

	if (shard->birth_paused || !shard->nursery.pid || shard->building >= SHARD_BUILDING_MAX)
		return false;
	if (!atomic_load(&shard->counters.busy) || births_are_urgent(shard))
		return true;
	now = clock_now_nsec();
	if (now - shard->held_nsec >= SHARD_BIRTH_HOLD_NSEC)
		return true;
	if (!shard->birth_hold.place)
		loop_timer_arm(shard->loop, &shard->birth_hold, now + SHARD_BIRTH_HOLD_NSEC);
	return false;
}

static void birth_hold_over(void *owner)
{
	shard_births_go_on(owner);
}

void shard_births_go_on(struct shard *shard)
{
	struct list *node;

	if (shard->stopping) {
		shard_stop_when_quiet(shard);
		return;
	}
	while (births_may_go_on(shard) && (node = list_pop(&shard->unborn))) {
		/* One after the other, then, while an execution is long: it wants the CPU too. */
		shard->held_nsec = clock_now_nsec();
		atomic_fetch_sub(&shard->counters.unborn, 1);
		slot_build(list_owner(node, struct slot, node));
	}
}

static void birth_pause_over(void *owner)
{
	struct shard *shard = owner;
	struct error error;

	shard->birth_paused = false;
	if (!shard->stopping && !shard->nursery.pid && nursery_start(&shard->nursery, &error) < 0) {
		shard_failed(shard, "%s, retrying", error.sentence);
		shard_births_pause(shard);
	}
	shard_births_go_on(shard);
}

void shard_births_pause(struct shard *shard)
{
	uint64_t pause = shard->birth_pause_nsec * 2;

	if (shard->birth_paused || shard->stopping)
		return;
	pause = pause < BIRTH_PAUSE_NSEC_MIN ? BIRTH_PAUSE_NSEC_MIN : pause;
	shard->birth_pause_nsec = pause > BIRTH_PAUSE_NSEC_MAX ? BIRTH_PAUSE_NSEC_MAX : pause;
	shard->birth_paused = true;
	loop_timer_arm(
		shard->loop, &shard->birth_pause, clock_now_nsec() + shard->birth_pause_nsec);
}

static void nursery_replied(void *owner, const struct cell_reply *reply)
{
	struct slot *slot = shard_slot(owner, reply->slot);

	if (slot)
		slot_cell_replied(slot, reply);
}

static void nursery_lost(void *owner)
{
	struct shard *shard = owner;

	if (!shard->stopping)
		shard_failed(shard, "the nursery ended, starting it again");
	for (unsigned i = 0; i < shard->slot_count; i++)
		slot_nursery_lost(&shard->slots[i]);
	strays_end(shard, true);
	shard_births_pause(shard);
	shard_stop_when_quiet(shard);
}

static void everything_ends(struct shard *shard)
{
	shard->stopping = true;
	loop_timer_disarm(shard->loop, &shard->birth_pause);
	loop_timer_disarm(shard->loop, &shard->birth_hold);
	shard_renewal_stop(shard);
	shard_queue_cancel(shard);
	for (unsigned i = 0; i < shard->slot_count; i++) {
		struct slot *slot = &shard->slots[i];

		if (slot->state == SLOT_BUSY)
			slot_end(slot, ENDING_CANCELLED);
		else if (slot->state == SLOT_EMPTY && slot_has_cell(slot))
			slot_replace(slot, "stop");
		else if (slot->state != SLOT_EMPTY && slot->state != SLOT_ENDING &&
			slot->state != SLOT_QUARANTINED)
			slot_replace(slot, "stop");
	}
	if (shard->pool->config.service)
		shard->pool->config.service->stop(
			shard->pool->config.service->owner, shard->number);
	nursery_stop(&shard->nursery);
	shard_templates_stop(shard);
	shard_stop_when_quiet(shard);
}

static void shard_woken(void *owner)
{
	struct shard *shard = owner;

	atomic_store(&shard->pulse_asked, false);
	shard_inbox_take(shard);
	if (atomic_exchange(&shard->attention, false))
		shard_executions_attend(shard);
	if (atomic_exchange(&shard->service_woken, false))
		shard->pool->config.service->woken(
			shard->pool->config.service->owner, shard->number);
	if (atomic_load(&shard->pool->stopping) && !shard->stopping)
		everything_ends(shard);
	else
		shard_stop_when_quiet(shard);
}

void shard_stop(struct shard *shard)
{
	loop_wake(shard->loop);
}

/*
 * Beside its workers on one CPU, and before them when both want it: at once. A thread that is only
 * favoured waits for the end of a worker's slice, and with it every tenant's execution that could
 * begin. What it starts is as any other process again.
 */
static void thread_settle(struct shard *shard)
{
	const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)shard->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	/*
	 * Best effort: both need CAP_SYS_NICE, and the first is refused in a v1 cpu group without a
	 * realtime budget. A niceness is of this thread alone, on Linux (setpriority(2)).
	 */
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) < 0)
		setpriority(PRIO_PROCESS, 0, SHARD_NICE);
}

static int shard_open(struct shard *shard, struct error *error)
{
	const struct pool_service *service = shard->pool->config.service;
	struct loop_config loop_config = {
		.types = shard->pool->op_types,
		.type_count = shard->pool->op_type_count,
		.ops_max = shard->slot_count * OPS_PER_SLOT + shard->queue_max +
			OPS_OF_SHARD + (service ? service->ops_max : 0),
		.receives = service != NULL,
		.woken = shard_woken,
		.owner = shard,
	};
	int result = loop_new(&shard->loop, &loop_config);

	if (result < 0)
		return error_set(error, result,
			"cannot set up io_uring: %s; check the sysctl kernel.io_uring_disabled",
			error_text(result));
	struct nursery_config nursery = {
		.program = shard->pool->init_program,
		.uid_first = shard->pool->uid_first,
		.uid_count = shard->pool->config.workers,
		.cpu = shard->cpu,
		.loop = shard->loop,
		.receive_type = OP_NURSERY_RECEIVE,
		.exit_type = OP_NURSERY_EXIT,
		.owner = shard,
		.replied = nursery_replied,
		.lost = nursery_lost,
	};
	cgroups_entrance(shard->pool->cgroups, &nursery.entrance);
	nursery_init(&shard->nursery, &nursery);
	shard_templates_init(shard);
	loop_timer_init(&shard->birth_pause, birth_pause_over, shard);
	loop_timer_init(&shard->birth_hold, birth_hold_over, shard);
	result = netns_pool_init(&shard->networks, SHARD_NETNS_SPARE_MAX);
	if (result < 0)
		error_set(error, result, "no memory for %u network namespaces",
			SHARD_NETNS_SPARE_MAX);
	if (result == 0)
		result = nursery_start(&shard->nursery, error);
	if (result == 0)
		result = shard_templates_start(shard, error);
	return result;
}

struct start {
	struct shard *shard;
	struct error *error;
	int result;
	pthread_barrier_t opened;
};

static void *shard_main(void *argument)
{
	struct start *start = argument;
	struct shard *shard = start->shard;
	int result;

	current = shard;
	thread_settle(shard);
	result = start->result = shard_open(shard, start->error);
	pthread_barrier_wait(&start->opened);
	/*
	 * `start` is gone from here on. A half-opened shard runs until what it started is reaped.
	 */
	if (shard->loop) {
		if (result < 0)
			everything_ends(shard);
		shard_births_go_on(shard);
		result = loop_run(shard->loop);
		if (result < 0)
			log_error("shard %u: io_uring failed: %s, closing", shard->number,
				error_text(result));
	}
	return NULL;
}

int shard_start(struct shard *shard, struct error *error)
{
	struct start start = { .shard = shard, .error = error };
	int result;

	list_init(&shard->idle);
	list_init(&shard->unborn);
	list_init(&shard->childless);
	list_init(&shard->turns);
	list_init(&shard->inbox);
	pthread_mutex_init(&shard->inbox_lock, NULL);
	counters_init(&shard->counters, shard->slot_count);
	shard->coming = shard->slot_count;
	for (unsigned i = 0; i < shard->slot_count; i++)
		list_append(&shard->unborn, &shard->slots[i].node);
	pthread_barrier_init(&start.opened, NULL, 2);
	result = fault("shard.thread") ? -EAGAIN
				      : -pthread_create(&shard->thread, NULL, shard_main, &start);
	if (result == 0) {
		pthread_barrier_wait(&start.opened);
		result = start.result;
		if (result < 0)
			pthread_join(shard->thread, NULL);
	} else {
		error_set(error, result, "cannot start a shard's thread: %s", error_text(result));
	}
	pthread_barrier_destroy(&start.opened);
	return result;
}
