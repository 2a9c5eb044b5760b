// SPDX-License-Identifier: Apache-2.0
/*
 * pool/hold.c: a slot in HELD: its worker stops, and somebody does something to it meanwhile.
 *
 * The stop is told by the same wait as the worker's end would be (snapshot/tracee.h), so it comes
 * through slot_worker_exited(), which arms no wait itself: each stop that is waited for is asked
 * for here. Whatever is not as it was asked for, or takes too long, is a replacement.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "pool/pool_private.h"

#include <assert.h>
#include <errno.h>

static_assert(ERRAND_BYTES <= CHANNEL_MAILBOX_BYTES, "an errand lies in the mailbox");

#define HOLD_NSEC_MAX NSEC_PER_SEC /* a stop that takes longer does not come */

/* What a program can bring about (a stack that grew, too many pages) is no trouble of ours. */
static bool is_usual(int error)
{
	return error == -ENOTSUP || error == -ESTALE || error == -E2BIG || error == -ESRCH ||
	       error == -EBUSY;
}

void slot_hold_failed(struct slot *slot, const char *why, int error)
{
	struct shard *shard = slot->shard;

	atomic_fetch_add(&shard->counters.rewind_failures, 1);
	if (is_usual(error))
		log_debug("shard %u: slot %u: its worker could not be rewound: %s: %s",
			shard->number, slot->number, why, error_text(error));
	else
		shard_failed(shard, "slot %u: its worker could not be rewound: %s: %s",
			slot->number, why, error_text(error));
	slot_replace(slot, "rewind");
}

static void hold_overdue(void *owner)
{
	slot_hold_failed(owner, "it did not stop", -ETIMEDOUT);
}

int slot_stop_await(struct slot *slot, void (*stopped)(struct slot *slot))
{
	struct loop *loop = slot->shard->loop;

	slot->stopped = stopped;
	slot_timer_set(slot, hold_overdue, clock_now_nsec() + HOLD_NSEC_MAX);
	if (!slot->worker_waiting)
		slot->worker_waiting = loop_wait_child(loop, OP_WORKER_EXIT, slot, slot->worker_pid,
					       &slot->worker_exit) != 0;
	return slot->worker_waiting ? 0 : -EAGAIN;
}

void slot_hold(struct slot *slot, void (*stopped)(struct slot *slot))
{
	int result;

	slot->held_nsec = clock_now_nsec();
	result = slot_stop_await(slot, stopped);
	if (result == 0 && !fault("rewind.interrupt"))
		result = tracee_begin(&slot->tracee, slot->worker_pid, 0);
	if (result < 0)
		slot_hold_failed(slot, "it cannot be stopped", result);
}

void slot_held(struct slot *slot)
{
	int result = tracee_stopped(&slot->tracee, &slot->worker_exit);

	if (slot->state != SLOT_HELD)
		return;
	if (result < 0)
		slot_hold_failed(slot, "it did not stop as asked", result);
	else if (slot->template_number < slot->shard->image.template_number)
		slot_hold_failed(slot, "the image is a newer template's by now", -ESTALE);
	else
		slot->stopped(slot);
}

/* In the mailbox, which is free while no execution is under way. */
void slot_errand_init(struct slot *slot)
{
	const struct image *image = slot->shard->image.image;

	errand_init(&slot->errand, channel_mailbox_bytes(slot->channel),
		image_channel_address(image) + CHANNEL_PAGE_BYTES, image->restorer);
}
