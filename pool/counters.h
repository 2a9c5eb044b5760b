// SPDX-License-Identifier: Apache-2.0
/*
 * pool/counters.h: private to pool/: what a shard counts.
 *
 * The shard's thread alone writes; anybody may read at any time, and sees each figure whole but not
 * all of the same moment. What is counted once an execution is a plain load and store, no locked
 * instruction: with one writer none gets lost.
 */
#pragma once

#include "pool/execution.h"
#include "stats/histogram.h"

#include <stdatomic.h>

struct shard_counters {
	atomic_uint idle, busy, resetting, dead, queued, unborn;
	atomic_ullong executions; /* that began */
	atomic_ullong births, cells, birth_failures, template_restarts, quarantined;
	atomic_ullong template_renewals;
	atomic_uint images; /* 1: there is one, so workers can be rewound */
	atomic_ullong resets[RESET_COUNT]; /* behind executions, as they were told of */
	atomic_ullong rewinds, rewind_failures, rewind_mismatches;
	atomic_uint layers; /* bits of enum layer that every worker born so far stands in */

	atomic_ullong verdicts[VERDICT_COUNT];
	atomic_ullong limits[LIMIT_COUNT]; /* that were hit, whatever the verdict */
	atomic_ullong output_bytes, dropped_bytes;
	atomic_ullong cpu_usec, system_calls, page_faults, processes;
	struct histogram waits;     /* from submission to dispatch, of those that began */
	struct histogram rewind_durations; /* from the wish to stop it until it is idle again */
	struct histogram rewind_pages; /* that each of them wrote */
	struct histogram durations; /* from dispatch to the end, in nanoseconds as well */
};

/* What shards answered, as a reader sums it. */
struct answers {
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t limits[LIMIT_COUNT];
	uint64_t output_bytes, dropped_bytes;
	uint64_t cpu_usec, system_calls, page_faults, processes;
};

/* Of a shard that has not started: zeroes, and `slots` slots to be built. */
void counters_init(struct shard_counters *counters, unsigned slots);

/* It was dispatched. */
void counters_began(struct shard_counters *counters, const struct execution *execution);

/* It ended and its result stands; to be called before `done`, behind which it is the caller's. */
void counters_ended(struct shard_counters *counters, const struct execution *execution);

/* It never began. */
void counters_refused(struct shard_counters *counters, enum verdict verdict);

/* Any thread. */
void counters_answers_add(struct answers *into, const struct shard_counters *from);
