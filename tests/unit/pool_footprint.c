// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_footprint.c: an execution's footprint is its own, and a pool does without.
 */
#include "tests/unit/pool_fixture.h"

#include <errno.h>

TestSuite(pool_footprint, .timeout = 30);

/* In one run, so that nothing but the program differs. */
Test(pool_footprint, counts_processes_calls_and_faults_of_each_execution_alone)
{
	struct pool *pool = pool_of(1);
	uint64_t calls[2], faults[2], processes[2];
	static const char *const codes[] = { "pass",
		"import os\nfor i in range(3):\n if os.fork() == 0: os._exit(0)\n os.wait()\n"
		"for i in range(500): os.getuid()\nx = bytearray(4 << 20)" };

	for (int turn = 0; turn < 4; turn++) {
		struct job job;

		job_init(&job, pool, codes[turn % 2]);
		job_run(&job);
		cr_assert_str_eq(job_verdict(&job), "ok");
		calls[turn % 2] = job.execution.result.usage.system_calls;
		faults[turn % 2] = job.execution.result.usage.page_faults;
		processes[turn % 2] = job.execution.result.usage.processes;
		job_fini(&job);
	}
	cr_expect_eq(processes[0], 1);
	cr_expect_eq(processes[1], 4);
	cr_expect_lt(calls[0], 10, "%lu", calls[0]);
	cr_expect_geq(calls[1], 506, "%lu", calls[1]);
	cr_expect_lt(calls[1], 700, "%lu", calls[1]);
	cr_expect_geq(faults[1], faults[0] + 100, "%lu and %lu", faults[0], faults[1]);
	pool_stop(pool);
}

/* Whoever of its processes makes the call that is one too many, and whatever the code does then. */
Test(pool_footprint, ends_who_makes_more_system_calls_than_its_limit)
{
	struct pool *pool = pool_of(2);
	static const char *const codes[] = { "import os\nwhile True: os.getuid()",
		"import os\nwhile True: os.fork() == 0 and os._exit(0) or os.wait()",
		"import os\ntry:\n while True: os.getuid()\nfinally: print('on')" };

	for (int i = 0; i < 3; i++) {
		struct job job;

		job_init(&job, pool, codes[i]);
		job.execution.limits.values[LIMIT_SYSCALLS] = 300;

		const struct result *result = job_run(&job);

		cr_expect_str_eq(job_verdict(&job), "limit:syscalls", "%s", codes[i]);
		cr_expect(result->limit == LIMIT_SYSCALLS && result->limit_value == 300);
		cr_expect_geq(result->usage.system_calls, 300);
		job_fini(&job);
	}
	pool_expect(pool, "import os\nfor i in range(999): os.getuid()", "ok");
	pool_stop(pool);
}

Test(pool_footprint, without_bpf_says_so_and_refuses_what_it_cannot_hold)
{
	struct pool_config config = pool_configured(1);
	struct pool *pool = NULL;
	struct error error;
	struct job job;

	config.without_bpf = true;
	pool = pool_started(&config);
	cr_expect_eq(status_of(pool).layers[LAYER_BPF_TRACING].state, LAYER_ABSENT);
	job_init(&job, pool, "print(1)");
	cr_expect_eq(job_run(&job)->verdict, VERDICT_OK);
	cr_expect_not(job.execution.result.usage.traced);
	cr_expect_gt(job.execution.result.usage.cpu_usec, 0, "the cgroup's");
	job.execution.limits.values[LIMIT_SYSCALLS] = 1000;
	cr_expect_eq(pool_submit(pool, &job.execution), -EOPNOTSUPP);
	job_fini(&job);
	pool_stop(pool);

	config.limits.values[LIMIT_SYSCALLS] = 1000;
	cr_expect_eq(pool_start(&pool, &config, &error), -EOPNOTSUPP);
	cr_expect_str_eq(error.sentence, POOL_NO_SYSCALLS_LIMIT);
}
