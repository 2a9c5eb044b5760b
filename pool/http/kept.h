// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/kept.h: an answer that stays after it was sent: bytes that nobody changes any more.
 *
 * The record of its execution and its Idempotency-Key may both hold it, and a shard that sends it
 * does so without their locks: so it is counted. What the daemon keeps of answers is all made here.
 */
#pragma once

#include <stddef.h>

struct kept {
	size_t bytes_used;
	char bytes[]; /* no NUL behind them */
};

/* A copy of `bytes`, which the caller holds; NULL without memory. */
struct kept *kept_new(const char *bytes, size_t size);

/* One more holder; NULL is accepted. Returns `kept`. */
struct kept *kept_get(struct kept *kept);

/* One holder less; behind the last one the bytes are freed. NULL is accepted. */
void kept_put(struct kept *kept);
