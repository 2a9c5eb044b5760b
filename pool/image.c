// SPDX-License-Identifier: Apache-2.0
/*
 * pool/image.c: the image that a template's workers are rewound to.
 *
 * It is captured from the template's first worker, at the safe point and before it ran anything.
 * Until then the image of the template before, if there was one, serves the workers of that one;
 * then they are replaced. Without an image every worker is, which is told once a template.
 */
#include "base/clock.h"
#include "pool/pool_private.h"
#include "snapshot/repair.h"

#include <errno.h>
#include <sys/syscall.h>

#define CAPTURE_LOOKS_MAX 1000u

void shard_image_drop(struct shard *shard)
{
	image_free(shard->image.image);
	verify_memory_free(&shard->image.memory);
	sealed_close(&shard->image.sealed);
	shard->image = (struct shard_image){ .image = NULL };
	atomic_store(&shard->counters.images, 0);
}

/* The safe point itself: anywhere else it would be on its way there after each rewind. */
static bool worker_waits(const struct slot *slot)
{
	struct tracee_registers registers;

	return tracee_get_registers(&slot->tracee, &registers) == 0 &&
	       registers.general.orig_rax == SYS_recvmsg;
}

/* Its own image from here on; without one, when it could not be captured. */
static void image_set(struct slot *slot, struct image *image, struct sealed sealed)
{
	struct shard_image *place = &slot->shard->image;

	shard_image_drop(slot->shard);
	*place = (struct shard_image){
		.image = image, .sealed = sealed, .template_number = slot->template_number
	};
	if (image)
		image->sealed = &place->sealed;
	atomic_store(&slot->shard->counters.images, image ? 1 : 0);
}

static void image_take(struct slot *slot)
{
	struct shard *shard = slot->shard;
	struct image *image = NULL;
	struct sealed sealed = { .bytes = NULL };
	struct error error = { .sentence = "its first worker does not come to the safe point" };
	int result = worker_waits(slot) ? sealed_open(&sealed, slot->worker_pid, &error) : -EAGAIN;

	if (result == 0)
		result = image_capture(&image, &slot->tracee, &sealed, &error);
	if (result < 0) {
		sealed_close(&sealed);
		image = NULL;
		shard_failed(shard, "no worker can be rewound, each is replaced: %s",
			result == -ENOTTY ? "the kernel does not tell which pages were written "
					    "(PAGEMAP_SCAN): see corral doctor"
					  : error.sentence);
	}
	image_set(slot, image, sealed);
}

static void capture_end(struct slot *slot);

/* It rang its bell just now, and is on its way to the call in which it waits. */
static void capture_begin(void *owner)
{
	slot_hold(owner, capture_end);
}

static void capture_later(struct slot *slot)
{
	slot_timer_set(slot, capture_begin, clock_now_nsec() + NSEC_PER_MSEC);
}

static void capture_over(struct slot *slot)
{
	int result = tracee_end(&slot->tracee);

	if (result < 0)
		slot_hold_failed(slot, "it cannot be let go", result);
	else
		slot_idle(slot);
}

/* It comes from its errand, so it must be led back to the safe point. */
static void answers_take(struct slot *slot)
{
	struct image *image = slot->shard->image.image;
	int result = errand_check(&slot->errand, &slot->tracee);

	if (result == 0) {
		repair_learn(&slot->errand, image);
		result = image_apply_registers(image, &slot->tracee);
	}
	if (result == 0)
		result = channel_empty(slot->channel, &slot->channel_pages);
	if (result < 0)
		slot_hold_failed(slot, "it cannot be asked what it is", result);
	else
		capture_over(slot);
}

static int questions_ask(struct slot *slot)
{
	const struct image *image = slot->shard->image.image;
	int result;

	slot_errand_init(slot);
	repair_ask(&slot->errand);
	result = slot_stop_await(slot, answers_take);
	return result == 0 ? errand_start(&slot->errand, &slot->tracee, &image->registers.general,
				     image->posture.rseq)
			   : result;
}

static void capture_end(struct slot *slot)
{
	struct shard *shard = slot->shard;
	int result;

	if (!worker_waits(slot) && ++shard->image.looks < CAPTURE_LOOKS_MAX) {
		result = tracee_end(&slot->tracee);
		if (result < 0)
			slot_hold_failed(slot, "it cannot be let go", result);
		else
			capture_later(slot);
		return;
	}
	image_take(slot);
	result = slot_proof_image(slot);
	if (result < 0) {
		slot_hold_failed(slot, "it cannot be looked at", result);
		return;
	}
	if (!shard->image.image || !shard->image.image->restorer) {
		capture_over(slot);
		return;
	}
	result = questions_ask(slot);
	if (result < 0)
		slot_hold_failed(slot, "it cannot be asked what it is", result);
}

bool slot_captures(struct slot *slot)
{
	struct shard *shard = slot->shard;
	struct shard_image *image = &shard->image;

	if (shard->pool->config.reset == RESET_REPLACE || !slot->footprint || shard->stopping ||
	    !loop_hears_stops(shard->loop) || slot->template_number != shard->template_number)
		return false;
	if (image->template_number == slot->template_number ||
	    (image->capturing && image->capturing->state == SLOT_HELD))
		return false;
	image->capturing = slot;
	image->looks = 0;
	slot_enter(slot, SLOT_HELD);
	capture_later(slot);
	return true;
}
