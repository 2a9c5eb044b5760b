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

#define IDLE_LOOKS_MAX 64u /* from each end of those that are idle */

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
	tenant_put(execution->row);
	counters_refused(&execution->shard->counters, verdict);
	execution->done(execution);
}

static void execution_unqueue(struct shard *shard, struct execution *execution)
{
	struct tenant_share *share = share_of(execution);

	list_remove(&execution->node);
	if (list_is_empty(&share->queue))
		list_remove(&share->turn);
	loop_timer_disarm(shard->loop, &execution->queue_timer);
	atomic_fetch_sub(&share->queued, 1);
	atomic_fetch_sub(&shard->counters.queued, 1);
}

static void queued_too_long(void *owner)
{
	struct execution *execution = owner;

	execution_unqueue(execution->shard, execution);
	execution_reject(execution, VERDICT_REJECTED, "no worker became free in time");
}

/* --- Whose turn it is ------------------------------------------------------------------------- */

bool shard_has_worker_for(const struct shard *shard, const struct tenant *tenant)
{
	const struct tenant_share *share = &tenant->shares[shard->number];

	return atomic_load(&shard->counters.idle) > atomic_load(&share->queued) &&
	       share_may_run(shard, share);
}

/*
 * A tenant's own bound; and no more than there is still room for, so that those who fill the shard
 * together leave as much as each of them has.
 */
static bool queue_has_room(const struct shard *shard, const struct tenant_share *share)
{
	unsigned own = atomic_load(&share->queued), all = atomic_load(&shard->counters.queued);

	return own < shard->pool->config.queue_max && own < shard->queue_max - all;
}

/* The better one of two, or the first that there is. */
static struct slot *better_of(struct slot *found, struct slot *other,
	const struct execution *execution, bool *ret_best)
{
	if (!slot_fits(other, execution))
		return found;
	*ret_best = slot_has_rlimits(other, &execution->limits);
	return found && !*ret_best ? found : other;
}

/*
 * The worker that was idle last, of those that can be this execution's; before others one that has
 * its rlimits, for one that lowers them is lost to all who need more. NULL: none of them can.
 *
 * Those that others used are at the front, and those that nobody used at the back: so that a crowd
 * of others' rewound workers costs no more than a look at each end.
 */
static struct slot *idle_find(const struct shard *shard, const struct execution *execution)
{
	struct list *first = shard->idle.next, *last = shard->idle.previous;
	struct slot *found = NULL;
	bool is_best = false;

	for (unsigned i = 0; i < IDLE_LOOKS_MAX && first != &shard->idle && !is_best; i++) {
		found = better_of(found, list_owner(first, struct slot, node), execution, &is_best);
		first = first->next;
	}
	for (unsigned i = 0; i < IDLE_LOOKS_MAX && last != &shard->idle && !found; i++) {
		found = better_of(found, list_owner(last, struct slot, node), execution, &is_best);
		last = last->previous;
	}
	return found;
}

static struct slot *idle_take(struct shard *shard, const struct execution *execution)
{
	struct slot *slot = idle_find(shard, execution);

	if (slot)
		list_remove(&slot->node);
	return slot;
}

/*
 * The first in turn whose next execution an idle worker can take; NULL: nobody. Who comes before it
 * and fits no idle worker (`ret_misfits` of them) keeps its turn until there is a fresh one. One
 * must be on its way for each of them, else the worker that was idle longest makes room: those
 * behind whom it would fit could want it for ever.
 */
static struct tenant_share *share_next(
	struct shard *shard, struct slot **ret_slot, unsigned *ret_misfits)
{
	struct list *node = shard->turns.next;

	*ret_misfits = 0;
	for (; node != &shard->turns && !list_is_empty(&shard->idle); node = node->next) {
		struct tenant_share *share = list_owner(node, struct tenant_share, turn);

		if (!share_may_run(shard, share))
			continue;
		*ret_slot = idle_take(
			shard, list_owner(share->queue.next, struct execution, node));
		if (*ret_slot)
			return share;
		if (++*ret_misfits > shard->coming)
			slot_replace(list_owner(shard->idle.previous, struct slot, node), "misfit");
	}
	return NULL;
}

void shard_dispatch(struct shard *shard)
{
	struct tenant_share *share;
	struct slot *slot;
	unsigned misfits = 0;

	while ((share = share_next(shard, &slot, &misfits))) {
		struct execution *execution =
			list_owner(share->queue.next, struct execution, node);

		/* It had its turn: the others come first now. */
		list_remove(&share->turn);
		list_append(&shard->turns, &share->turn);
		execution_unqueue(shard, execution);
		slot_run(slot, execution);
	}
	/* Where all are taken births are urgent anyway. */
	shard->misfits = misfits;
	if (misfits)
		shard_births_go_on(shard);
}

int shard_accept(struct shard *shard, struct execution *execution)
{
	struct tenant_share *share;
	bool is_misfit = false;

	assert(shard == shard_current() && shard == execution->shard);
	share = share_of(execution);
	if (shard->stopping) {
		execution_reject(execution, VERDICT_CANCELLED, "the pool is stopping");
		return 0;
	}
	if (list_is_empty(&share->queue) && !list_is_empty(&shard->idle) &&
	    share_may_run(shard, share)) {
		struct slot *slot = idle_take(shard, execution);

		if (slot) {
			slot_run(slot, execution);
			return 0;
		}
		is_misfit = true;
	}
	if (!queue_has_room(shard, share))
		return -EAGAIN;
	if (list_is_empty(&share->queue))
		list_append(&shard->turns, &share->turn);
	list_append(&share->queue, &execution->node);
	atomic_fetch_add(&share->queued, 1);
	atomic_fetch_add(&shard->counters.queued, 1);
	loop_timer_init(&execution->queue_timer, queued_too_long, execution);
	if (execution->queue_nsec_max)
		loop_timer_arm(shard->loop, &execution->queue_timer,
			execution->submitted_nsec + execution->queue_nsec_max);
	if (is_misfit)
		shard_dispatch(shard);
	return 0;
}

/* --- What other threads want ------------------------------------------------------------------ */

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

static void cancelled_unqueue(struct shard *shard, struct tenant_share *share)
{
	struct list *next;

	for (struct list *node = share->queue.next; node != &share->queue; node = next) {
		struct execution *execution = list_owner(node, struct execution, node);

		next = node->next;
		if (!atomic_load(&execution->cancelled))
			continue;
		execution_unqueue(shard, execution);
		execution_reject(execution, VERDICT_CANCELLED,
			"it was asked to end before it began");
	}
}

void shard_executions_attend(struct shard *shard)
{
	struct list *next;

	for (struct list *node = shard->turns.next; node != &shard->turns; node = next) {
		next = node->next;
		cancelled_unqueue(shard, list_owner(node, struct tenant_share, turn));
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
	while (!list_is_empty(&shard->turns)) {
		struct tenant_share *share =
			list_owner(shard->turns.next, struct tenant_share, turn);
		struct execution *execution =
			list_owner(share->queue.next, struct execution, node);

		execution_unqueue(shard, execution);
		execution_reject(execution, VERDICT_CANCELLED, "the pool is stopping");
	}
}
