// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_policy.c: a request may have a stricter policy than the pool, never a laxer one,
 * and whoever needs a fresh worker gets one.
 */
#include "tests/unit/pool_fixture.h"

#include <errno.h>
#include <sched.h>

TestSuite(pool_policy, .timeout = 60);

Test(pool_policy, has_names)
{
	enum reset_policy policy = RESET_AUTO;

	for (int i = 0; i < RESET_POLICY_COUNT; i++) {
		cr_expect_eq(reset_policy_parse(reset_policy_names[i], &policy), 0);
		cr_expect_eq((int)policy, i);
	}
	policy = RESET_AUTO;
	cr_expect_eq(reset_policy_parse("Replace", &policy), -EINVAL);
	cr_expect_eq(reset_policy_parse("", &policy), -EINVAL);
	cr_expect_eq(policy, RESET_AUTO);
	cr_expect_eq(reset_policy_stricter(RESET_REWIND, RESET_AUTO), RESET_AUTO);
	cr_expect_eq(reset_policy_stricter(RESET_REPLACE, RESET_AUTO), RESET_REPLACE);
}

static struct pool *pool_with(enum reset_policy reset, unsigned workers)
{
	struct pool_config config = pool_configured(workers);

	config.reset = reset;
	return pool_started(&config);
}

static void run_of(struct pool *pool, uint64_t tenant, enum reset_policy asked, const char *reset,
	unsigned births)
{
	struct job job;

	job_init(&job, pool, "print(1)");
	job.execution.tenant = tenant;
	job.execution.reset = asked;
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
	cr_expect_str_eq(job.execution.result.reset, reset);
	job_fini(&job);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_eq(status_of(pool).births, births, "tenant %lu, %s: %lu births", tenant,
		reset_policy_names[asked], status_of(pool).births);
}

Test(pool_policy, of_a_request_counts_where_it_is_stricter)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	run_of(pool, 1, RESET_REWIND, "rewind", 1);
	run_of(pool, 1, RESET_REPLACE, "replace:policy", 3); /* before it, and after */
	run_of(pool, 1, RESET_REPLACE, "replace:policy", 4); /* that one was fresh */
	run_of(pool, 1, RESET_REWIND, "rewind", 4);
	pool_stop(pool);
	pool = pool_with(RESET_REPLACE, 1);
	run_of(pool, 1, RESET_REWIND, "replace:policy", 2);
	run_of(pool, 1, RESET_AUTO, "replace:policy", 3);
	pool_stop(pool);
	pool = pool_with(RESET_AUTO, 1);
	run_of(pool, 1, RESET_REWIND, "rewind", 1);
	run_of(pool, 2, RESET_REWIND, "rewind", 2);
	pool_stop(pool);
}

Test(pool_policy, auto_has_no_other_tenant_before_or_behind)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	run_of(pool, 1, RESET_REWIND, "rewind", 1);
	run_of(pool, 1, RESET_AUTO, "rewind", 1);
	run_of(pool, 1, RESET_REWIND, "rewind", 1);
	run_of(pool, 2, RESET_REWIND, "rewind", 2); /* an execution of 1 was under auto */
	run_of(pool, 1, RESET_REWIND, "rewind", 2);
	run_of(pool, 1, RESET_AUTO, "rewind", 3); /* 2 was before the last one */
	pool_stop(pool);
}

Test(pool_policy, takes_a_fresh_worker_only_for_those_who_need_it)
{
	struct pool *pool = pool_with(RESET_REWIND, 2);

	run_of(pool, 1, RESET_REWIND, "rewind", 2);
	run_of(pool, 2, RESET_REWIND, "rewind", 2);
	run_of(pool, 1, RESET_REPLACE, "replace:policy", 3);
	pool_stop(pool);
}

/* --- Nobody starves --------------------------------------------------------------------------- */

#define JOBS 24

/* All of them at once; what is told is how many verdicts were ok. */
static unsigned run_all(struct pool *pool, struct job *jobs, uint64_t tenants,
	const enum reset_policy *policies, unsigned policy_count)
{
	unsigned well = 0;

	for (unsigned i = 0; i < JOBS; i++) {
		job_init(&jobs[i], pool, "print(1)");
		jobs[i].execution.tenant = 1 + i % tenants;
		jobs[i].execution.reset = policies[i % policy_count];
		jobs[i].execution.queue_nsec_max = WAIT_NSEC;
		job_submit(&jobs[i]);
	}
	for (unsigned i = 0; i < JOBS; i++) {
		well += job_wait(&jobs[i])->verdict == VERDICT_OK;
		job_fini(&jobs[i]);
	}
	return well;
}

Test(pool_policy, one_worker_serves_all_kinds_in_turn)
{
	static const enum reset_policy policies[] = { RESET_REWIND, RESET_REPLACE };
	struct pool *pool = pool_with(RESET_REWIND, 1);
	static struct job jobs[JOBS];

	cr_expect_eq(run_all(pool, jobs, 1, policies, 2), JOBS);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_geq(status_of(pool).births, JOBS / 2);
	cr_expect_str_empty(status_of(pool).last_failure);
	pool_stop(pool);
}

Test(pool_policy, one_worker_serves_two_tenants_in_turn)
{
	static const enum reset_policy policies[] = { RESET_AUTO };
	struct pool *pool = pool_with(RESET_AUTO, 1);
	static struct job jobs[JOBS];

	cr_expect_eq(run_all(pool, jobs, 2, policies, 1), JOBS);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_str_empty(status_of(pool).last_failure);
	pool_stop(pool);
}

/* Submits itself again as long as nobody says stop: it leaves its tenant no pause. */
struct endless {
	struct job job;
	atomic_bool stop;
	atomic_uint rounds;
};

static void endless_done(struct execution *execution)
{
	struct job *job = execution->user;
	struct endless *endless = (struct endless *)job;

	atomic_fetch_add(&endless->rounds, 1);
	if (!atomic_load(&endless->stop) && pool_submit(job->pool, execution) == 0)
		return;
	job_done(execution);
}

/* The worker is wanted at every moment by those whom it fits, who would never let it go. */
Test(pool_policy, a_flood_that_fits_does_not_keep_out_who_does_not)
{
	struct pool *pool = pool_with(RESET_REWIND, 3);
	static struct endless floods[4];
	struct job job;

	for (int i = 0; i < 4; i++) {
		job_init(&floods[i].job, pool, "pass");
		floods[i].job.execution.tenant = 1;
		floods[i].job.execution.done = endless_done;
		job_submit(&floods[i].job);
	}
	for (int i = 0; i < 10; i++) {
		unsigned before = atomic_load(&floods[0].rounds);

		job_init(&job, pool, "print(1)");
		job.execution.tenant = 2;
		job.execution.reset = RESET_REPLACE;
		job.execution.queue_nsec_max = WAIT_NSEC;
		cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
		job_fini(&job);
		/* And they go on meanwhile, or after it. */
		while (atomic_load(&floods[0].rounds) == before)
			sched_yield();
	}
	for (int i = 0; i < 4; i++)
		atomic_store(&floods[i].stop, true);
	for (int i = 0; i < 4; i++) {
		job_wait(&floods[i].job);
		cr_expect_eq(floods[i].job.execution.result.verdict, VERDICT_OK);
		job_fini(&floods[i].job);
	}
	cr_expect_str_empty(status_of(pool).last_failure);
	pool_stop(pool);
}
