// SPDX-License-Identifier: Apache-2.0
/*
 * pool/proof.c: with --verify, each rewound worker is proved to be what it was, before it is used.
 *
 * Its memory and registers must be those of the worker that the image was captured from. By its
 * mapping table and its posture one worker differs from another (channel, uid, cell), so of these
 * each is compared with itself: every newborn is held once, before anything ran in it. What is
 * compared is read by other means than those that rewind (snapshot/verify.h).
 *
 * It costs tens of milliseconds a rewind. A mismatch is a defect of ours: told, counted, and the
 * worker is replaced.
 */
#include "base/fault.h"
#include "pool/pool_private.h"
#include "snapshot/posture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define DIFFERENCE_BYTES 96u

struct slot_proof {
	bool is_known;
	uint64_t mappings[2];
	struct posture posture;
};

int pool_proofs_make(struct pool *pool)
{
	if (!pool->config.verify)
		return 0;
	pool->proofs = fault("pool.memory") ? NULL
					    : calloc(pool->config.workers, sizeof(*pool->proofs));
	if (!pool->proofs)
		return -ENOMEM;
	for (unsigned i = 0; i < pool->config.workers; i++)
		pool->slots[i].proof = &pool->proofs[i];
	return 0;
}

/*
 * Descriptors 0 to 2 are renewed by each dispatch, and are an execution's pipes from the first one
 * on. That they are open, and no others besides those that were, is part of the proof.
 */
static int posture_take(const struct tracee *tracee, struct posture *posture)
{
	int result = posture_read(tracee, posture);

	for (unsigned i = 0; result == 0 && i < posture->descriptor_count; i++) {
		struct posture_descriptor *descriptor = &posture->descriptors[i];

		if (descriptor->number <= 2)
			*descriptor = (struct posture_descriptor){ .number = descriptor->number };
	}
	return result;
}

static int newborn_look(struct slot *slot)
{
	struct slot_proof *proof = slot->proof;
	int result = verify_mappings(&slot->tracee, proof->mappings);

	if (result == 0)
		result = posture_take(&slot->tracee, &proof->posture);
	proof->is_known = result == 0;
	return result;
}

static void newborn_held(struct slot *slot)
{
	int result = newborn_look(slot);

	if (result == 0)
		result = tracee_end(&slot->tracee);
	if (result < 0)
		slot_hold_failed(slot, "a newborn cannot be looked at", result);
	else
		slot_idle(slot);
}

bool slot_proof_begin(struct slot *slot)
{
	struct shard *shard = slot->shard;

	if (!slot->proof)
		return false;
	slot->proof->is_known = false;
	if (!slot->footprint || shard->stopping || !loop_hears_stops(shard->loop))
		return false;
	slot_enter(slot, SLOT_HELD);
	slot_hold(slot, newborn_held);
	return true;
}

int slot_proof_image(struct slot *slot)
{
	struct shard_image *image = &slot->shard->image;
	int result;

	if (!slot->proof)
		return 0;
	slot->proof->is_known = false;
	if (!image->image)
		return 0;
	result = newborn_look(slot);
	if (result == 0)
		result = verify_memory_take(&slot->tracee, &image->memory);
	if (result == 0)
		result = verify_registers(&slot->tracee, image->registers);
	return result;
}

/* So that a test can see that a mismatch is seen. */
static void byte_flip(const struct slot *slot)
{
	uint64_t address = slot->shard->image.image->registers.general.rsp;
	uint8_t byte;
	struct iovec local = { &byte, 1 }, remote = { (void *)(uintptr_t)address, 1 };

	if (process_vm_readv(slot->worker_pid, &local, 1, &remote, 1, 0) != 1)
		return;
	byte ^= 1;
	if (process_vm_writev(slot->worker_pid, &local, 1, &remote, 1, 0) != 1)
		return;
}

/* What differs, in `text`; "": nothing. The table first: where it differs so does the memory. */
static int difference_find(const struct slot *slot, char text[DIFFERENCE_BYTES])
{
	const struct shard_image *image = &slot->shard->image;
	uint64_t mappings[2], registers[2], address = UINT64_MAX;
	struct posture posture, wanted = slot->proof->posture;
	const char *part = NULL;
	int result = verify_mappings(&slot->tracee, mappings);

	if (result == 0)
		result = verify_memory_compare(&slot->tracee, &image->memory, &address);
	if (result == 0)
		result = verify_registers(&slot->tracee, registers);
	if (result == 0)
		result = posture_take(&slot->tracee, &posture);
	if (result < 0)
		return result;
	/* Those that its dispatches told it to take stay, whoever comes next. */
	slot_rlimits_wanted(slot, image->image, wanted.limits);
	snprintf(text, DIFFERENCE_BYTES, "memory at 0x%" PRIx64, address);
	if (memcmp(mappings, slot->proof->mappings, sizeof(mappings)) != 0)
		part = "mapping table";
	else if (address != UINT64_MAX)
		return 0;
	else if (memcmp(registers, image->registers, sizeof(registers)) != 0)
		part = "registers";
	else
		part = posture_compare(&wanted, &posture);
	snprintf(text, DIFFERENCE_BYTES, "%s", part ? part : "");
	return 0;
}

int slot_prove(struct slot *slot)
{
	struct shard *shard = slot->shard;
	char difference[DIFFERENCE_BYTES];
	int result;

	if (!slot->proof)
		return 0;
	if (!slot->proof->is_known || !shard->image.memory.pages)
		return -ENODATA;
	if (fault("rewind.mismatch"))
		byte_flip(slot);
	result = difference_find(slot, difference);
	if (result < 0 || !difference[0])
		return result;
	atomic_fetch_add(&shard->counters.rewind_mismatches, 1);
	shard_failed(shard, "slot %u: its rewound worker is not what it was: %s differs; it is"
		" replaced, and this is a defect to report", slot->number, difference);
	return -ENOTSUP;
}
