// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_counters.c: each thing that can be counted, counted once and where it belongs.
 */
#include "pool/counters.h"

#include <criterion/criterion.h>
#include <string.h>

static struct shard_counters counters;

static struct answers answers(void)
{
	struct answers sum = { .output_bytes = 0 };

	counters_answers_add(&sum, &counters);
	return sum;
}

Test(counters, begin_with_slots_to_be_built_and_nothing_else)
{
	memset(&counters, 0xff, sizeof(counters));
	counters_init(&counters, 7);
	cr_expect_eq(counters.resetting, 7);
	cr_expect_eq(counters.unborn, 7);
	cr_expect_eq(counters.idle + counters.busy + counters.dead + counters.queued, 0);
	cr_expect_eq(counters.layers, ~0u);
	cr_expect_eq(counters.executions, 0);
	cr_expect_eq(counters.waits.count, 0);
	cr_expect_eq(counters.durations.min, UINT64_MAX);
	cr_expect_eq(answers().verdicts[VERDICT_OK], 0);
}

Test(counters, keep_each_verdict_and_limit_apart)
{
	counters_init(&counters, 1);
	for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		for (int limit = 0; limit <= LIMIT_COUNT; limit++) {
			struct execution execution = {
				.started_nsec = 1000,
				.result = { .verdict = verdict, .limit = limit, .ended_nsec = 3000,
					.usage = { .output_bytes = 5, .dropped_bytes = 2 } },
			};

			for (int i = 0; i <= verdict; i++)
				counters_ended(&counters, &execution);
		}
	}
	const uint64_t limits = LIMIT_COUNT + 1, ended = VERDICT_COUNT * (VERDICT_COUNT + 1) / 2;
	struct answers sum = answers();

	for (unsigned verdict = 0; verdict < VERDICT_COUNT; verdict++)
		cr_expect_eq(sum.verdicts[verdict], (verdict + 1) * limits);
	/* The one beyond the last stands for none, and is counted nowhere. */
	for (int limit = 0; limit < LIMIT_COUNT; limit++)
		cr_expect_eq(sum.limits[limit], ended);
	cr_expect_eq(sum.output_bytes, 5 * limits * ended);
	cr_expect_eq(sum.dropped_bytes, 2 * limits * ended);
	cr_expect_eq(counters.durations.count, limits * ended);
	cr_expect_eq(counters.durations.min, 2000);
	cr_expect_eq(counters.durations.max, 2000);
	cr_expect_eq(counters.executions, 0);
}

Test(counters, tell_those_that_began_from_those_that_never_did)
{
	struct execution execution = { .submitted_nsec = 1000, .started_nsec = 1700 };

	counters_init(&counters, 1);
	counters_refused(&counters, VERDICT_REJECTED);
	counters_began(&counters, &execution);
	cr_expect_eq(answers().verdicts[VERDICT_REJECTED], 1);
	cr_expect_eq(counters.executions, 1);
	cr_expect_eq(counters.waits.count, 1);
	cr_expect_eq(counters.waits.max, 700);
	cr_expect_eq(counters.durations.count, 0);
}

Test(counters, add_up_over_shards)
{
	struct answers sum = { .output_bytes = 0 };

	counters_init(&counters, 1);
	counters_refused(&counters, VERDICT_LOST);
	counters_answers_add(&sum, &counters);
	counters_answers_add(&sum, &counters);
	cr_expect_eq(sum.verdicts[VERDICT_LOST], 2);
	cr_expect_eq(sum.verdicts[VERDICT_OK], 0);
}
