// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_rewind_repairs.c: what a program leaves besides memory and registers is mended,
 * and what cannot be mended is found.
 *
 * A worker that ran one small program is the measure: its pipes are there, and everything else is
 * as at birth.
 */
#include "tests/unit/pool_rewind_fixture.h"

#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdlib.h>

TestSuite(repairs, .timeout = 60);

ParameterizedTestParameters(repairs, leave_the_worker_as_it_was)
{
	static struct program programs[] = {
		/* descriptors */
		{ "open('/dev/null')", "ok" },
		{ "import os; f = [os.dup(i) for i in range(4)]", "ok" },
		{ "import os; f = os.pipe()", "ok" },
		{ "import os; os.close(0)", "ok" },
		{ "import os; os.dup2(os.open('/etc/passwd', os.O_RDONLY), 0)", "ok" },
		{ "import os; [os.set_inheritable(i, True) for i in range(4)]", "ok" },
		{ "import os; [os.set_blocking(i, False) for i in range(4)]", "ok" },
		/* SO_PEERPIDFD: a descriptor of the daemon, by the control socket */
		{ "import socket; s = socket.socket(fileno=3); s.getsockopt(1, 77); s.detach()",
			"ok" },
		{ "import os; [os.memfd_create('left') for i in range(9)]", "ok" },
		{ "import select; e = select.epoll(); e.register(0 if 0 else 1)", "ok" },
		/* signals */
		{ "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "ok" },
		{ "import signal\nfor i in range(1, 65):\n"
		  "  if i not in (9, 19, 32, 33): signal.signal(i, print)", "ok" },
		{ "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))", "ok" },
		{ "import faulthandler; faulthandler.enable()", "ok" },
		/* place, timers */
		{ "import os; os.chdir('/tmp')", "ok" },
		{ "import os; os.chdir('/usr/lib')", "ok" },
		{ "import os; os.umask(0)", "ok" },
		{ "import signal; signal.setitimer(signal.ITIMER_REAL, 100)", "ok" },
		{ "import signal; signal.setitimer(signal.ITIMER_PROF, 100, 1)", "ok" },
		{ "import signal; signal.alarm(100)", "ok" },
		/* sockets */
		{ "import socket; s = socket.socketpair()", "ok" },
		{ "import asyncio; asyncio.run(asyncio.sleep(0))", "ok" },
		/* memory */
		{ "x = bytearray(64 << 20)", "ok" },
		{ "x = [bytes(1 << 20) for i in range(20)]", "ok" },
		{ "x = [i for i in range(300000)]", "ok" },
		{ "import mmap; m = mmap.mmap(-1, 4096); m[0] = 1", "ok" },
		{ "import wave, ftplib, imaplib, colorsys", "ok" },
		{ "import ctypes as c\nl = c.CDLL(None)\nl.sbrk(5)", "ok" },
		{ "import ctypes as c\nl = c.CDLL(None, use_errno=True)\n"
		  "b = c.create_string_buffer(8192)\na = (c.addressof(b) + 4095) & ~4095\n"
		  "assert l.mprotect(c.c_void_p(a), 4096, 1) == 0", "ok" },
		{ "import json; json.loads('[' * 990 + ']' * 990)", "ok" },
		{ "import random\nx = [random.randbytes(4000) for i in range(3000)]", "ok" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, repairs, leave_the_worker_as_it_was)
{
	program_leaves_nothing(program,
		"import os; print(os.getcwd(), os.listdir('/proc/self/fd'))",
		"/workspace ['0', '1', '2', '3', '4']\n");
}

/* Found at the second stop, when the answer that promised a rewind is gone. */
ParameterizedTestParameters(repairs, end_a_worker_that_cannot_be_mended)
{
	static struct program programs[] = {
		{ "import os; os.dup2(0, 1)", "ok" },
		{ "import os; os.dup2(1, 2)", "ok" },
		{ "import os; os.close(2)", "ok" },
		{ "import signal, os\nsignal.pthread_sigmask(signal.SIG_BLOCK, [10])\n"
		  "os.kill(os.getpid(), 10)", "ok" },
		{ "import signal, os\nsignal.pthread_sigmask(signal.SIG_BLOCK, [5])\n"
		  "os.kill(os.getpid(), 5)", "ok" },
		{ "import signal, os\nsignal.pthread_sigmask(signal.SIG_BLOCK, [34])\n"
		  "os.kill(os.getpid(), 34)", "ok" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, repairs, end_a_worker_that_cannot_be_mended)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	reset_after(pool, "pass", "ok");
	reset_after(pool, program->code, program->verdict);
	cr_expect(pool_wait(pool, one_idle));
	cr_expect_eq(status_of(pool).births, 2, "%s", program->code);
	cr_expect_eq(status_of(pool).rewind_failures, 1, "%s", program->code);
	/* The program's doing, no trouble of ours. */
	cr_expect_str_empty(status_of(pool).last_failure);
	output_expect(pool, "print('here')", "here\n");
	pool_stop(pool);
}

/* Known before the answer goes out. */
Test(repairs, do_not_empty_a_cell)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	cr_expect_str_eq(reset_after(pool, "open('left', 'x').close()", "ok"), "replace:files");
	cr_expect_str_eq(reset_after(pool, "import os; os.mkdir('a'); os.rmdir('a')", "ok"),
		"replace:files");
	pool_stop(pool);
}

/* The second would find them in its own first read. */
Test(repairs, give_each_execution_its_own_standard_input)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct job job;
	int ends[2];

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
		cr_assert_eq(write(ends[1], "one two", 7), 7);
		close(ends[1]);
		job_init(&job, pool, "import os; print(os.read(0, 3))");
		job.execution.stdin_fd = ends[0];
		cr_expect_str_eq(job_run(&job)->reset, "rewind");
		cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "b'one'\n");
		job_fini(&job);
		close(ends[0]);
		output_expect(pool, "import os; print(os.read(0, 9))", "b''\n");
	}
	cr_expect_eq(status_of(pool).births, 1);
	pool_stop(pool);
}

/* Pages that are many are not written each time from then on. */
Test(repairs, give_back_the_pages_of_a_large_program)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	uint64_t before;

	reset_after(pool, "pass", "ok");
	reset_after(pool, "x = [str(i) for i in range(200000)]", "ok");
	before = pool->shards[0].counters.rewind_pages.sum;
	reset_after(pool, "pass", "ok");
	cr_expect_lt(pool->shards[0].counters.rewind_pages.sum - before, 500);
	cr_expect_eq(status_of(pool).births, 1);
	pool_stop(pool);
}

/* More places than the daemon has room to remember: every other page of what the heap has spare. */
Test(repairs, give_back_pages_that_lie_in_too_many_places)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	struct verify_digest wanted, now;

	reset_after(pool, "pass", "ok");
	wanted = digest_of(pool);
	for (int i = 0; i < 3; i++) {
		cr_expect_str_eq(reset_after(pool,
			"import ctypes\n"
			"heap = [line for line in open('/proc/self/maps') if '[heap]' in line][0]\n"
			"end = int(heap.split()[0].split('-')[1], 16)\n"
			"for page in range(end - (6 << 20), end, 8192): ctypes.memset(page, 1, 1)",
			"ok"), "rewind");
		cr_expect_eq(status_of(pool).rewind_failures, 0);
		now = digest_of(pool);
		cr_expect_null(verify_compare(&wanted, &now), "%s differs",
			verify_compare(&wanted, &now));
	}
	cr_expect_eq(status_of(pool).births, 1);
	pool_stop(pool);
}

/* The errand that gives pages back is sent though the program left nothing. */
Test(repairs, leave_no_trace_in_the_channel)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);
	const struct slot *slot = &pool->slots[0];

	/* The first worker was on one already, to be asked what it is. */
	reset_after(pool, "import os; os._exit(0)", "ok");
	reset_after(pool, "x = [str(i) for i in range(40000)]", "ok");
	for (int i = 0; i < 40; i++) {
		const uint8_t *bytes = channel_mailbox_bytes(slot->channel);
		size_t used = 0;

		cr_expect_str_eq(reset_after(pool, "pass", "ok"), "rewind");
		for (size_t at = 0; at < CHANNEL_MAILBOX_BYTES; at++)
			used += bytes[at] != 0;
		cr_expect_eq(used, 0, "turn %d: %zu bytes", i, used);
	}
	cr_expect_eq(status_of(pool).births, 2);
	pool_stop(pool);
}

#ifdef CORRAL_FAULTS

/* The cell's birth was the first look, the answer the second: this is while it is held. */
Test(repairs, look_at_the_files_again_when_the_worker_has_stopped)
{
	struct pool *pool;

	setenv("CORRAL_FAULT", "residue.files:3", 1);
	pool = pool_with(RESET_REWIND, 1);
	cr_expect_str_eq(reset_after(pool, "import os\ntry: os.rmdir('none')\nexcept OSError: pass",
		"ok"), "rewind");
	cr_expect_eq(status_of(pool).rewind_failures, 1);
	cr_expect_eq(status_of(pool).births, 2);
	pool_stop(pool);
}

/* A worker that cannot be sent on its errand is replaced, and the pool says so. */
Test(repairs, replace_the_worker_when_they_fail)
{
	struct pool *pool;

	setenv("CORRAL_FAULT", "rewind.errand:1", 1);
	pool = pool_with(RESET_REWIND, 1);
	reset_after(pool, "open('/dev/null')", "ok");
	cr_expect_eq(status_of(pool).births, 2);
	cr_expect_eq(status_of(pool).rewind_failures, 1);
	cr_expect(strstr(status_of(pool).last_failure, "could not be rewound"));
	cr_expect_str_eq(reset_after(pool, "open('/dev/null')", "ok"), "rewind");
	cr_expect_eq(status_of(pool).births, 2);
	pool_stop(pool);
}

#endif
