// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/kept.c: the count stands before what holders see, so that they cannot touch it.
 */
#include "pool/http/kept.h"

#include "base/fault.h"
#include "base/list.h"
#include "base/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

struct counted {
	atomic_uint holders;
	struct kept kept;
};

struct kept *kept_new(const char *bytes, size_t size)
{
	struct counted *counted =
		fault("kept.memory") ? NULL : memory_alloc_spare(sizeof(*counted) + size);

	if (!counted)
		return NULL;
	atomic_init(&counted->holders, 1);
	counted->kept.bytes_used = size;
	memcpy(counted->kept.bytes, bytes, size);
	return &counted->kept;
}

struct kept *kept_get(struct kept *kept)
{
	if (kept)
		atomic_fetch_add(&list_owner(kept, struct counted, kept)->holders, 1);
	return kept;
}

void kept_put(struct kept *kept)
{
	struct counted *counted;
	unsigned holders;

	if (!kept)
		return;
	counted = list_owner(kept, struct counted, kept);
	holders = atomic_fetch_sub(&counted->holders, 1);
	assert(holders > 0);
	if (holders == 1)
		memory_free(counted);
}
