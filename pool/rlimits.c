// SPDX-License-Identifier: Apache-2.0
/*
 * pool/rlimits.c: the rlimits that an execution's limits bring, and which worker can have them.
 *
 * A worker takes them on itself, from its dispatch: nobody else may set them without
 * CAP_SYS_RESOURCE, which not every root has. A newborn has the template's, which are the highest.
 * From then on it is remembered here what a worker has, so it is told only what is to change: a
 * rewound one usually nothing. Hard limits go down and never up: who needs more than a worker has
 * needs another. A program that sets rlimits is seen by its footprint, and its worker is replaced.
 */
#include "pool/pool_private.h"

#include "jail/identity.h"

#include <errno.h>
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

static int rlimit_set(pid_t pid, unsigned resource, const uint64_t *wanted)
{
	const struct rlimit limit = { wanted[0], wanted[1] };

	if (prlimit(pid, (__rlimit_resource_t)resource, &limit, NULL) == 0)
		return 0;
	return errno == EPERM ? -ENOTSUP : -errno;
}

int slot_rlimits_restore(const struct slot *slot, const struct image *image)
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
	uint64_t wanted[POSTURE_LIMITS][2], now[POSTURE_LIMITS][2];
	int result = posture_read_limits(slot->worker_pid, now);

	memcpy(wanted, image->posture.limits, sizeof(wanted));
	for (size_t i = 0; i < sizeof(dispatched) / sizeof(dispatched[0]); i++)
		if (dispatched[i].value)
			wanted[dispatched[i].resource][0] = wanted[dispatched[i].resource][1] =
				dispatched[i].value;
	for (unsigned i = 0; i < POSTURE_LIMITS && result == 0; i++)
		if (memcmp(wanted[i], now[i], sizeof(now[i])) != 0)
			result = rlimit_set(slot->worker_pid, i, wanted[i]);
	return result;
}
