// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_queue.c: whose turn it is: in a real pool, by who began before whom.
 */
#include "tests/unit/pool_fixture.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>

TestSuite(pool_queue, .timeout = 50);

#define JOBS_MAX 32

/* A pool whose one worker a shard is busy until the gate opens, and what waits behind it. */
static struct {
	struct pool *pool;
	struct job gate, jobs[JOBS_MAX];
	int gate_fd;
	unsigned count;
} scene;

static struct job *waiting(uint64_t tenant, const char *code)
{
	struct job *job = &scene.jobs[scene.count++];

	job_init(job, scene.pool, code);
	job->execution.tenant = tenant;
	return job;
}

static void scene_open(struct pool_config *config, uint64_t tenant)
{
	int ends[2];

	scene.pool = pool_started(config);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	job_init(&scene.gate, scene.pool,
		"import sys\nprint('ready', flush=True)\nsys.stdin.read()\n");
	scene.gate.execution.tenant = tenant;
	scene.gate.execution.stdin_fd = ends[0];
	scene.gate.execution.stream = true;
	scene.gate_fd = ends[1];
	job_submit(&scene.gate);
	cr_assert(job_wait_said(&scene.gate, "ready"));
}

static void scene_close(void)
{
	for (unsigned i = 0; i < scene.count; i++)
		job_fini(&scene.jobs[i]);
	fd_close(&scene.gate.execution.stdin_fd);
	job_fini(&scene.gate);
	pool_stop(scene.pool);
}

static void gate_pass(void)
{
	fd_close(&scene.gate_fd);
	cr_expect_eq(job_wait(&scene.gate)->verdict, VERDICT_OK);
	for (unsigned i = 0; i < scene.count; i++)
		job_wait(&scene.jobs[i]);
}

/* How many began before this one. */
static unsigned place_of(const struct job *job)
{
	unsigned before = 0;

	for (unsigned i = 0; i < scene.count; i++)
		before += scene.jobs[i].execution.result.verdict == VERDICT_OK &&
			scene.jobs[i].execution.started_nsec < job->execution.started_nsec;
	return before;
}

Test(pool_queue, gives_each_tenant_its_turn_whoever_came_first)
{
	struct pool_config config = pool_configured(1);
	struct job *flood[6], *victim[3];

	scene_open(&config, 1);
	for (int i = 0; i < 6; i++)
		job_submit(flood[i] = waiting(1, "pass"));
	for (int i = 0; i < 3; i++)
		job_submit(victim[i] = waiting(2, "pass"));
	gate_pass();
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(place_of(flood[i]), 2 * i);
		cr_expect_eq(place_of(victim[i]), 2 * i + 1);
	}
	for (unsigned i = 3; i < 6; i++)
		cr_expect_eq(place_of(flood[i]), 3 + i, "alone, it goes on in its own order");
	scene_close();
}

Test(pool_queue, takes_turns_among_three)
{
	struct pool_config config = pool_configured(1);
	struct job *jobs[3][2];

	scene_open(&config, 9);
	for (unsigned tenant = 0; tenant < 3; tenant++)
		for (int i = 0; i < 2; i++)
			job_submit(jobs[tenant][i] = waiting(tenant + 1, "pass"));
	gate_pass();
	for (unsigned tenant = 0; tenant < 3; tenant++)
		for (unsigned i = 0; i < 2; i++)
			cr_expect_eq(place_of(jobs[tenant][i]), 3 * i + tenant);
	scene_close();
}

Test(pool_queue, is_full_for_the_one_who_filled_it_alone)
{
	struct pool_config config = pool_configured(1);
	struct job *refused, *other;

	config.queue_max = 2;
	scene_open(&config, 1);
	job_submit(waiting(1, "pass"));
	job_submit(waiting(1, "pass"));
	refused = waiting(1, "pass");
	cr_expect_eq(job_run(refused)->verdict, VERDICT_REJECTED);
	cr_expect_str_eq(refused->execution.result.reason, "the queue is full");
	job_submit(other = waiting(2, "pass"));
	gate_pass();
	cr_expect_eq(other->execution.result.verdict, VERDICT_OK);
	cr_expect_eq(status_of(scene.pool).queued, 0);
	scene_close();
}

Test(pool_queue, has_room_for_one_more_however_many_tenants_fill_theirs)
{
	struct pool_config config = pool_configured(1);
	unsigned taken[6] = { 0 };

	config.queue_max = 4;
	scene_open(&config, 9);
	/* Five who want four places each, of sixteen in all. */
	for (unsigned turn = 0; turn < 4; turn++)
		for (unsigned tenant = 0; tenant < 5; tenant++)
			job_submit(waiting(tenant + 1, "pass"));
	job_submit(waiting(6, "pass"));
	gate_pass();
	for (unsigned i = 0; i < scene.count; i++)
		taken[scene.jobs[i].execution.tenant - 1] +=
			scene.jobs[i].execution.result.verdict == VERDICT_OK;
	cr_expect_eq(taken[5], 1, "a sixth finds no room");
	for (int i = 0; i < 5; i++)
		cr_expect(taken[i] >= 2 && taken[i] <= 3, "%u of 4", taken[i]);
	scene_close();
}

Test(pool_queue, lets_go_of_what_is_cancelled_and_what_waited_too_long)
{
	struct pool_config config = pool_configured(1);
	struct job *first, *late, *last;

	scene_open(&config, 1);
	job_submit(first = waiting(2, "pass"));
	late = waiting(3, "pass");
	late->execution.queue_nsec_max = 20 * NSEC_PER_MSEC;
	job_submit(late);
	job_submit(last = waiting(2, "pass"));
	pool_cancel(scene.pool, &first->execution);
	cr_expect_eq(job_wait(first)->verdict, VERDICT_CANCELLED);
	cr_expect_eq(job_wait(late)->verdict, VERDICT_REJECTED);
	cr_expect_eq(status_of(scene.pool).queued, 1);
	gate_pass();
	cr_expect_eq(last->execution.result.verdict, VERDICT_OK);
	cr_expect(pool_wait(scene.pool, all_idle));
	cr_expect_eq(tenants_present(&scene.pool->tenants), 0);
	scene_close();
}

/* Eight workers, two reserved: who holds more than its share does not get the last two. */
static bool two_are_spared(const struct pool_status *status)
{
	return status->busy == 6 && status->idle == 2;
}

Test(pool_queue, keeps_idle_workers_for_those_who_have_few)
{
	struct pool_config config = pool_configured(8);
	struct job *flood[7], *victim;

	config.reserve = 2;
	scene_open(&config, 1);
	for (int i = 0; i < 7; i++) {
		flood[i] = waiting(1, "import sys\nprint('on', flush=True)\nsys.stdin.read()");
		flood[i]->execution.stream = true;
		flood[i]->execution.stdin_fd = scene.gate.execution.stdin_fd;
		job_submit(flood[i]);
	}
	for (int i = 0; i < 5; i++)
		cr_assert(job_wait_said(flood[i], "on"));
	cr_expect_eq(status_of(scene.pool).queued, 2);
	cr_expect_eq(status_of(scene.pool).idle, 2);
	victim = waiting(2, "pass");
	cr_expect_eq(job_run(victim)->verdict, VERDICT_OK);
	/* When the victim's worker is born anew: the flood has what it had, the gate its own. */
	cr_expect(pool_wait(scene.pool, two_are_spared), "%u busy, %u idle",
		status_of(scene.pool).busy, status_of(scene.pool).idle);
	gate_pass();
	for (int i = 0; i < 7; i++)
		cr_expect_eq(flood[i]->execution.result.verdict, VERDICT_OK);
	scene_close();
}
