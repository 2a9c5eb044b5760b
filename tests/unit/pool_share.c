// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_share.c: what a tenant has of workers and CPU, as the kernel holds it.
 */
#include "tests/unit/pool_fixture.h"

#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CROWD 5u
#define CROWD_DIVISOR 8u /* the next power of two */
#define WORKERS 8u

TestSuite(pool_share, .timeout = 50);

/* Runs until the end of the given pipe; returns when it does. */
static void job_begin(struct job *job, struct pool *pool, uint64_t tenant, int stdin_fd)
{
	job_init(job, pool, "import sys\nprint('on', flush=True)\nsys.stdin.read()");
	job->execution.tenant = tenant;
	job->execution.stdin_fd = stdin_fd;
	job->execution.stream = true;
	job_submit(job);
	cr_assert(job_wait_said(job, "on"));
}

/* 1 is the whole of it; 0 where the machine has no controller for CPU. */
static uint64_t divisor_of(const struct job *job)
{
	const struct slot *slot = job->execution.slot;
	const struct cgroup_control *cpu = &slot->shard->pool->cgroups->control[CGROUP_CPU];
	bool is_v1 = cpu->ops == &cgroup_v1_ops;
	uint64_t weight;

	if (!cpu->ops)
		return 0;
	cr_assert_eq(cgroup_slot_read_number(cpu->tree, slot->number,
			     is_v1 ? "cpu.shares" : "cpu.weight", &weight), 0);
	return (is_v1 ? 1024 : 100) / weight;
}

static uint64_t slice_nsec_of(const struct job *job)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = { .size = sizeof(attributes) };

	cr_assert_eq(syscall(SYS_sched_getattr, job->execution.slot->worker_pid, &attributes,
			     sizeof(attributes), 0), 0);
	cr_expect_eq(attributes.policy, 0, "what the shard's thread has, nobody else has");
	cr_expect_eq(attributes.nice, 0);
	return attributes.runtime;
}

Test(pool_share, weighs_the_less_the_more_run_and_let_the_few_run_first)
{
	struct pool *pool = pool_of(WORKERS);
	struct job crowd[CROWD], few, late;
	int ends[2];
	uint64_t whole;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	for (unsigned i = 0; i < CROWD; i++)
		job_begin(&crowd[i], pool, 1, ends[0]);
	job_begin(&few, pool, 2, ends[0]);
	job_begin(&late, pool, 1, ends[0]);
	whole = divisor_of(&few);
	cr_expect_leq(whole, 1);
	for (unsigned i = 0; i < CROWD; i++)
		cr_expect_eq(divisor_of(&crowd[i]), whole * CROWD_DIVISOR);
	cr_expect_eq(divisor_of(&late), whole * CROWD_DIVISOR);
	/* Before Linux 6.12 a task has no slice of its own: 0. */
	if (slice_nsec_of(&crowd[0])) {
		cr_expect_lt(slice_nsec_of(&few), slice_nsec_of(&crowd[0]), "alone: the kernel's");
		cr_expect_lt(slice_nsec_of(&crowd[0]), slice_nsec_of(&late));
	}
	close(ends[1]);
	for (unsigned i = 0; i < CROWD; i++)
		job_wait(&crowd[i]);
	job_wait(&few);
	job_wait(&late);
	cr_expect(pool_wait(pool, all_idle));
	/* Nothing of it lasts: the next one of the crowd's tenant weighs as anybody's. */
	close(ends[0]);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	job_fini(&late);
	job_begin(&late, pool, 1, ends[0]);
	cr_expect_eq(divisor_of(&late), whole);
	close(ends[1]);
	job_wait(&late);
	close(ends[0]);
	for (unsigned i = 0; i < CROWD; i++)
		job_fini(&crowd[i]);
	job_fini(&few);
	job_fini(&late);
	pool_stop(pool);
}


Test(pool_share, is_held_until_there_is_a_new_worker)
{
	struct pool *pool = pool_of(WORKERS);
	const struct tenant_share *share = &pool->tenants.rows[0].shares[0];
	struct job jobs[2];
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	for (unsigned i = 0; i < 2; i++)
		job_begin(&jobs[i], pool, 7, ends[0]);
	cr_expect_eq(atomic_load(&share->held), 2);
	cr_expect_eq(tenants_present(&pool->tenants), 1);
	close(ends[1]);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(job_wait(&jobs[i])->verdict, VERDICT_OK);
		job_fini(&jobs[i]);
	}
	close(ends[0]);
	cr_expect(pool_wait(pool, all_idle));
	cr_expect_eq(atomic_load(&share->held), 0);
	cr_expect_eq(tenants_present(&pool->tenants), 0);
	pool_stop(pool);
}
