// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_mend.c: a pool whose processes are killed under it says so and is whole again.
 */
#include "tests/unit/pool_fixture.h"

#include "base/file.h"
#include "base/own.h"

#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

TestSuite(pool_mend, .timeout = 50);

/* Returns when it is dead: a dispatch that finds it dying is taken, and lost with it. */
static void worker_kill(struct pool *pool, unsigned slot)
{
	AUTO_FD pidfd = pidfd_open(pool->slots[slot].worker_pid, 0);
	struct pollfd death = { .fd = pidfd, .events = POLLIN };

	cr_assert_geq(pidfd, 0);
	cr_assert_eq(kill(pool->slots[slot].worker_pid, SIGKILL), 0);
	cr_assert_eq(poll(&death, 1, -1), 1);
}

static unsigned kills; /* of templates, so far */

static bool template_is_new(const struct pool_status *status)
{
	return status->template_restarts >= kills && all_idle(status);
}

static void template_kill(struct pool *pool)
{
	pid_t pid = pool->shards[0].template->pid;

	cr_assert_gt(pid, 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	kills++;
}

/* Runs through all workers, so that each is born anew. */
static void expect_whole(struct pool *pool)
{
	cr_expect(pool_wait(pool, all_idle), "%u of %u idle, %u dead: %s", status_of(pool).idle,
		status_of(pool).total, status_of(pool).dead, status_of(pool).last_failure);
	for (unsigned i = 0; i < 2 * pool->config.workers; i++)
		pool_expect(pool, "print(1)", "ok");
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_eq(status_of(pool).quarantined, 0);
}

Test(pool_mend, starts_a_template_again_that_was_killed)
{
	struct pool *pool = pool_of(2);

	template_kill(pool);
	/* The workers that are there go on. */
	pool_expect(pool, "print(1)", "ok");
	cr_expect(pool_wait(pool, template_is_new));
	cr_expect(strstr(status_of(pool).last_failure, "template is gone: it ended with signal 9"),
		"%s", status_of(pool).last_failure);
	expect_whole(pool);
	pool_stop(pool);
}

static unsigned births_seen;

static bool is_giving_birth(const struct pool_status *status)
{
	return status->births > births_seen;
}

/* While workers are born: at any moment of a birth, over some rounds. */
Test(pool_mend, starts_a_template_again_that_was_killed_in_the_middle_of_births)
{
	struct pool *pool = pool_of(8);

	for (int round = 0; round < 4; round++) {
		births_seen = (unsigned)status_of(pool).births;
		for (int i = 0; i < 4; i++)
			pool_expect(pool, "print(1)", "ok");
		/* One of the four is born, so the template lives; the others are on their way. */
		cr_expect(pool_wait(pool, is_giving_birth));
		template_kill(pool);
		cr_expect(pool_wait(pool, template_is_new));
	}
	expect_whole(pool);
	pool_stop(pool);
}

static bool nursery_is_missed(const struct pool_status *status)
{
	return strstr(status->last_failure, "the nursery ended");
}

Test(pool_mend, starts_a_nursery_again_that_was_killed)
{
	struct pool *pool = pool_of(2);

	cr_assert_eq(kill(pool->shards[0].nursery.pid, SIGKILL), 0);
	/* Cells that stay need none: without it the pool may go on for long. */
	cr_expect(pool_wait(pool, nursery_is_missed), "%s", status_of(pool).last_failure);
	expect_whole(pool);
	pool_stop(pool);
}

Test(pool_mend, starts_a_nursery_again_that_was_killed_in_the_middle_of_births)
{
	struct pool *pool = pool_of(8);

	for (int round = 0; round < 6; round++) {
		births_seen = (unsigned)status_of(pool).births;
		for (int i = 0; i < 4; i++)
			pool_expect(pool, "print(1)", "ok");
		cr_expect(pool_wait(pool, is_giving_birth));

		pid_t nursery = pool->shards[0].nursery.pid;

		if (nursery)
			kill(nursery, SIGKILL);
		cr_expect(pool_wait(pool, all_idle));
	}
	expect_whole(pool);
	pool_stop(pool);
}

static bool is_born_again(const struct pool_status *status)
{
	return status->births >= 4 && all_idle(status);
}

/* One idle worker by its own process, the other by its cell's PID 1. */
Test(pool_mend, replaces_an_idle_worker_that_was_killed)
{
	struct pool *pool = pool_of(2);

	worker_kill(pool, 0);
	cr_assert_eq(kill(pool->slots[1].init_pid, SIGKILL), 0);
	cr_expect(pool_wait(pool, is_born_again));
	expect_whole(pool);
	pool_stop(pool);
}

Test(pool_mend, runs_an_execution_though_every_idle_worker_has_just_died)
{
	struct pool *pool = pool_of(4);

	for (unsigned i = 0; i < 4; i++)
		worker_kill(pool, i);
	pool_expect(pool, "print(1)", "ok");
	expect_whole(pool);
	pool_stop(pool);
}

Test(pool_mend, tells_the_signal_of_a_busy_worker_that_was_killed)
{
	struct pool *pool = pool_of(1);

	for (int which = 0; which <= 1; which++) {
		struct job job;

		job_init(&job, pool, "import signal\nprint('ready')\nsignal.pause()");
		job.execution.stream = true;
		job_submit(&job);
		cr_assert(job_wait_said(&job, "ready"));
		kill(which ? pool->slots[0].init_pid : pool->slots[0].worker_pid, SIGKILL);
		cr_expect_eq(job_wait(&job)->verdict, VERDICT_SIGNAL);
		cr_expect_eq(job.execution.result.signal, SIGKILL);
		job_fini(&job);
	}
	expect_whole(pool);
	pool_stop(pool);
}

/* Its death is not the code's: nothing of that ran. */
Test(pool_mend, loses_what_a_worker_that_was_killed_had_not_begun)
{
	struct pool *pool = pool_of(1);
	pid_t worker = pool->slots[0].worker_pid;
	siginfo_t stopped;
	struct job job;

	cr_assert_eq(kill(worker, SIGSTOP), 0);
	cr_assert_eq(waitid(P_PID, (id_t)worker, &stopped, WSTOPPED | __WALL), 0);
	job_init(&job, pool, "print(1)");
	job_submit(&job);
	while (status_of(pool).busy == 0)
		sched_yield();
	cr_assert_eq(kill(worker, SIGKILL), 0);
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_LOST, "%s", job_verdict(&job));
	cr_expect_str_eq(job.execution.result.reason, "its worker died before it could begin");
	job_fini(&job);
	expect_whole(pool);
	pool_stop(pool);
}

/* Births are under way when one worker of four is there: nobody may be forgotten in the middle. */
Test(pool_mend, stops_at_any_moment_of_a_birth)
{
	struct pool_config config = pool_configured(4);

	for (int i = 0; i < 12; i++) {
		struct pool *pool = NULL;
		uint64_t before;

		cr_assert_eq(pool_start(&pool, &config, NULL), 0);
		for (int k = 0; k < i % 4; k++)
			pool_expect(pool, "print(1)", "ok");
		before = clock_now_nsec();
		pool_stop(pool);
		cr_expect_lt(clock_now_nsec() - before, SLOT_DEATH_NSEC_MAX / 2,
			"somebody was waited for");
	}
}

/* --- Slots that do not become empty ------------------------------------------------------------
 */

/* A child in the slot's group that no slot knows; -1 where there is no v2 tree. */
static pid_t stranger_start(struct pool *pool, unsigned slot)
{
	struct cgroup_entrance entrance;
	AUTO_FD group = -1;
	pid_t pid;

	cgroups_entrance(pool->cgroups, &entrance);
	if (cgroup_entrance_open(&entrance, slot, &group) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	cr_assert_eq(file_write_number(group, "cgroup.procs", (uint64_t)pid), 0);
	return pid;
}

Test(pool_mend, uses_no_slot_again_in_whose_group_somebody_lives)
{
	struct pool *pool = pool_of(2);
	pid_t stranger = stranger_start(pool, 0);
	int status;

	if (stranger < 0) {
		pool_stop(pool);
		cr_skip_test("no v2 hierarchy is mounted");
	}
	worker_kill(pool, 0);
	/* Nobody told the pool of it; the group knows it, and cgroup.kill ends it. */
	cr_expect_eq(waitpid(stranger, &status, 0), stranger);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_eq(pool->slots[0].generation, 2, "a second cell, in the emptied slot");
	cr_expect_eq(status_of(pool).quarantined, 0);
	pool_expect(pool, "print(1)", "ok");
	pool_stop(pool);
}
