// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_rlimits.c: an execution has its own rlimits, whoever had its worker before.
 */
#include "tests/unit/pool_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static bool has_resource_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	return syscall(SYS_capget, &header, sets) == 0 &&
	       sets[0].effective & 1u << CAP_SYS_RESOURCE;
}

/* What restoring says while a program that ran `code` waits for its input. */
static int restored_after(const char *code)
{
	struct pool *pool = pool_rewinding(1);
	char program[300];
	int input[2], result;
	struct job job;

	snprintf(program, sizeof(program),
		"import resource as r, sys\n%s\nprint('set', flush=True)\nsys.stdin.read()", code);
	cr_assert_eq(pipe2(input, O_CLOEXEC), 0);
	job_init(&job, pool, program);
	job.execution.stdin_fd = input[0];
	job.execution.stream = true;
	job_submit(&job);
	cr_assert(job_wait_said(&job, "set"));
	result = slot_rlimits_restore(&pool->slots[0], pool->shards[0].image.image);
	close(input[1]);
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_OK);
	close(input[0]);
	job_fini(&job);
	pool_stop(pool);
	return result;
}

/* A worker is of another user: without the capability its rlimits can be read, not set. */
Test(pool_rlimits, of_a_worker_are_restored_or_it_must_be_replaced)
{
	const int changed = has_resource_capability() ? 0 : -ENOTSUP;

	cr_expect_eq(restored_after("r.getrlimit(r.RLIMIT_NOFILE)"), 0);
	cr_expect_eq(restored_after("r.setrlimit(r.RLIMIT_NOFILE, (9, 256))"), changed);
	cr_expect_eq(restored_after("r.setrlimit(r.RLIMIT_NPROC, (9, 9))"), changed);
	cr_expect_eq(restored_after("r.setrlimit(r.RLIMIT_AS, (1 << 40, -1))"), changed);
	cr_expect_eq(restored_after("r.setrlimit(r.RLIMIT_STACK, (1 << 20, 1 << 20))"), changed);
}

/* Of our own user any soft one can be set. */
Test(pool_rlimits, are_set_where_they_differ_and_left_where_not)
{
	static struct image image; /* of its posture, only the limits count here */
	const struct rlimit low = { 20, 400 };
	struct rlimit wanted = { 300, 400 }, files, core;
	struct slot slot = { .worker_pid = fork() };

	if (slot.worker_pid == 0)
		for (;;)
			pause();
	cr_assert_eq(posture_read_limits(slot.worker_pid, image.posture.limits), 0);
	image.posture.limits[RLIMIT_NOFILE][0] = wanted.rlim_cur;
	image.posture.limits[RLIMIT_NOFILE][1] = wanted.rlim_max;
	cr_assert_eq(prlimit(slot.worker_pid, RLIMIT_NOFILE, &low, NULL), 0);
	cr_assert_eq(prlimit(slot.worker_pid, RLIMIT_CORE, NULL, &core), 0);
	cr_expect_eq(slot_rlimits_restore(&slot, &image), 0);
	cr_assert_eq(prlimit(slot.worker_pid, RLIMIT_NOFILE, NULL, &files), 0);
	cr_expect(files.rlim_cur == 300 && files.rlim_max == 400);
	/* What a dispatch brought comes before the image's. */
	slot.rlimits.open_files = 100;
	cr_expect_eq(slot_rlimits_restore(&slot, &image), 0);
	cr_assert_eq(prlimit(slot.worker_pid, RLIMIT_NOFILE, NULL, &files), 0);
	cr_expect(files.rlim_cur == 100 && files.rlim_max == 100);
	cr_assert_eq(prlimit(slot.worker_pid, RLIMIT_CORE, NULL, &files), 0);
	cr_expect(files.rlim_cur == core.rlim_cur && files.rlim_max == core.rlim_max);
	cr_assert_eq(kill(slot.worker_pid, SIGKILL), 0);
	cr_expect_eq(waitpid(slot.worker_pid, NULL, 0), slot.worker_pid);
	cr_expect_eq(slot_rlimits_restore(&slot, &image), -ESRCH);
}
