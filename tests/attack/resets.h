// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/resets.h: whether a result told the truth of what became of its worker.
 *
 * A worker that was not rewound must be gone: its process is looked at, not what is said of it.
 */
#pragma once

#include "pool/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RESETS_SLOTS_MAX 8u

struct resets {
	unsigned count;
	pid_t workers[RESETS_SLOTS_MAX];
	uint64_t rewinds, failures;
};

/* While the pool rests. */
void resets_look(struct resets *resets, const struct pool *pool);

/*
 * Between the two looks one execution ran, and its result said this of its worker's reset. False
 * with a sentence where that is not what happened.
 */
bool resets_agree(const struct resets *before, const struct resets *after, const char *said,
	char *sentence, size_t size);
