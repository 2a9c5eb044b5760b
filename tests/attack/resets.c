// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/resets.c: the pool's own figures beside the pids of its workers.
 */
#include "tests/attack/resets.h"

#include "pool/pool_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void resets_look(struct resets *resets, const struct pool *pool)
{
	struct pool_status status;

	pool_status((struct pool *)pool, &status);
	assert(status.total <= RESETS_SLOTS_MAX);
	*resets = (struct resets){
		.count = status.total,
		.rewinds = status.rewinds,
		.failures = status.rewind_failures,
	};
	for (unsigned i = 0; i < resets->count; i++)
		resets->workers[i] = pool->slots[i].worker_pid;
}

bool resets_agree(const struct resets *before, const struct resets *after, const char *said,
	char *sentence, size_t size)
{
	uint64_t rewinds = after->rewinds - before->rewinds;
	uint64_t failures = after->failures - before->failures;
	bool is_rewind = strcmp(said, "rewind") == 0;
	unsigned changed = 0;

	for (unsigned i = 0; i < before->count; i++)
		changed += before->workers[i] != after->workers[i];
	/* One that was to be rewound and could not be is replaced. */
	if (is_rewind ? rewinds + failures == 1 && changed == failures
		      : strncmp(said, "replace:", 8) == 0 && rewinds == 0 && changed == 1)
		return true;
	snprintf(sentence, size,
		"its reset was '%s', but %" PRIu64 " workers were rewound, %" PRIu64
		" could not be, and %u are others", said, rewinds, failures, changed);
	return false;
}
