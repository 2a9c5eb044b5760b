// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_renewal.c: a template is executed anew while its workers serve, and nobody who is
 * served notices but by the addresses.
 */
#include "tests/unit/pool_fixture.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

TestSuite(pool_renewal, .timeout = 100);

#define STREAMS 3
#define RENEWALS 3
#define ADDRESSES_MAX 64

/* Submits itself again when it is done, and notes the address that it printed. */
struct stream {
	struct job job;
	unsigned runs, failures;
};

static struct {
	struct pool *pool;
	struct stream streams[STREAMS];
	atomic_bool stop;
	uint64_t addresses[ADDRESSES_MAX];
	unsigned address_count;
	unsigned idle_least; /* whenever somebody looked */
	uint64_t renewals_wanted;
} scene;

static void address_note(uint64_t address)
{
	for (unsigned i = 0; i < scene.address_count; i++)
		if (scene.addresses[i] == address)
			return;
	if (scene.address_count < ADDRESSES_MAX)
		scene.addresses[scene.address_count++] = address;
}

/* On the shard's thread; there is one shard. */
static void stream_done(struct execution *execution)
{
	struct stream *stream = execution->user;
	struct job *job = &stream->job;

	stream->runs++;
	stream->failures += execution->result.verdict != VERDICT_OK;
	if (execution->result.verdict == VERDICT_OK)
		address_note(strtoull(job_text(job, OUTPUT_STDOUT), NULL, 10));
	capture_clear(&job->capture);
	if (atomic_load(&scene.stop) || pool_submit(scene.pool, execution) < 0)
		job_done(execution);
}

static void streams_begin(void)
{
	for (int i = 0; i < STREAMS; i++) {
		struct stream *stream = &scene.streams[i];

		job_init(&stream->job, scene.pool, "print(id(object()) >> 12)");
		stream->job.execution.done = stream_done;
		stream->job.execution.tenant = 1 + (uint64_t)i;
		job_submit(&stream->job);
	}
}

static void streams_end(void)
{
	atomic_store(&scene.stop, true);
	for (int i = 0; i < STREAMS; i++) {
		job_wait(&scene.streams[i].job);
		cr_expect_eq(scene.streams[i].failures, 0, "of %u", scene.streams[i].runs);
		cr_expect_gt(scene.streams[i].runs, 0);
		job_fini(&scene.streams[i].job);
	}
}

static bool is_renewed(const struct pool_status *status)
{
	if (status->idle < scene.idle_least)
		scene.idle_least = status->idle;
	return status->template_renewals >= scene.renewals_wanted;
}

/* Every worker is of the newest template; on a quiet pool. */
static bool is_all_new(const struct pool_status *status)
{
	const struct shard *shard = &scene.pool->shards[0];

	for (unsigned i = 0; i < shard->slot_count; i++)
		if (shard->slots[i].template_number != shard->template_number)
			return false;
	return is_renewed(status) && all_idle(status);
}

static void expect_no_trouble(void)
{
	struct pool_status status = status_of(scene.pool);

	cr_expect_str_empty(status.last_failure);
	cr_expect_eq(status.birth_failures + status.template_restarts + status.quarantined, 0);
}

static struct pool_config renewing(enum reset_policy reset, unsigned workers)
{
	struct pool_config config = pool_configured(workers);

	config.reset = reset;
	config.template_executions = 0;
	config.template_age_nsec = 0;
	scene.idle_least = workers;
	return config;
}

static void renew_under_load(enum reset_policy reset, unsigned executions)
{
	struct pool_config config = renewing(reset, 8);

	config.template_executions = executions;
	scene.pool = pool_started(&config);
	scene.renewals_wanted = RENEWALS;
	streams_begin();
	cr_expect(pool_wait(scene.pool, is_renewed), "%lu renewals",
		status_of(scene.pool).template_renewals);
	streams_end();
	/* What it printed in a generation is the same, and another in the next. */
	cr_expect_gt(scene.address_count, RENEWALS - 1);
	expect_no_trouble();
}

Test(pool_renewal, goes_unnoticed_under_load_where_workers_are_rewound)
{
	renew_under_load(RESET_REWIND, 100);
	cr_expect_gt(status_of(scene.pool).rewinds, 0);
	pool_stop(scene.pool);
}

Test(pool_renewal, goes_unnoticed_under_load_where_workers_are_replaced)
{
	renew_under_load(RESET_REPLACE, 20);
	pool_stop(scene.pool);
}

/* All of them busy: there is no idle one to begin with. */
/* Without one: else the tests above would prove nothing. */
Test(pool_renewal, alone_changes_addresses)
{
	struct pool_config config = renewing(RESET_REWIND, 8);

	scene.pool = pool_started(&config);
	streams_begin();
	for (int i = 0; i < 100; i++)
		pool_expect(scene.pool, "pass", "ok");
	streams_end();
	cr_expect_eq(scene.address_count, 1, "%u", scene.address_count);
	cr_expect_eq(status_of(scene.pool).template_renewals, 0);
	pool_stop(scene.pool);
}

Test(pool_renewal, goes_on_where_nobody_is_ever_idle)
{
	struct pool_config config = renewing(RESET_REWIND, STREAMS - 1);

	config.template_executions = 100;
	scene.pool = pool_started(&config);
	scene.renewals_wanted = RENEWALS;
	streams_begin();
	cr_expect(pool_wait(scene.pool, is_renewed));
	streams_end();
	cr_expect_gt(scene.address_count, RENEWALS - 1);
	expect_no_trouble();
	pool_stop(scene.pool);
}

Test(pool_renewal, comes_with_age_and_leaves_nobody_of_the_old_one)
{
	struct pool_config config = renewing(RESET_REWIND, 8);

	config.template_age_nsec = 3 * NSEC_PER_SEC;
	scene.pool = pool_started(&config);
	scene.idle_least = 8;
	scene.renewals_wanted = 1;
	pid_t old = scene.pool->shards[0].template->pid;

	cr_expect(pool_wait(scene.pool, is_all_new));
	cr_expect_geq(scene.idle_least, 8 - RENEWALS_MAX - 1, "it ran dry: %u",
		scene.idle_least);
	cr_expect_neq(scene.pool->shards[0].template->pid, old);
	for (int i = 0; i < 20; i++)
		pool_expect(scene.pool, "print(1)", "ok");
	cr_expect_gt(status_of(scene.pool).rewinds, 0, "its image was captured");
	expect_no_trouble();
	pool_stop(scene.pool);
}

Test(pool_renewal, of_a_pool_of_one_replaces_the_one)
{
	struct pool_config config = renewing(RESET_AUTO, 1);

	config.template_executions = 5;
	scene.pool = pool_started(&config);
	scene.renewals_wanted = 1;
	for (int i = 0; i < 5; i++)
		pool_expect(scene.pool, "print(1)", "ok");
	cr_expect(pool_wait(scene.pool, is_all_new));
	expect_no_trouble();
	pool_stop(scene.pool);
}

/* Whichever is killed, the other one serves, and there is a new one in the end. */
Test(pool_renewal, outlives_the_death_of_either_template)
{
	for (int which = 0; which < 2; which++) {
		struct pool_config config = renewing(RESET_REWIND, 4);
		volatile struct shard *shard;
		pid_t pid = 0;

		config.template_executions = 1;
		scene.pool = pool_started(&config);
		shard = &scene.pool->shards[0];
		scene.renewals_wanted = 1;
		pool_expect(scene.pool, "print(1)", "ok");
		while (!shard->successor)
			sched_yield();
		pid = which ? shard->successor->pid : shard->template->pid;
		cr_assert_gt(pid, 0);
		cr_assert_eq(kill(pid, SIGKILL), 0);
		pool_expect(scene.pool, "print(1)", "ok");
		cr_expect(pool_wait(scene.pool, is_all_new), "%s",
			status_of(scene.pool).last_failure);
		pool_expect(scene.pool, "print(1)", "ok");
		cr_expect_eq(status_of(scene.pool).quarantined, 0);
		pool_stop(scene.pool);
	}
}

Test(pool_renewal, can_be_interrupted_by_the_end_of_the_pool)
{
	struct pool_config config = renewing(RESET_REPLACE, 2);
	volatile struct shard *shard;

	config.template_executions = 1;
	scene.pool = pool_started(&config);
	shard = &scene.pool->shards[0];
	pool_expect(scene.pool, "print(1)", "ok");
	while (!shard->successor)
		sched_yield();
	pool_stop(scene.pool);
}
