// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_proof.c: with verify, a rewound worker that is not what it was is found, told,
 * counted and never used; one that is, is used.
 *
 * What no program can do the test does itself: it is root, and changes a worker from outside, where
 * nothing counts it.
 */
#include "tests/unit/pool_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/uio.h>

TestSuite(proof, .timeout = 60);

static struct pool *pool_verified(unsigned workers)
{
	struct pool_config config = pool_configured(workers);

	config.reset = RESET_REWIND;
	config.verify = true;
	return pool_started(&config);
}

static void rewound_after(struct pool *pool, const char *code)
{
	struct job job;

	job_init(&job, pool, code);
	job_run(&job);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDERR), "");
	cr_expect_str_eq(job.execution.result.reset, "rewind", "%s", code);
	job_fini(&job);
	cr_expect(pool_wait(pool, all_idle));
}

static void expect_mismatch(struct pool *pool, const char *part)
{
	struct pool_status status = status_of(pool);

	cr_expect_eq(status.rewind_mismatches, 1);
	cr_expect(strstr(status.last_failure, part), "%s", status.last_failure);
	cr_expect(strstr(status.last_failure, "is not what it was"), "%s", status.last_failure);
	cr_expect_eq(status.births, 2, "it is replaced");
}

Test(proof, lets_pass_what_is_exact)
{
	static const char *const codes[] = { "pass", "print('x' * 5000)",
		"import sys; sys.modules['left'] = [i for i in range(300)]",
		"def f(n): return n and f(n - 1)\nf(20)",
		"import random, decimal; decimal.getcontext().prec = 5; random.random()" };
	struct pool *pool = pool_verified(2);
	const unsigned count = 5 * sizeof(codes) / sizeof(codes[0]);

	for (unsigned i = 0; i < count; i++)
		rewound_after(pool, codes[i % (sizeof(codes) / sizeof(codes[0]))]);
	cr_expect_eq(status_of(pool).rewinds, count);
	cr_expect_eq(status_of(pool).rewind_mismatches, 0, "%s", status_of(pool).last_failure);
	cr_expect_eq(status_of(pool).births, 2);
	pool_stop(pool);
}

/* Rlimits that a dispatch lowered stay with the worker, and are its own from then on. */
Test(proof, lets_pass_a_worker_with_lower_limits)
{
	struct pool *pool = pool_verified(1);
	struct job job;

	for (unsigned i = 0; i < 3; i++) {
		job_init(&job, pool, "pass");
		limits_set(&job.execution.limits, LIMIT_OPEN_FILES, 200 - 50 * i);
		cr_expect_str_eq(job_run(&job)->reset, "rewind");
		job_fini(&job);
		cr_expect(pool_wait(pool, all_idle));
	}
	cr_expect_eq(status_of(pool).rewinds, 3);
	cr_expect_eq(status_of(pool).rewind_mismatches, 0, "%s", status_of(pool).last_failure);
	pool_stop(pool);
}

/* Nothing counted the write, so the rewinding has no reason to look for it. */
Test(proof, finds_one_byte_of_memory_that_nobody_counted)
{
	struct pool *pool = pool_verified(1);
	const struct image *image;
	char expected[64];
	uint8_t byte;

	rewound_after(pool, "pass");
	image = pool->shards[0].image.image;
	for (unsigned i = 0; i < image->mapping_count; i++) {
		uint64_t last = image->mappings[i].end - VERIFY_PAGE_BYTES;
		struct iovec local = { &byte, 1 }, remote = { (void *)(uintptr_t)last, 1 };

		/* The heap's end, untouched by so small a program. */
		if (image->mappings[i].kind != MAPPING_HEAP)
			continue;
		snprintf(expected, sizeof(expected), "memory at 0x%lx differs", last);
		cr_assert_eq(
			process_vm_readv(pool->slots[0].worker_pid, &local, 1, &remote, 1, 0), 1);
		byte ^= 0x10;
		cr_assert_eq(
			process_vm_writev(pool->slots[0].worker_pid, &local, 1, &remote, 1, 0), 1);
	}
	rewound_after(pool, "pass");
	expect_mismatch(pool, expected);
	rewound_after(pool, "pass");
	cr_expect_eq(status_of(pool).rewinds, 2);
	pool_stop(pool);
}

Test(proof, finds_a_posture_that_differs)
{
	struct pool *pool = pool_verified(1);

	rewound_after(pool, "pass");
	cr_assert_eq(setpriority(PRIO_PROCESS, (id_t)pool->slots[0].worker_pid, 1), 0);
	rewound_after(pool, "pass");
	expect_mismatch(pool, ": scheduling differs");
	pool_stop(pool);
}

Test(proof, is_refused_where_nothing_is_rewound)
{
	struct pool_config config = pool_configured(1);
	struct pool *pool = NULL;
	struct error error;

	config.verify = true;
	cr_expect_eq(pool_start(&pool, &config, &error), -EINVAL);
	cr_expect(strstr(error.sentence, "give reset = rewind"), "%s", error.sentence);
}

#ifdef CORRAL_FAULTS

Test(proof, finds_a_byte_flipped_behind_the_rewind)
{
	struct pool *pool;

	setenv("CORRAL_FAULT", "rewind.mismatch:2", 1);
	pool = pool_verified(1);
	for (int i = 0; i < 4; i++)
		rewound_after(pool, "print(1)");
	expect_mismatch(pool, "memory at 0x");
	cr_expect_eq(status_of(pool).rewinds, 3);
	pool_stop(pool);
}

#endif
