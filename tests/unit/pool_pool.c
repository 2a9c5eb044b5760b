// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_pool.c: executions in a real pool: verdicts, queues, cancelling, stopping.
 */
#include "tests/unit/pool_fixture.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

TestSuite(pool, .timeout = 50);

static const char wait_for_stdin[] = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n";

/* A job that runs until the end of its standard input, which is the write end's. */
static int job_init_waiting(struct job *job, struct pool *pool)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	job_init(job, pool, wait_for_stdin);
	job->execution.stdin_fd = ends[0];
	job->execution.stream = true;
	return ends[1];
}

static void job_fini_waiting(struct job *job)
{
	fd_close(&job->execution.stdin_fd);
	job_fini(job);
}

Test(pool, is_full_of_idle_workers_and_stops_leaving_nothing)
{
	struct pool *pool = pool_of(3);
	struct pool_status status = status_of(pool);

	cr_expect_eq(status.total, 3);
	cr_expect_eq(status.idle, 3);
	cr_expect_eq(status.busy + status.resetting + status.dead + status.queued, 0);
	cr_expect_eq(status.births, 3);
	cr_expect_eq(status.birth_failures + status.template_restarts + status.quarantined, 0);
	cr_expect_str_empty(status.last_failure);
	for (int i = 0; i < LAYER_COUNT; i++)
		cr_expect_neq(status.layers[i].state, LAYER_ABSENT, "%s", layer_name(i));
	pool_stop(pool);
	pool_stop(NULL);
}

Test(pool, tells_a_result_and_its_figures)
{
	struct pool *pool = pool_of(1);
	struct job job;
	uint64_t before = clock_now_nsec();

	job_init(&job, pool,
		"import sys\nprint('out')\nprint('err', file=sys.stderr)\n{'a': [1, 2]}");
	job.execution.want_result = true;

	const struct result *result = job_run(&job);
	const struct usage *usage = &result->usage;

	cr_expect_eq(result->verdict, VERDICT_OK);
	cr_expect_eq(result->limit, RESULT_NO_LIMIT);
	cr_expect_str_empty(result->reason);
	cr_expect_str_eq(result->reset, "replace:policy");
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "out\n");
	cr_expect_str_eq(job_text(&job, OUTPUT_STDERR), "err\n");
	cr_expect_str_eq(job_text(&job, OUTPUT_RESULT_TEXT), "{'a': [1, 2]}");
	cr_expect_str_eq(job_text(&job, OUTPUT_RESULT_JSON), "{\"a\": [1, 2]}");
	cr_expect_eq(usage->output_bytes, 8);
	cr_expect_eq(usage->dropped_bytes, 0);
	cr_expect_gt(usage->wall_usec, 0);
	cr_expect_gt(usage->cpu_usec, 0);
	cr_expect_lt(usage->cpu_usec, 2 * NSEC_PER_SEC / NSEC_PER_USEC);
	cr_expect_gt(usage->memory_peak_bytes, 0);
	cr_expect(usage->traced);
	cr_expect_eq(usage->processes, 1);
	cr_expect(usage->system_calls > 0 && usage->system_calls < 100);
	cr_expect_gt(usage->page_faults, 0);
	cr_expect_gt(result->ended_nsec, before);
	cr_expect_leq(result->ended_nsec, clock_now_nsec());
	cr_expect_gt(result->due_nsec, result->ended_nsec);
	job_fini(&job);
	pool_stop(pool);
}

/* Each limit is another than the pool's; `number` is the exit code, the signal or the limit. */
static const struct {
	const char *code, *verdict;
	enum limit limit;
	uint64_t value;
	int number;
} endings[] = {
	{ "1", "ok", LIMIT_COUNT, 0, 0 },
	{ "import sys; sys.exit()", "ok", LIMIT_COUNT, 0, 0 },
	{ "raise ValueError('no')", "error", LIMIT_COUNT, 0, 1 },
	{ "import sys; sys.exit(3)", "exit", LIMIT_COUNT, 0, 3 },
	{ "import os; os._exit(4)", "exit", LIMIT_COUNT, 0, 4 },
	{ "import os; os._exit(0)", "ok", LIMIT_COUNT, 0, 0 },
	{ "import os; os.abort()", "signal", LIMIT_COUNT, 0, SIGABRT },
	{ "import os; os.kill(os.getpid(), 9)", "signal", LIMIT_COUNT, 0, SIGKILL },
	{ "while True: pass", "timeout", LIMIT_TIMEOUT, 150 * NSEC_PER_MSEC, LIMIT_TIMEOUT },
	{ "import signal; signal.pause()", "timeout", LIMIT_TIMEOUT, 50 * NSEC_PER_MSEC,
		LIMIT_TIMEOUT },
	{ "while True: pass", "limit:cpu", LIMIT_CPU_TIME, 100 * NSEC_PER_MSEC, LIMIT_CPU_TIME },
	{ "x = bytearray(b'x') * (64 << 20)", "limit:memory", LIMIT_MEMORY, 32 << 20,
		LIMIT_MEMORY },
	{ "import os, signal\nfor i in range(9): os.fork() or signal.pause()", "limit:pids",
		LIMIT_PIDS, 4, LIMIT_PIDS },
	{ "while True: print('x' * 999)", "limit:output", LIMIT_OUTPUT, 5000, LIMIT_OUTPUT },
	{ "open('/tmp/f', 'wb').write(bytes(2 << 20))", "limit:files", LIMIT_FILES, 1 << 20,
		LIMIT_FILES },
	{ "[open('/dev/null') for i in range(99)]", "error", LIMIT_OPEN_FILES, 64, 1 },
};

Test(pool, ends_each_execution_with_its_verdict)
{
	struct pool *pool = pool_of(2);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct job job;

		job_init(&job, pool, endings[i].code);
		if (endings[i].limit < LIMIT_COUNT)
			limits_set(&job.execution.limits, endings[i].limit, endings[i].value);

		const struct result *result = job_run(&job);
		const char *verdict = job_verdict(&job);

		cr_expect_str_eq(verdict, endings[i].verdict, "%s: %s: %s", endings[i].code,
			verdict, job_text(&job, OUTPUT_STDERR));
		if (result->verdict == VERDICT_SIGNAL)
			cr_expect_eq(result->signal, endings[i].number, "%s", endings[i].code);
		else if (result->verdict == VERDICT_TIMEOUT || result->verdict == VERDICT_LIMIT)
			cr_expect(result->limit == (enum limit)endings[i].number &&
				result->limit_value == endings[i].value, "%s", endings[i].code);
		else
			cr_expect_eq(result->exit_code, endings[i].number, "%s", endings[i].code);
		job_fini(&job);
	}
	pool_stop(pool);
}

Test(pool, hands_over_arguments_environment_and_standard_input)
{
	struct pool *pool = pool_of(1);
	struct job job;
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], "typed", 5), 5);
	fd_close(&ends[1]);
	job_init(&job, pool,
		"import os, sys\nprint(sys.argv[1:], os.environ['A'], os.environ['B'], "
		"sys.stdin.read())");
	job.execution.arguments = "one\0two three";
	job.execution.arguments_bytes = sizeof("one\0two three");
	job.execution.environment = "A=a b\0B=";
	job.execution.environment_bytes = sizeof("A=a b\0B=");
	job.execution.stdin_fd = ends[0];
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "['one', 'two three'] a b  typed\n");
	fd_close(&ends[0]);
	job_fini(&job);
	pool_stop(pool);
}

Test(pool, gives_nothing_of_one_execution_to_the_next)
{
	struct pool *pool = pool_of(1);

	pool_expect(pool,
		"import os\nopen('/tmp/left', 'w').write('x')\nopen('left', 'w').write('x')\n"
		"open('/dev/shm/left', 'w').write('x')\nos.environ['LEFT'] = 'x'\nleft = 1\n"
		"import builtins; builtins.left = 1",
		"ok");
	pool_expect(pool,
		"import os\nassert 'LEFT' not in os.environ\nassert os.listdir('/tmp') == []\n"
		"assert os.listdir('.') == [] and os.listdir('/dev/shm') == []\n"
		"try: left\nexcept NameError: pass\nelse: raise Exception('left')",
		"ok");
	pool_stop(pool);
}

Test(pool, seeds_every_execution_anew)
{
	static const char code[] = "import random, uuid, tempfile\n"
				   "print(random.random(), uuid.uuid4(), tempfile.mktemp())";
	struct pool *pool = pool_of(1);
	struct job first, second;

	job_init(&first, pool, code);
	job_init(&second, pool, code);
	cr_expect_eq(job_run(&first)->verdict, VERDICT_OK);
	cr_expect_eq(job_run(&second)->verdict, VERDICT_OK);
	cr_expect_str_neq(job_text(&first, OUTPUT_STDOUT), job_text(&second, OUTPUT_STDOUT));
	job_fini(&first);
	job_fini(&second);
	pool_stop(pool);
}

Test(pool, refuses_a_request_that_fits_no_mailbox)
{
	struct pool *pool = pool_of(1);
	AUTO_FREE char *code = malloc(CHANNEL_MAILBOX_BYTES + 1);
	struct job job;

	memset(code, '#', CHANNEL_MAILBOX_BYTES + 1);
	code[CHANNEL_MAILBOX_BYTES] = '\0';
	job_init(&job, pool, code);
	job.execution.arguments = "a";
	job.execution.arguments_bytes = 2;
	cr_expect_eq(pool_submit(pool, &job.execution), -EMSGSIZE);
	job.execution.arguments_bytes = 0;
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK, "one that just fits runs");
	job_fini(&job);
	pool_stop(pool);
}

Test(pool, refuses_a_configuration_that_makes_no_sense)
{
	struct pool_config config = pool_configured(1);
	struct pool *pool = NULL;
	struct error error;

	config.workers = 0;
	cr_expect_eq(pool_start(&pool, &config, &error), -EINVAL);
	cr_expect_str_eq(error.sentence, "cannot keep 0 workers: give a number from 1 to 16384");
	config.workers = POOL_WORKERS_MAX + 1;
	cr_expect_eq(pool_start(&pool, &config, &error), -EINVAL);
	config.workers = 1;
	config.runtime = "perl";
	cr_expect_eq(pool_start(&pool, &config, &error), -EINVAL);
	cr_expect_str_eq(error.sentence, "there is no runtime 'perl': give python");
	config.runtime = "python";
	config.imports = "no_such_module";
	cr_expect_lt(pool_start(&pool, &config, &error), 0);
	cr_expect(strstr(error.sentence, "no_such_module"), "%s", error.sentence);
	cr_expect_null(pool);
}

Test(pool, refuses_a_second_pool_in_one_process_and_keeps_the_first)
{
	struct pool_config config = pool_configured(1);
	struct pool *pool = pool_of(1), *second = NULL;
	struct error error;

	cr_expect_eq(pool_start(&second, &config, &error), -EEXIST);
	cr_expect_str_not_empty(error.sentence);
	pool_expect(pool, "1", "ok");
	pool_stop(pool);
}

Test(pool, tells_full_files_from_a_program_that_ends_without_a_word)
{
	struct pool *pool = pool_of(1);

	pool_expect(pool,
		"import os\n"
		"f = os.open('/tmp/x', os.O_CREAT | os.O_WRONLY)\n"
		"try:\n"
		"    while True: os.write(f, bytes(1 << 20))\n"
		"except OSError: os._exit(3)\n",
		"limit:files");
	pool_stop(pool);
}

Test(pool, gives_up_on_what_no_worker_can_be_given)
{
	struct pool *pool = pool_of(2);
	struct job job;

	job_init(&job, pool, "pass");
	job.execution.stdin_fd = 9999;

	const struct result *result = job_run(&job);

	cr_expect_eq(result->verdict, VERDICT_LOST);
	cr_expect_str_eq(result->reason, "it could not be sent to its worker: Bad file descriptor");
	job_fini(&job);
	pool_expect(pool, "pass", "ok");
	pool_stop(pool);
}

/* --- The queue -------------------------------------------------------------------------------- */

Test(pool, runs_what_waits_in_the_order_it_came)
{
	struct pool *pool = pool_of(1);
	struct job first, later[5];
	AUTO_FD gate = job_init_waiting(&first, pool);

	job_submit(&first);
	cr_assert(job_wait_said(&first, "ready"));
	for (size_t i = 0; i < 5; i++) {
		job_init(&later[i], pool, "pass");
		job_submit(&later[i]);
	}
	fd_close(&gate);
	cr_expect_eq(job_wait(&first)->verdict, VERDICT_OK);
	for (size_t i = 0; i < 5; i++) {
		const struct result *result = job_wait(&later[i]);

		cr_expect_eq(result->verdict, VERDICT_OK);
		cr_expect_gt(result->usage.queue_usec, 0);
		cr_expect_gt(result->ended_nsec, i ? later[i - 1].execution.result.ended_nsec : 0);
	}
	for (size_t i = 0; i < 5; i++)
		job_fini(&later[i]);
	job_fini_waiting(&first);
	pool_stop(pool);
}

Test(pool, rejects_what_finds_its_queue_full)
{
	struct pool_config config = pool_configured(1);

	config.queue_max = 1;

	struct pool *pool = pool_started(&config);
	struct job running, waiting, refused;
	AUTO_FD gate = job_init_waiting(&running, pool);

	job_init(&waiting, pool, "pass");
	job_init(&refused, pool, "pass");
	job_submit(&running);
	cr_assert(job_wait_said(&running, "ready"));
	job_submit(&waiting);
	cr_expect_eq(job_run(&refused)->verdict, VERDICT_REJECTED);
	cr_expect_str_eq(refused.execution.result.reason, "the queue is full");
	cr_expect_eq(status_of(pool).queued, 1);
	fd_close(&gate);
	cr_expect_eq(job_wait(&running)->verdict, VERDICT_OK);
	cr_expect_eq(job_wait(&waiting)->verdict, VERDICT_OK);
	job_fini(&waiting);
	job_fini(&refused);
	job_fini_waiting(&running);
	pool_stop(pool);
}

static struct {
	struct execution queued, refused;
	int queued_result, refused_result;
} from_callback;

static void nothing_done(struct execution *execution)
{
}

/* On the shard's thread, while the one worker is busy. */
static void submit_two(struct job *job)
{
	if (from_callback.queued.code)
		return;
	execution_init(&from_callback.queued);
	from_callback.queued.code = "pass";
	from_callback.queued.code_bytes = 4;
	from_callback.queued.output = job_output;
	from_callback.queued.done = nothing_done;
	from_callback.refused = from_callback.queued;
	list_init(&from_callback.queued.node);
	list_init(&from_callback.refused.node);
	from_callback.queued_result = pool_submit(job->pool, &from_callback.queued);
	from_callback.refused_result = pool_submit(job->pool, &from_callback.refused);
}

Test(pool, tells_a_callback_at_once_that_the_queue_is_full)
{
	struct pool_config config = pool_configured(1);

	config.queue_max = 1;

	struct pool *pool = pool_started(&config);
	struct job job;
	AUTO_FD gate = job_init_waiting(&job, pool);

	job.noticed = submit_two;
	job_submit(&job);
	cr_assert(job_wait_said(&job, "ready"));
	fd_close(&gate);
	job_wait(&job);
	pool_stop(pool);
	cr_expect_eq(from_callback.queued_result, 0);
	cr_expect_eq(from_callback.refused_result, -EAGAIN);
	job_fini_waiting(&job);
}

Test(pool, rejects_what_waited_too_long)
{
	struct pool *pool = pool_of(1);
	struct job running, waiting;
	AUTO_FD gate = job_init_waiting(&running, pool);

	job_init(&waiting, pool, "pass");
	waiting.execution.queue_nsec_max = 20 * NSEC_PER_MSEC;
	job_submit(&running);
	cr_assert(job_wait_said(&running, "ready"));

	const struct result *result = job_run(&waiting);

	cr_expect_eq(result->verdict, VERDICT_REJECTED);
	cr_expect_str_eq(result->reason, "no worker became free in time");
	cr_expect_geq(result->usage.queue_usec, 20000);
	cr_expect_eq(status_of(pool).queued, 0);
	fd_close(&gate);
	cr_expect_eq(job_wait(&running)->verdict, VERDICT_OK);
	job_fini(&waiting);
	job_fini_waiting(&running);
	pool_stop(pool);
}

/* --- Cancelling and stopping ------------------------------------------------------------------ */

Test(pool, cancels_what_waits_and_what_runs)
{
	struct pool *pool = pool_of(1);
	struct job running, waiting;
	AUTO_FD gate = job_init_waiting(&running, pool);

	job_init(&waiting, pool, "pass");
	job_submit(&running);
	cr_assert(job_wait_said(&running, "ready"));
	job_submit(&waiting);
	pool_cancel(pool, &waiting.execution);
	cr_expect_eq(job_wait(&waiting)->verdict, VERDICT_CANCELLED);
	cr_expect_str_eq(waiting.execution.result.reason, "it was asked to end before it began");
	cr_expect_not(running.done);
	pool_cancel(pool, &running.execution);
	cr_expect_eq(job_wait(&running)->verdict, VERDICT_CANCELLED);
	cr_expect_str_eq(job_text(&running, OUTPUT_STDOUT), "ready\n");
	pool_expect(pool, "pass", "ok");
	job_fini(&waiting);
	job_fini_waiting(&running);
	pool_stop(pool);
}

Test(pool, gives_everybody_an_answer_when_it_stops)
{
	struct pool *pool = pool_of(2);
	struct job jobs[6];
	int gates[6];

	for (size_t i = 0; i < 6; i++) {
		gates[i] = job_init_waiting(&jobs[i], pool);
		job_submit(&jobs[i]);
	}
	cr_assert(job_wait_said(&jobs[0], "ready"));
	pool_stop(pool);
	for (size_t i = 0; i < 6; i++) {
		cr_expect(jobs[i].done);
		cr_expect_eq(jobs[i].execution.result.verdict, VERDICT_CANCELLED);
		fd_close(&gates[i]);
		job_fini_waiting(&jobs[i]);
	}
}

/* --- Many ------------------------------------------------------------------------------------- */

static void run_many(struct pool *pool, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pool_expect(pool, i % 7 ? "print(1)" : "import os; os.fork() or os._exit(0)", "ok");
	cr_assert(pool_wait(pool, all_idle));
}

Test(pool, holds_after_500_executions_what_it_held_before)
{
	struct pool *pool = pool_of(2);
	unsigned before;

	run_many(pool, 20);
	before = descriptors_count();
	run_many(pool, 500);
	cr_expect_eq(descriptors_count(), before);
	cr_expect_eq(status_of(pool).executions, 520);
	cr_expect_eq(status_of(pool).birth_failures, 0);
	pool_stop(pool);
}

Test(pool, spreads_work_over_its_shards)
{
	struct pool_config config = pool_configured(4);

	config.shards = 2;

	struct pool *pool = pool_started(&config);

	if (pool_shards(pool) < 2) {
		pool_stop(pool);
		cr_skip_test("one CPU");
	}
	for (int i = 0; i < 20; i++)
		pool_expect(pool, "pass", "ok");
	for (unsigned i = 0; i < 2; i++)
		cr_expect_geq(atomic_load(&pool->shards[i].counters.executions), 5);
	pool_stop(pool);
}
