// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_peak.c: the memory peak of an execution is its own, remembered or read anew.
 *
 * The peak of a rewound worker that charged nothing is not read again; these tests ask the kernel
 * themselves. It counts ahead by 256 KiB a CPU, so that much is the same.
 */
#include "tests/unit/pool_fixture.h"

TestSuite(pool_peak, .timeout = 60);

#define SAME_BYTES (512u << 10)
#define TURNS 200u /* more than a peak is told without being read */

static struct pool *pool_rewinding(void)
{
	struct pool_config config = pool_configured(1);

	config.reset = RESET_REWIND;
	return pool_started(&config);
}

/* Its result's, once its worker is idle again. */
static uint64_t peak_of(struct pool *pool, const char *code)
{
	uint64_t peak;
	struct job job;

	job_init(&job, pool, code);
	peak = job_run(&job)->usage.memory_peak_bytes;
	cr_expect_str_eq(job_verdict(&job), "ok");
	cr_expect_str_eq(job.execution.result.reset, "rewind");
	job_fini(&job);
	cr_expect(pool_wait(pool, all_idle));
	return peak;
}

/* The kernel's, since it was started anew. */
static uint64_t peak_now(struct pool *pool)
{
	struct cgroup_usage usage = { .cpu_usec = 0 };

	cr_assert_eq(cgroups_slot_usage(pool->cgroups, 0, CGROUP_FIGURE_PEAK, &usage), 0);
	return usage.memory_peak_bytes;
}

Test(pool_peak, stands_while_nothing_is_charged)
{
	struct pool *pool = pool_rewinding();
	unsigned told = 0;

	for (unsigned i = 0; i < TURNS; i++) {
		uint64_t peak = peak_of(pool, "print(1+1)"), now = peak_now(pool);

		cr_expect_gt(peak, 0);
		/* Started anew, it may be lower by what the rewind gave back: never higher. */
		cr_expect_leq(now, peak + SAME_BYTES, "turn %u: %lu, now %lu", i, peak, now);
		told += pool->slots[0].peak_turns > 0;
	}
	/* Else nothing was proved. */
	cr_expect_gt(told, TURNS / 2, "%u", told);
	pool_stop(pool);
}

Test(pool_peak, rises_and_falls_with_each_execution)
{
	static const char *const large = "x = [[i] for i in range(50000)]";
	struct pool *pool = pool_rewinding();
	uint64_t small = 0;

	for (unsigned i = 0; i < 10; i++)
		small = peak_of(pool, "print(1+1)");
	cr_expect_geq(peak_of(pool, large), small + (3 << 20));
	/* Touched once, those pages stay charged to the worker: a lower bound, as for the rest. */
	cr_expect_geq(peak_of(pool, large), small + (3 << 20));
	pool_stop(pool);
}

/* Names that are looked up are charged, without a page fault. */
Test(pool_peak, is_read_after_many_calls)
{
	struct pool *pool = pool_rewinding();

	for (unsigned i = 0; i < 10; i++)
		peak_of(pool, "print(1+1)");
	cr_expect_gt(pool->slots[0].peak_turns, 0);
	peak_of(pool, "import os\nfor i in range(20): os.getuid()");
	cr_expect_eq(pool->slots[0].peak_turns, 0);
	pool_stop(pool);
}
