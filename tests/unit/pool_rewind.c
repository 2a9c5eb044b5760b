// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_rewind.c: a worker is rewound exactly, or it is replaced.
 *
 * Pools of one worker, so that who comes second finds the first one's. What a program may leave is
 * told by its footprint; here each kind is left, and looked for.
 */
#include "tests/unit/pool_rewind_fixture.h"

#include "bpf/event.h"

#include <criterion/parameterized.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(rewind, .timeout = 60);

/* --- What is rewound -------------------------------------------------------------------------- */

ParameterizedTestParameters(rewind, keeps_the_worker)
{
	static struct program programs[] = {
		{ "print(1+1)", "ok" },
		{ "pass", "ok" },
		{ "x = {i: str(i) for i in range(100)}", "ok" },
		{ "x = [object() for i in range(2000)]", "ok" },
		{ "x = {i: str(i) for i in range(20000)}", "ok" },
		{ "import sys; sys.exit(3)", "exit" },
		{ "import time; time.sleep(0.001)", "ok" },
		{ "import json, re; json.dumps(re.findall('a', 'banana'))", "ok" },
		{ "for i in range(3000): print('x' * 100)", "ok" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, rewind, keeps_the_worker)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	pid_t worker = pool->slots[0].worker_pid;

	for (int i = 0; i < 5; i++) {
		const char *reset = reset_after(pool, program->code, program->verdict);

		cr_expect_str_eq(reset, "rewind", "%s, turn %d: %s", program->code, i, reset);
	}
	cr_expect_eq(status_of(pool).births, 1);
	cr_expect_eq(status_of(pool).rewinds, 5);
	cr_expect_eq(status_of(pool).rewind_failures, 0, "%s", status_of(pool).last_failure);
	cr_expect_eq(pool->slots[0].worker_pid, worker);
	pool_stop(pool);
}

/* What the first leaves in memory, the second must not find. */
static const struct {
	const char *first, *second, *output;
} leavings[] = {
	{ "left = 1", "print('left' in globals())", "False\n" },
	{ "import builtins; builtins.left = 1", "import builtins; print(hasattr(builtins, 'left'))",
		"False\n" },
	{ "import builtins; builtins.print = None", "print('here')", "here\n" },
	{ "import sys; sys.modules['left'] = 1; sys.path.append('/left')",
		"import sys; print('left' in sys.modules, '/left' in sys.path)", "False False\n" },
	{ "import json; json.dumps = None", "import json; print(json.dumps(1))", "1\n" },
	{ "import sys; sys.setrecursionlimit(50)", "import sys; print(sys.getrecursionlimit())",
		"1000\n" },
	{ "import sys; sys.setswitchinterval(1)", "import sys; print(sys.getswitchinterval())",
		"0.005\n" },
	{ "import os; os.environ['LEFT'] = '1'", "import os; print('LEFT' in os.environ)",
		"False\n" },
	{ "import gc; gc.disable()", "import gc; print(gc.isenabled())", "True\n" },
	{ "import sys; sys.argv.append('left')", "import sys; print(len(sys.argv))", "1\n" },
	{ "import decimal; decimal.getcontext().prec = 3",
		"import decimal; print(decimal.getcontext().prec)", "28\n" },
	{ "import warnings; warnings.simplefilter('error')",
		"import warnings; warnings.warn('w'); print('on')", "on\n" },
	{ "import atexit; atexit.register(print, 'left')", "print('here')", "here\n" },
	{ "import sys; sys.settrace(lambda *a: None)", "import sys; print(sys.gettrace())",
		"None\n" },
	{ "raise SystemExit('left')", "print(__name__, __file__)",
		"__main__ /workspace/main.py\n" },
};

Test(rewind, leaves_nothing_of_a_program_in_its_memory)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	unsigned rewound = 0;

	for (size_t i = 0; i < sizeof(leavings) / sizeof(leavings[0]); i++) {
		struct job job;

		job_init(&job, pool, leavings[i].first);
		rewound += strcmp(job_run(&job)->reset, "rewind") == 0;
		job_fini(&job);
		output_expect(pool, leavings[i].second, leavings[i].output);
	}
	/* Else nothing was proved. */
	cr_expect_gt(rewound, sizeof(leavings) / sizeof(leavings[0]) / 2, "%u", rewound);
	cr_expect_eq(status_of(pool).rewind_failures, 0, "%s", status_of(pool).last_failure);
	pool_stop(pool);
}

#define MARKER "kcirtap-ton-si-siht-terces-a"

/* All memory that can be read, the channel with mailbox and ring among it. */
static const char marker_search[] =
	"marker = b'" MARKER "'[::-1]\n"
	"found = []\n"
	"with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:\n"
	"    for line in maps:\n"
	"        words = line.split()\n"
	"        start, end = (int(word, 16) for word in words[0].split('-'))\n"
	"        if 'r' not in words[1] or '[v' in line: continue\n"
	"        memory.seek(start)\n"
	"        piece = memory.read(end - start)\n"
	"        at = piece.find(marker)\n"
	"        while at >= 0:\n"
	"            if start + at != id(marker) + 32: found.append(line)\n"
	"            at = piece.find(marker, at + 1)\n"
	"        del piece\n"
	"print(sum('heap' in line or 'rw-s' in line or 'channel' in line for line in found),"
	" len(found))\n";

Test(rewind, leaves_no_copy_of_a_secret_anywhere)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct job job;

	for (int turn = 0; turn < 9; turn++) {
		job_init(&job, pool, "import sys\nsecret = '" MARKER "'[::-1]\n"
				     "kept = [secret + str(i) for i in range(20)]\n"
				     "def f(n): return f(n - 1) if n else [secret] * 9\nf(20)\n"
				     "for i in range(300): print(secret)\n");
		cr_expect_str_eq(job_run(&job)->reset, "rewind");
		job_fini(&job);
		cr_expect(pool_wait(pool, one_idle));
		/* From the third time on it takes no page fault, and less is looked at. */
		if (turn % 3 != 2)
			continue;
		job_init(&job, pool, marker_search);
		job_run(&job);
		cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "0 0\n", "%s",
			job_text(&job, OUTPUT_STDERR));
		job_fini(&job);
		cr_expect(pool_wait(pool, one_idle));
	}
	cr_expect_eq(status_of(pool).rewinds, 12);
	cr_expect_eq(status_of(pool).births, 1);
	pool_stop(pool);
}

/* All memory, registers, and the mapping table in the kernel's longest form. */
Test(rewind, is_exact)
{
	static const char *const codes[] = { "pass", "print('x' * 5000)",
		"import sys; sys.modules['left'] = [i for i in range(300)]",
		"def f(n): return n and f(n - 1)\nf(20)", "raise SystemExit(4)",
		"import random, decimal; decimal.getcontext().prec = 5; random.random()",
		"x = [[i] for i in range(30000)]\ndel x\ndef f(n): return n and f(n - 1)\nf(900)" };
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct verify_digest fresh = digest_of(pool), now;

	for (size_t i = 0; i < 3 * sizeof(codes) / sizeof(codes[0]); i++) {
		const char *code = codes[i % (sizeof(codes) / sizeof(codes[0]))];

		cr_expect_str_eq(reset_after(pool, code, strstr(code, "Exit") ? "exit" : "ok"),
			"rewind");
		now = digest_of(pool);
		cr_expect_eq(memcmp(now.memory, fresh.memory, sizeof(now.memory)), 0, "%s", code);
		cr_expect_eq(memcmp(now.mappings, fresh.mappings, sizeof(now.mappings)), 0, "%s",
			code);
		cr_expect_eq(memcmp(now.registers, fresh.registers, sizeof(now.registers)), 0,
			"%s", code);
	}
	pool_stop(pool);
}

Test(rewind, makes_randomness_anew)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	char first[64];
	struct job job;

	job_init(&job, pool, "import random; print(random.random())");
	job_run(&job);
	snprintf(first, sizeof(first), "%s", job_text(&job, OUTPUT_STDOUT));
	job_fini(&job);
	for (int i = 0; i < 5; i++) {
		job_init(&job, pool, "import random; print(random.random())");
		job_run(&job);
		cr_expect_str_neq(job_text(&job, OUTPUT_STDOUT), first);
		job_fini(&job);
	}
	pool_stop(pool);
}

/*
 * Another daemon's worker may have the same uid (their ranges repeat) and begin the record in this
 * one's stead: then whose the calls are is not known.
 */
Test(rewind, believes_no_record_that_another_process_began)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	pid_t stranger = fork();

	if (stranger == 0) {
		if (setresuid(pool->uid_first, pool->uid_first, pool->uid_first))
			_exit(1);
		for (;;)
			syscall(FOOTPRINT_MARK);
	}
	for (int i = 0; i < 30; i++)
		cr_expect_neq(strcmp(reset_after(pool, "import os; os.nice(0)", "ok"), "rewind"),
			0);
	cr_assert_eq(kill(stranger, SIGKILL), 0);
	cr_expect_eq(waitpid(stranger, NULL, 0), stranger);
	pool_stop(pool);
}

/* --- What is replaced ------------------------------------------------------------------------- */

ParameterizedTestParameters(rewind, replaces_the_worker)
{
	static struct program programs[] = {
		{ "open('/workspace/left', 'w').write('x')", "ok" },
		{ "import threading as t; o = t.Thread(target=print); o.start(); o.join()", "ok" },
		{ "import os; os.nice(1)", "ok" },
		{ "import ctypes; ctypes.CDLL(None).prctl(15, b'left')", "ok" },
		{ "import os; os._exit(0)", "ok" },
		{ "import os; os.kill(os.getpid(), 9)", "signal" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, rewind, replaces_the_worker)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	const char *reset;

	reset_after(pool, "pass", "ok");
	reset = reset_after(pool, program->code, program->verdict);
	cr_expect_eq(strncmp(reset, "replace:", 8), 0, "%s: %s", program->code, reset);
	cr_expect_eq(status_of(pool).births, 2, "%s", program->code);
	cr_expect_str_eq(reset_after(pool, "print(2)", "ok"), "rewind");
	pool_stop(pool);
}

/* It has pages where the image has none, and no call of its own says so. */
Test(rewind, replaces_a_worker_whose_stack_grew)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	reset_after(pool, "import json; json.loads('[' * 990 + ']' * 990)", "ok");
	reset_after(pool, "import re; re.compile('(' * 95 + 'a' + ')' * 95)", "ok");
	output_expect(pool, "print('here')", "here\n");
	cr_expect_eq(status_of(pool).rewinds + status_of(pool).births + status_of(pool).dead, 4);
	cr_expect_str_empty(status_of(pool).last_failure);
	pool_stop(pool);
}

Test(rewind, replaces_what_a_limit_ended)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct job job;

	job_init(&job, pool, "while True: pass");
	limits_set(&job.execution.limits, LIMIT_TIMEOUT, 50 * NSEC_PER_MSEC);
	cr_expect_str_eq(job_run(&job)->reset, "replace:ending");
	job_fini(&job);
	cr_expect(pool_wait(pool, one_idle));
	cr_expect_eq(status_of(pool).rewinds, 0);
	pool_stop(pool);
}

/* --- Whom a rewound worker may serve ---------------------------------------------------------- */

static void run_of(struct pool *pool, uint64_t tenant, unsigned births)
{
	struct job job;

	job_init(&job, pool, "print(1)");
	job.execution.tenant = tenant;
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
	job_fini(&job);
	cr_expect(pool_wait(pool, one_idle));
	cr_expect_eq(status_of(pool).births, births, "tenant %lu: %lu births", tenant,
		status_of(pool).births);
}

Test(rewind, is_for_the_same_tenant_where_the_policy_says_so)
{
	struct pool *pool = pool_with(RESET_AUTO, 1);

	run_of(pool, 1, 1);
	run_of(pool, 1, 1);
	run_of(pool, 2, 2);
	run_of(pool, 2, 2);
	run_of(pool, 1, 3);
	pool_stop(pool);
	pool = pool_with(RESET_REWIND, 1);
	run_of(pool, 1, 1);
	run_of(pool, 2, 1);
	pool_stop(pool);
}

Test(rewind, passes_standard_input_and_arguments_to_a_rewound_worker)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct job job;
	int ends[2];

	reset_after(pool, "print(1)", "ok");
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], "typed", 5), 5);
	close(ends[1]);
	job_init(&job, pool, "import sys; print(sys.stdin.read())");
	job.execution.stdin_fd = ends[0];
	cr_expect_str_eq(job_run(&job)->reset, "rewind");
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "typed\n");
	job_fini(&job);
	close(ends[0]);
	output_expect(pool, "import sys; print(repr(sys.stdin.read()))", "''\n");
	pool_stop(pool);
}

Test(rewind, goes_on_for_long)
{
	struct pool *pool = pool_with(RESET_REWIND, 2);

	for (int i = 0; i < 500; i++)
		pool_expect(pool, "print(sum(range(100)))", "ok");
	cr_expect(pool_wait(pool, one_idle));
	cr_expect_eq(status_of(pool).births, 2);
	cr_expect_eq(status_of(pool).rewinds, 500);
	cr_expect_eq(status_of(pool).rewind_failures, 0);
	pool_stop(pool);
}

static bool two_births(const struct pool_status *status)
{
	return status->births >= 2 && status->idle == status->total;
}

Test(rewind, begins_anew_with_a_new_template)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	reset_after(pool, "print(1)", "ok");
	cr_assert_eq(kill(pool->shards[0].template->pid, SIGKILL), 0);
	cr_assert_eq(kill(pool->slots[0].worker_pid, SIGKILL), 0);
	cr_expect(pool_wait(pool, two_births), "%s", status_of(pool).last_failure);
	cr_expect_str_eq(reset_after(pool, "print(1)", "ok"), "rewind");
	cr_expect_str_eq(reset_after(pool, "print(1)", "ok"), "rewind");
	pool_stop(pool);
}

#ifdef CORRAL_FAULTS

/* Its answer is given already: it is the next execution that must find another worker. */
Test(rewind, that_fails_is_a_replacement)
{
	struct pool *pool;

	setenv("CORRAL_FAULT", "rewind.stop:2", 1);
	pool = pool_with(RESET_REWIND, 1);
	for (int i = 0; i < 4; i++)
		cr_expect_str_eq(reset_after(pool, "print(1)", "ok"), "rewind");
	cr_expect_eq(status_of(pool).rewind_failures, 1);
	cr_expect_eq(status_of(pool).rewinds, 3);
	cr_expect_eq(status_of(pool).births, 2);
	cr_expect(strstr(status_of(pool).last_failure, "could not be rewound"), "%s",
		status_of(pool).last_failure);
	pool_stop(pool);
}

/* A stop that does not come is not waited for longer than a second. */
Test(rewind, that_takes_too_long_is_a_replacement)
{
	struct pool *pool;

	setenv("CORRAL_FAULT", "rewind.interrupt:2", 1);
	pool = pool_with(RESET_REWIND, 1);
	cr_expect_str_eq(reset_after(pool, "print(1)", "ok"), "rewind");
	cr_expect_str_eq(reset_after(pool, "print(2)", "ok"), "rewind");
	cr_expect_eq(status_of(pool).births, 2);
	cr_expect(strstr(status_of(pool).last_failure, "it did not stop"), "%s",
		status_of(pool).last_failure);
	pool_stop(pool);
}

#endif
