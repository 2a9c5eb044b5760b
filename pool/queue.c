// SPDX-License-Identifier: Apache-2.0
/*
 * pool/queue.c: how executions come to a shard, and wait there.
 *
 * From the shard's own thread they are accepted at once; other threads post them into the inbox
 * and wake the loop. Who finds no idle worker waits in line, oldest first, for as long as it wants.
 */
#include "base/clock.h"
#include "pool/pool_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

void execution_reject(struct execution *execution, enum verdict verdict, const char *reason)
{
	uint64_t now = clock_now_nsec();

	execution->result = (struct result){
		.verdict = verdict,
		.limit = RESULT_NO_LIMIT,
		.ended_nsec = now,
		.usage.queue_usec = (now - execution->submitted_nsec) / NSEC_PER_USEC,
	};
	snprintf(execution->result.reason, sizeof(execution->result.reason), "%s", reason);
	counters_refused(&execution->shard->counters, verdict);
	execution->done(execution);
}

static void execution_unqueue(struct shard *shard, struct execution *execution)
{
	list_remove(&execution->node);
	loop_timer_disarm(shard->loop, &execution->queue_timer);
	atomic_fetch_sub(&shard->counters.queued, 1);
}

static void queued_too_long(void *owner)
{
	struct execution *execution = owner;

	execution_unqueue(execution->shard, execution);
	execution_reject(execution, VERDICT_REJECTED, "no worker became free in time");
}

int shard_accept(struct shard *shard, struct execution *execution)
{
	assert(shard == shard_current() && shard == execution->shard);
	if (shard->stopping) {
		execution_reject(execution, VERDICT_CANCELLED, "the pool is stopping");
		return 0;
	}
	if (list_is_empty(&shard->queue) && !list_is_empty(&shard->idle)) {
		slot_run(list_owner(list_pop(&shard->idle), struct slot, node), execution);
		return 0;
	}
	if (atomic_load(&shard->counters.queued) >= shard->pool->config.queue_max)
		return -EAGAIN;
	list_append(&shard->queue, &execution->node);
	atomic_fetch_add(&shard->counters.queued, 1);
	loop_timer_init(&execution->queue_timer, queued_too_long, execution);
	if (execution->queue_nsec_max)
		loop_timer_arm(shard->loop, &execution->queue_timer,
			execution->submitted_nsec + execution->queue_nsec_max);
	return 0;
}

void shard_dispatch(struct shard *shard)
{
	while (!list_is_empty(&shard->queue) && !list_is_empty(&shard->idle)) {
		struct execution *execution = list_owner(shard->queue.next, struct execution, node);

		execution_unqueue(shard, execution);
		slot_run(list_owner(list_pop(&shard->idle), struct slot, node), execution);
	}
}

void shard_post(struct shard *shard, struct execution *execution)
{
	pthread_mutex_lock(&shard->inbox_lock);
	list_append(&shard->inbox, &execution->node);
	pthread_mutex_unlock(&shard->inbox_lock);
	loop_wake(shard->loop);
}

void shard_attend(struct shard *shard)
{
	atomic_store(&shard->attention, true);
	loop_wake(shard->loop);
}

void shard_executions_attend(struct shard *shard)
{
	struct list *next;

	for (struct list *node = shard->queue.next; node != &shard->queue; node = next) {
		struct execution *execution = list_owner(node, struct execution, node);

		next = node->next;
		if (!atomic_load(&execution->cancelled))
			continue;
		execution_unqueue(shard, execution);
		execution_reject(execution, VERDICT_CANCELLED,
			"it was asked to end before it began");
	}
	for (unsigned i = 0; i < shard->slot_count; i++) {
		struct slot *slot = &shard->slots[i];
		struct execution *execution = slot->execution;

		if (execution && atomic_exchange(&execution->resumed, false))
			execution_resume(execution);
		/* Resuming may have ended it. */
		if (slot->execution && slot->execution == execution &&
			slot->ending == ENDING_NONE && atomic_load(&execution->cancelled))
			slot_end(slot, ENDING_CANCELLED);
	}
}

void shard_inbox_take(struct shard *shard)
{
	struct list arrived, *node;

	list_init(&arrived);
	pthread_mutex_lock(&shard->inbox_lock);
	while ((node = list_pop(&shard->inbox)))
		list_append(&arrived, node);
	pthread_mutex_unlock(&shard->inbox_lock);
	while ((node = list_pop(&arrived))) {
		struct execution *execution = list_owner(node, struct execution, node);

		if (shard_accept(shard, execution) < 0)
			execution_reject(execution, VERDICT_REJECTED, "the queue is full");
	}
}

void shard_queue_cancel(struct shard *shard)
{
	while (!list_is_empty(&shard->queue)) {
		struct execution *execution = list_owner(shard->queue.next, struct execution, node);

		execution_unqueue(shard, execution);
		execution_reject(execution, VERDICT_CANCELLED, "the pool is stopping");
	}
}
