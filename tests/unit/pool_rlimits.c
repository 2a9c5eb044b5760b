// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_rlimits.c: an execution has its own rlimits, whoever had its worker before.
 */
#include "tests/unit/pool_fixture.h"


TestSuite(pool_rlimits, .timeout = 60);

static struct pool *pool_rewinding(unsigned workers)
{
	struct pool_config config = pool_configured(workers);

	config.reset = RESET_REWIND;
	return pool_started(&config);
}

/* Runs it with so many open files; then the pool has seen so many births. */
static void run_of(struct pool *pool, uint64_t open_files, unsigned births)
{
	struct job job;

	job_init(&job, pool, "print(1)");
	job.execution.limits.values[LIMIT_OPEN_FILES] = open_files;
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
	cr_expect_str_eq(job.execution.result.reset, "rewind");
	job_fini(&job);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_eq(status_of(pool).births, births, "%lu files: %lu births", open_files,
		status_of(pool).births);
}

/* Hard limits that were lowered cannot be raised again. */
Test(pool_rlimits, keep_a_worker_that_has_them_or_can_lower_its_own)
{
	struct pool *pool = pool_rewinding(1);

	run_of(pool, 256, 1);
	run_of(pool, 300, 2); /* replaced for it */
	run_of(pool, 300, 2);
	run_of(pool, 256, 2);
	run_of(pool, 100, 2);
	run_of(pool, 256, 3);
	cr_expect_eq(status_of(pool).rewinds, 6);
	pool_stop(pool);
}

static const char limits_told[] =
	"import resource as r\nprint(*(r.getrlimit(n) for n in (r.RLIMIT_NOFILE, r.RLIMIT_FSIZE,"
	" r.RLIMIT_NPROC)))";

/* Whatever the executions before it had, each has its own. */
Test(pool_rlimits, are_each_executions_own)
{
	static const uint64_t turns[][3] = { /* of files, bytes in them, processes */
		{ 256, 64 << 20, 32 }, { 256, 64 << 20, 8 }, { 100, 64 << 20, 32 },
		{ 256, 1 << 20, 32 }, { 300, 128 << 20, 64 }, { 16, 1 << 20, 1 },
	};
	const size_t count = sizeof(turns) / sizeof(turns[0]);
	struct pool *pool = pool_rewinding(1);

	for (size_t i = 0; i < count * count; i++) {
		const uint64_t *turn[2] = { turns[i % count], turns[i / count] };

		/* The first is rewound, the second tells what it found. */
		for (int part = 0; part < 2; part++) {
			char wanted[128];
			struct job job;

			job_init(&job, pool, part ? limits_told : "print(1)");
			job.execution.limits.values[LIMIT_OPEN_FILES] = turn[part][0];
			job.execution.limits.values[LIMIT_FILES] = turn[part][1];
			job.execution.limits.values[LIMIT_PIDS] = turn[part][2];
			snprintf(wanted, sizeof(wanted),
				"(%1$lu, %1$lu) (%2$lu, %2$lu) (%3$lu, %3$lu)\n", turn[part][0],
				turn[part][1] + 4096, 2 * turn[part][2] + 1);
			cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
			if (part)
				cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), wanted);
			else
				cr_expect_str_eq(job.execution.result.reset, "rewind");
			job_fini(&job);
			cr_expect(pool_wait(pool, all_idle));
		}
	}
	pool_stop(pool);
}

/* Else executions with low limits would use up the workers of all others. */
Test(pool_rlimits, are_looked_for_before_a_worker_lowers_its_own)
{
	struct pool *pool = pool_rewinding(2);

	for (int i = 0; i < 10; i++) {
		run_of(pool, 256, 2);
		run_of(pool, 100, 2);
	}
	cr_expect_eq(status_of(pool).rewinds, 20);
	pool_stop(pool);
}

/* --- Rlimits that a program set --------------------------------------------------------------- */

/* Then the next execution finds its own; `births` in all. */
static void set_and_found(const char *code, unsigned births)
{
	struct pool *pool = pool_rewinding(1);
	char program[200];
	struct job job;

	run_of(pool, 256, 1);
	snprintf(program, sizeof(program), "import resource as r\n%s", code);
	job_init(&job, pool, program);
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK, "%s", job_text(&job, OUTPUT_STDERR));
	job_fini(&job);
	cr_expect(pool_wait(pool, all_idle));
	job_init(&job, pool, "import resource as r\nprint(r.getrlimit(r.RLIMIT_NOFILE),"
			     " r.getrlimit(r.RLIMIT_AS), r.getrlimit(r.RLIMIT_STACK))");
	job_run(&job);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "(256, 256) (-1, -1) (8388608, 67108864)\n",
		"%s", code);
	job_fini(&job);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_eq(status_of(pool).births, births, "%s", code);
	pool_stop(pool);
}

Test(pool_rlimits, that_a_program_set_are_put_back_or_its_worker_is_replaced)
{
	set_and_found("r.getrlimit(r.RLIMIT_NOFILE)", 1);
	set_and_found("r.setrlimit(r.RLIMIT_NOFILE, (9, 256))", 1);
	set_and_found("r.setrlimit(r.RLIMIT_AS, (1 << 40, -1))", 1);
	set_and_found("r.setrlimit(r.RLIMIT_STACK, (1 << 20, 64 << 20))", 1);
	set_and_found("r.setrlimit(r.RLIMIT_STACK, (64 << 20, 64 << 20))", 1);
	set_and_found("r.setrlimit(r.RLIMIT_NOFILE, (0, 256))", 1);
	/* Hard ones never go up again. */
	set_and_found("r.setrlimit(r.RLIMIT_NPROC, (9, 9))", 2);
	set_and_found("r.setrlimit(r.RLIMIT_STACK, (1 << 20, 1 << 20))", 2);
}
