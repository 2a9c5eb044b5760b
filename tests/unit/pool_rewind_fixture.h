// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_rewind_fixture.h: pools whose workers are rewound, and what an idle one is.
 */
#pragma once

#include "tests/unit/pool_fixture.h"

#include "snapshot/verify.h"

#include <sys/syscall.h>

static inline struct pool *pool_with(enum reset_policy reset, unsigned workers)
{
	struct pool_config config = pool_configured(workers);

	config.reset = reset;
	return pool_started(&config);
}

static inline bool one_idle(const struct pool_status *status)
{
	return status->idle == status->total;
}

/* Runs it and waits until its worker is idle again; what its result said of the reset. */
static inline const char *reset_after(struct pool *pool, const char *code, const char *verdict)
{
	static char reset[32];
	struct job job;

	job_init(&job, pool, code);
	job_run(&job);
	cr_expect_str_eq(job_verdict(&job), verdict, "%s: %s %s", code,
		job.execution.result.reason, job_text(&job, OUTPUT_STDERR));
	snprintf(reset, sizeof(reset), "%s", job.execution.result.reset);
	job_fini(&job);
	cr_expect(pool_wait(pool, one_idle));
	return reset;
}

static inline void output_expect(struct pool *pool, const char *code, const char *output)
{
	struct job job;

	job_init(&job, pool, code);
	job_run(&job);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), output, "%s: %s", code,
		job_text(&job, OUTPUT_STDERR));
	job_fini(&job);
	cr_expect(pool_wait(pool, one_idle));
}

/* Criterion copies a parameter into the test's process: no pointers. */
struct program {
	char code[500], verdict[16];
};

/* One that was just let go may not yet be in the call in which it waits. */
static inline void worker_hold(struct pool *pool, struct tracee *tracee)
{
	struct user_regs_struct registers = { .orig_rax = 0 };

	for (;;) {
		cr_assert_eq(tracee_begin(tracee, pool->slots[0].worker_pid, 0), 0);
		cr_assert_eq(tracee_wait(tracee, clock_now_nsec() + WAIT_NSEC), 0);
		cr_assert_eq(tracee_get_general(tracee, &registers), 0);
		/* -ERESTARTSYS of the kernel: it was in it, and not about to repeat it. */
		if (registers.orig_rax == SYS_recvmsg && (int64_t)registers.rax == -512)
			return;
		cr_assert_eq(tracee_end(tracee), 0);
	}
}

/* Of an idle worker, from this thread. */
static inline struct verify_digest digest_of(struct pool *pool)
{
	struct verify_digest digest;
	struct tracee tracee;

	worker_hold(pool, &tracee);
	cr_assert_eq(verify_process(&tracee, &digest), 0);
	cr_assert_eq(tracee_end(&tracee), 0);
	return digest;
}

/*
 * Rewound behind the program, again and again, the worker is what it was behind the smallest one.
 * From inside, `look` must see what it would see in a fresh one.
 */
static inline void program_leaves_nothing(
	const struct program *program, const char *look, const char *seen)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct verify_digest wanted, now;

	reset_after(pool, "pass", "ok");
	wanted = digest_of(pool);
	for (int i = 0; i < 3; i++) {
		cr_expect_str_eq(reset_after(pool, program->code, program->verdict), "rewind");
		cr_expect_eq(status_of(pool).births, 1, "%s", program->code);
		cr_expect_eq(cgroups_slot_tasks(pool->cgroups, 0), 1, "%s", program->code);
		now = digest_of(pool);
		cr_expect_null(verify_compare(&wanted, &now), "%s differs after %s",
			verify_compare(&wanted, &now), program->code);
		output_expect(pool, look, seen);
	}
	cr_expect_eq(status_of(pool).rewind_failures, 0, "%s: %s", program->code,
		status_of(pool).last_failure);
	pool_stop(pool);
}
