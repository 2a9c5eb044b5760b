// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/bytes.h: a buffer that grows and is used again: two of them, one that is filled and one
 * that is sent, take a stream of any length without an allocation once both are large enough.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct bytes {
	char *start; /* owned */
	size_t used, size;
};

/* Room for `more` bytes behind those that are used; false, and nothing changed, without memory. */
bool bytes_reserve(struct bytes *bytes, size_t more);

/* Appends; the room was reserved. */
void bytes_put(struct bytes *bytes, const void *from, size_t size);

/* The filled one becomes the empty one, and the other way round. */
void bytes_swap(struct bytes *filled, struct bytes *empty);

void bytes_clear(struct bytes *bytes);
