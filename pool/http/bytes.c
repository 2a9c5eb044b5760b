// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/bytes.c: grows by doubling, so that what is copied while it grows is less than it.
 */
#include "pool/http/bytes.h"

#include "base/fault.h"
#include "base/memory.h"

#include <assert.h>
#include <string.h>

#define BYTES_MIN 1024u

bool bytes_reserve(struct bytes *bytes, size_t more)
{
	size_t size = bytes->size ? bytes->size : BYTES_MIN;
	char *start;

	while (size - bytes->used < more)
		size *= 2;
	if (size == bytes->size)
		return true;
	start = fault("events.memory") ? NULL : memory_grow(bytes->start, size);
	if (!start)
		return false;
	bytes->start = start;
	bytes->size = size;
	return true;
}

void bytes_put(struct bytes *bytes, const void *from, size_t size)
{
	assert(bytes->size - bytes->used >= size);
	if (size)
		memcpy(bytes->start + bytes->used, from, size);
	bytes->used += size;
}

void bytes_swap(struct bytes *filled, struct bytes *empty)
{
	const struct bytes before = *filled;

	assert(empty->used == 0);
	*filled = *empty;
	*empty = before;
}

void bytes_clear(struct bytes *bytes)
{
	memory_free(bytes->start);
	*bytes = (struct bytes){ 0 };
}
