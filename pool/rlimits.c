// SPDX-License-Identifier: Apache-2.0
/*
 * pool/rlimits.c: the rlimits that an execution's limits bring, and which worker can have them.
 *
 * A worker takes them on itself, from its dispatch: nobody else may set them without
 * CAP_SYS_RESOURCE, which not every root has. A newborn has the template's, which are the highest.
 * From then on it is remembered here what a worker has, so it is told only what is to change: a
 * rewound one usually nothing. Hard limits go down and never up: who needs more than a worker has
 * needs another. After a program that set rlimits the worker sets all of them as they were
 * (snapshot/repair.h), which it can for soft ones alone.
 */
#include "pool/pool_private.h"

#include "jail/identity.h"

#include <string.h>
#include <sys/resource.h>

static struct slot_rlimits rlimits_of(const struct limits *limits)
{
	return (struct slot_rlimits){
		.open_files = limits->values[LIMIT_OPEN_FILES],
		/* A page more than the file system holds: full, it says ENOSPC, not EFBIG. */
		.file_bytes = limits->values[LIMIT_FILES] + CHANNEL_PAGE_BYTES,
		.pids = identity_pids_rlimit(limits->values[LIMIT_PIDS]),
	};
}

bool slot_has_rlimits(const struct slot *slot, const struct limits *limits)
{
	const struct slot_rlimits wanted = rlimits_of(limits), *now = &slot->rlimits;

	if (!slot->rewound)
		return true;
	return now->open_files == wanted.open_files && now->file_bytes == wanted.file_bytes &&
	       now->pids == wanted.pids;
}

bool slot_can_have_rlimits(const struct slot *slot, const struct limits *limits)
{
	const struct slot_rlimits wanted = rlimits_of(limits), *now = &slot->rlimits;

	if (!slot->rewound)
		return true;
	return now->open_files >= wanted.open_files && now->file_bytes >= wanted.file_bytes &&
	       now->pids >= wanted.pids;
}

void slot_rlimits_give(
	struct slot *slot, const struct limits *limits, struct dispatch *dispatch)
{
	const struct slot_rlimits wanted = rlimits_of(limits), *now = &slot->rlimits;

	dispatch->open_files = wanted.open_files == now->open_files ? 0 : wanted.open_files;
	dispatch->file_bytes = wanted.file_bytes == now->file_bytes ? 0 : wanted.file_bytes;
	dispatch->pids = wanted.pids == now->pids ? 0 : wanted.pids;
	slot->rlimits = wanted;
}

void slot_rlimits_wanted(
	const struct slot *slot, const struct image *image, uint64_t (*ret_limits)[2])
{
	const struct slot_rlimits *told = &slot->rlimits;
	const struct {
		unsigned resource;
		uint64_t value;
	} dispatched[] = {
		{ RLIMIT_NOFILE, told->open_files },
		{ RLIMIT_FSIZE, told->file_bytes },
		{ RLIMIT_NPROC, told->pids },
	};

	memcpy(ret_limits, image->posture.limits, sizeof(image->posture.limits));
	for (size_t i = 0; i < sizeof(dispatched) / sizeof(dispatched[0]); i++)
		if (dispatched[i].value)
			ret_limits[dispatched[i].resource][0] =
				ret_limits[dispatched[i].resource][1] = dispatched[i].value;
}
