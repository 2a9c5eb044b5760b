// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_output.c: output on its way to a caller who is slow, and when there is too much.
 */
#include "tests/unit/pool_fixture.h"

#include "base/own.h"

#include <fcntl.h>

TestSuite(pool_output, .timeout = 50);

Test(pool_output, comes_while_the_program_runs)
{
	struct pool *pool = pool_of(1);
	struct job job;
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	job_init(&job, pool, "print('question?')\nprint('answer:', input())");
	job.execution.stdin_fd = ends[0];
	job.execution.stream = true;
	job_submit(&job);
	cr_expect(job_wait_said(&job, "question?\n"));
	cr_expect_not(job.done);
	cr_assert_eq(write(ends[1], "yes\n", 4), 4);
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_OK);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "question?\nanswer: yes\n");
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	job_fini(&job);
	pool_stop(pool);
}

Test(pool_output, keeps_the_order_of_a_program_and_its_children)
{
	struct pool *pool = pool_of(1);
	struct job job;

	for (int streamed = 0; streamed <= 1; streamed++) {
		job_init(&job, pool,
			"import os, subprocess\nprint(1)\nsubprocess.run(['echo', '2'])\n"
			"print(3, flush=True)\nos.system('echo 4')\nos.write(1, "
			"b'5\\n')\nprint(6)");
		job.execution.stream = streamed;
		cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
		cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "1\n2\n3\n4\n5\n6\n");
		job_fini(&job);
	}
	pool_stop(pool);
}

static const char numbers[] = "for i in range(200000): print(i)";
#define NUMBERS 200000

static void expect_numbers(struct job *job)
{
	const char *text = job_text(job, OUTPUT_STDOUT);
	char line[16];

	for (int i = 0; i < NUMBERS; i++) {
		int n = snprintf(line, sizeof(line), "%d\n", i);

		cr_assert_eq(strncmp(text, line, (size_t)n), 0, "lost or torn at %d", i);
		text += n;
	}
	cr_expect_str_empty(text);
}

Test(pool_output, waits_for_a_caller_that_is_full_and_loses_nothing)
{
	struct pool *pool = pool_of(1);
	struct job job;

	for (int streamed = 0; streamed <= 1; streamed++) {
		job_init(&job, pool, numbers);
		job.execution.stream = streamed;
		job.refusing = true;
		limits_set(&job.execution.limits, LIMIT_OUTPUT, 8 << 20);
		job_submit(&job);
		/* Each time that it is full, the ring behind it fills as well. */
		while (job_wait_full(&job))
			job_resume(&job, job.refusals < 40);
		cr_expect_eq(job_wait(&job)->verdict, VERDICT_OK);
		cr_expect_eq(job.refusals, 40);
		cr_expect_eq(job.execution.result.usage.dropped_bytes, 0);
		expect_numbers(&job);
		job_fini(&job);
	}
	pool_stop(pool);
}

static _Atomic int left_behind; /* 1 + whether the file is there, once somebody looked */

static void workspace_left(struct execution *execution, int workspace)
{
	left_behind = faccessat(workspace, "a", F_OK, 0) == 0 ? 2 : 1;
}

static bool none_busy(const struct pool_status *status)
{
	return status->busy == 0;
}

/* Its worker ended, and its cell does not wait until somebody takes the output. */
Test(pool_output, shows_what_was_left_though_its_caller_is_full)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "import os\nopen('a', 'w').close()\nprint('y')\nos._exit(0)");
	job.execution.stream = true;
	job.execution.left = workspace_left;
	job.refusing = true;
	job_submit(&job);
	cr_expect(job_wait_full(&job));
	cr_expect(pool_wait(pool, none_busy));
	cr_expect_eq(left_behind, 2);
	job_resume(&job, false);
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_OK);
	job_fini(&job);
	pool_stop(pool);
}

Test(pool_output, of_children_waits_for_a_caller_that_is_full_too)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "import subprocess\nsubprocess.run(['seq', '0', '199999'])");
	job.refusing = true;
	limits_set(&job.execution.limits, LIMIT_OUTPUT, 8 << 20);
	job_submit(&job);
	while (job_wait_full(&job))
		job_resume(&job, job.refusals < 10);
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_OK);
	cr_expect_eq(job.refusals, 10);
	expect_numbers(&job);
	job_fini(&job);
	pool_stop(pool);
}

static bool one_is_idle_and_none_busy(const struct pool_status *status)
{
	return status->idle == 1 && status->busy == 0;
}

Test(pool_output, that_nobody_takes_stops_no_deadline)
{
	struct pool *pool = pool_of(2);
	struct job flooding, beside;

	job_init(&flooding, pool, "while True: print('x' * 999)");
	flooding.refusing = true;
	limits_set(&flooding.execution.limits, LIMIT_OUTPUT, 8 << 20);
	limits_set(&flooding.execution.limits, LIMIT_TIMEOUT, 100 * NSEC_PER_MSEC);
	job_submit(&flooding);
	cr_assert(job_wait_full(&flooding));

	/* A later deadline of the same shard: when that one is over, the earlier one is. */
	job_init(&beside, pool, "while True: pass");
	limits_set(&beside.execution.limits, LIMIT_TIMEOUT, 200 * NSEC_PER_MSEC);
	cr_expect_eq(job_run(&beside)->verdict, VERDICT_TIMEOUT);
	cr_expect(pool_wait(pool, one_is_idle_and_none_busy), "the flooding one is still running");
	cr_expect_not(flooding.done, "nobody took its output yet");
	job_resume(&flooding, false);

	const struct result *result = job_wait(&flooding);

	cr_expect_eq(result->verdict, VERDICT_TIMEOUT);
	cr_expect_lt(result->ended_nsec, beside.execution.result.ended_nsec);
	cr_expect_geq(result->ended_nsec, result->due_nsec);
	job_fini(&flooding);
	job_fini(&beside);
	pool_stop(pool);
}

Test(pool_output, that_nobody_takes_can_be_cancelled)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "while True: print('x' * 999)");
	job.refusing = true;
	job_submit(&job);
	cr_assert(job_wait_full(&job));
	pool_cancel(pool, &job.execution);
	job_resume(&job, false);
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_CANCELLED);
	job_fini(&job);
	pool_stop(pool);
}

/* Written at once, so all of it has arrived when the limit is looked at. */
static const char flood[] = "import sys\n"
			    "text = ''.join(f'{i:07d}\\n' for i in range(3000))\n"
			    "print('e' * 1999, file=sys.stderr, flush=True)\n"
			    "sys.stdout.buffer.raw.write(text.encode())\n"
			    "while True: pass";
#define FLOOD_LINE 8u
#define FLOOD_BYTES (3000u * FLOOD_LINE)

Test(pool_output, beyond_its_limit_keeps_head_and_tail)
{
	struct pool *pool = pool_of(1);
	struct job job;
	const unsigned head = 4096 - 2000, dropped = FLOOD_BYTES - head - EXECUTION_TAIL_BYTES;
	char expected[16];

	job_init(&job, pool, flood);
	job.execution.stream = true;
	limits_set(&job.execution.limits, LIMIT_OUTPUT, 4096);

	const struct result *result = job_run(&job);
	const char *text = job_text(&job, OUTPUT_STDOUT);

	cr_expect_str_eq(job_verdict(&job), "limit:output");
	cr_expect_eq(result->limit_value, 4096);
	cr_expect_eq(result->usage.dropped_bytes, dropped);
	cr_expect_eq(result->usage.output_bytes, 4096 + EXECUTION_TAIL_BYTES);
	cr_expect_eq(job.gaps, 1, "stderr lost nothing");
	cr_expect_eq(job.gap_bytes, dropped);
	cr_expect_eq(strlen(job_text(&job, OUTPUT_STDERR)), 2000);
	for (unsigned i = 0; i < head / FLOOD_LINE; i++) {
		snprintf(expected, sizeof(expected), "%07u\n", i);
		cr_assert_eq(strncmp(text + i * FLOOD_LINE, expected, FLOOD_LINE), 0,
			"head, line %u", i);
	}
	snprintf(expected, sizeof(expected), "\n[%u by", dropped);
	text += head;
	cr_expect_eq(strncmp(text, expected, strlen(expected)), 0, "%.40s", text);
	text = strstr(text, "left out]\n") + strlen("left out]\n");
	cr_assert_eq(strlen(text), EXECUTION_TAIL_BYTES);
	for (unsigned i = 0; i < EXECUTION_TAIL_BYTES / FLOOD_LINE; i++) {
		snprintf(expected, sizeof(expected), "%07u\n",
			3000 - EXECUTION_TAIL_BYTES / FLOOD_LINE + i);
		cr_assert_eq(strncmp(text + i * FLOOD_LINE, expected, FLOOD_LINE), 0,
			"tail, line %u", i);
	}
	job_fini(&job);
	pool_stop(pool);
}

Test(pool_output, of_just_the_limit_is_all_there)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "print('x' * 4095)");
	limits_set(&job.execution.limits, LIMIT_OUTPUT, 4096);
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
	cr_expect_eq(job.execution.result.usage.output_bytes, 4096);
	cr_expect_eq(job.gaps, 0);
	job_fini(&job);
	pool_stop(pool);
}

/* --- Lent by the ring ------------------------------------------------------------------------ */

static struct output_record lent[OUTPUT_VECTOR_MAX];
static unsigned lent_count, lendings;

static unsigned job_vector(
	struct execution *execution, const struct output_record *records, unsigned count)
{
	struct job *job = execution->user;

	pthread_mutex_lock(&job->lock);
	memcpy(lent, records, count * sizeof(*records));
	lent_count = count;
	lendings++;
	job->full = true;
	pthread_cond_broadcast(&job->changed);
	pthread_mutex_unlock(&job->lock);
	return count;
}

/* What is lent is read as late as can be: just before it is given back. */
static void lent_return(struct job *job)
{
	static char bytes[OUTPUT_RECORD_BYTES_MAX];

	for (unsigned i = 0; i < lent_count; i++)
		capture_add(&job->capture, lent[i].kind, bytes,
			output_copy(&lent[i], 0, bytes, sizeof(bytes)));
	lent_count = 0;
	job_resume(job, false);
}

/* Between small ones, which come as they always do, and more than the ring holds. */
static const char large_numbers[] =
	"import sys\n"
	"for i in range(0, 200000, 10000):\n"
	"    print(i)\n"
	"    print('\\n'.join(str(j) for j in range(i + 1, i + 10000)))";

Test(pool_output, that_is_lent_stays_until_it_is_given_back)
{
	struct pool *pool = pool_of(1);
	struct job job;

	for (int streamed = 0; streamed <= 1; streamed++) {
		job_init(&job, pool, large_numbers);
		job.execution.stream = streamed;
		job.execution.vector = job_vector;
		limits_set(&job.execution.limits, LIMIT_OUTPUT, 8 << 20);
		lendings = 0;
		job_submit(&job);
		while (job_wait_full(&job))
			lent_return(&job);
		cr_expect_eq(job_wait(&job)->verdict, VERDICT_OK);
		cr_expect_gt(lendings, 4);
		expect_numbers(&job);
		cr_expect_eq(job.execution.result.usage.output_bytes,
			job.capture.parts[OUTPUT_STDOUT].used);
		job_fini(&job);
	}
	pool_stop(pool);
}

Test(pool_output, that_is_lent_outlives_its_worker)
{
	struct pool *pool = pool_of(1);
	struct job job;

	for (int timed = 0; timed <= 1; timed++) {
		job_init(&job, pool, "print('a' * 100000)\nwhile True: pass");
		job.execution.stream = true;
		job.execution.vector = job_vector;
		if (timed)
			limits_set(&job.execution.limits, LIMIT_TIMEOUT, 200 * NSEC_PER_MSEC);
		job_submit(&job);
		cr_assert(job_wait_full(&job));
		if (!timed)
			pool_cancel(pool, &job.execution);
		while (!pool->slots[0].worker_reaped)
			pool_wait_idle(pool, 1, NSEC_PER_MSEC);
		cr_expect_not(job.done);
		do
			lent_return(&job);
		while (job_wait_full(&job));
		cr_expect_eq(job_wait(&job)->verdict, timed ? VERDICT_TIMEOUT : VERDICT_CANCELLED);
		cr_expect_gt(job.capture.parts[OUTPUT_STDOUT].used, 0);
		cr_expect_eq(strspn(job_text(&job, OUTPUT_STDOUT), "a\n"),
			job.capture.parts[OUTPUT_STDOUT].used);
		job_fini(&job);
	}
	pool_expect(pool, "pass", "ok");
	pool_stop(pool);
}

Test(pool_output, that_is_lent_counts_for_the_limit)
{
	struct pool *pool = pool_of(1);
	struct job jobs[2];

	for (int i = 0; i < 2; i++) {
		job_init(&jobs[i], pool, flood);
		jobs[i].execution.stream = true;
		jobs[i].execution.vector = i ? job_vector : NULL;
		limits_set(&jobs[i].execution.limits, LIMIT_OUTPUT, 4096);
		job_submit(&jobs[i]);
		while (job_wait_full(&jobs[i]))
			lent_return(&jobs[i]);
		job_wait(&jobs[i]);
		cr_expect_str_eq(job_verdict(&jobs[i]), "limit:output");
	}
	cr_expect_eq(lendings, 1, "stderr, and not what passes the limit");
	for (int kind = OUTPUT_STDOUT; kind <= OUTPUT_STDERR; kind++)
		cr_expect_str_eq(job_text(&jobs[0], kind), job_text(&jobs[1], kind));
	cr_expect_eq(jobs[0].gap_bytes, jobs[1].gap_bytes);
	for (int i = 0; i < 2; i++)
		job_fini(&jobs[i]);
	pool_stop(pool);
}

/* The first record is told of at once; the last ones of a burst are not forgotten. */
Test(pool_output, of_a_burst_comes_to_its_last_byte_while_the_program_runs)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "for i in range(9): print('x' * 20000)\n"
			     "print('last')\nwhile True: pass");
	job.execution.stream = true;
	job_submit(&job);
	cr_expect(job_wait_said(&job, "last\n"));
	cr_expect_not(job.done);
	pool_cancel(pool, &job.execution);
	job_wait(&job);
	job_fini(&job);
	pool_stop(pool);
}

/* --- A worker that does not keep to the protocol -----------------------------------------------
 */

Test(pool_output, of_a_worker_without_a_control_socket_arrives_with_its_verdict)
{
	struct pool *pool = pool_of(1);
	struct job job;

	pool_expect(pool, "import os\nos.close(3)", "ok");
	job_init(&job, pool, "import os\nos.close(3)\nprint('said')\nraise ValueError('no')");
	cr_expect_eq(job_run(&job)->verdict, VERDICT_ERROR);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "said\n");
	cr_expect_str_eq(job_text(&job, OUTPUT_ERROR_NAME), "ValueError");
	job_fini(&job);
	pool_stop(pool);
}

Test(pool_output, of_a_worker_without_a_control_socket_keeps_its_verdict_behind_a_full_caller)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "import os\nprint('x' * 200000)\nos.close(3)\nraise ValueError('no')");
	job.refusing = true;
	job.execution.stream = true;
	job_submit(&job);
	while (job_wait_full(&job)) {
		/* It has ended, and its end record lies behind what was not taken yet. */
		while (!pool->slots[0].worker_reaped)
			pool_wait_idle(pool, 1, NSEC_PER_MSEC);
		job_resume(&job, false);
	}
	cr_expect_eq(job_wait(&job)->verdict, VERDICT_ERROR, "%s", job_verdict(&job));
	job_fini(&job);
	pool_stop(pool);
}

Test(pool_output, of_a_worker_that_floods_its_doorbell_is_refused)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "import os\nwhile True: os.write(3, b'x')");
	cr_expect_eq(job_run(&job)->verdict, VERDICT_DENIED);
	cr_expect(strstr(job.execution.result.reason, "output ring or socket"));
	job_fini(&job);
	pool_expect(pool, "pass", "ok");
	pool_stop(pool);
}
