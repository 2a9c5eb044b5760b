// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_others.c: children are ended and forgotten, and their worker is rewound.
 */
#include "tests/unit/pool_rewind_fixture.h"

#include <criterion/parameterized.h>
#include <stdlib.h>

#define FORK                                                                                      \
	"import os, signal, time\n"                                                              \
	"def child(body):\n  if os.fork() == 0:\n    body()\n    os._exit(0)\n"
#define FOREVER "lambda: time.sleep(1000)"

TestSuite(others, .timeout = 60);

ParameterizedTestParameters(others, leave_the_worker_as_it_was)
{
	static struct program programs[] = {
		/* ended, and reaped */
		{ FORK "child(lambda: 0)\nos.wait()", "ok" },
		{ "import subprocess as s; s.run('true', stdin=s.DEVNULL, stderr=s.DEVNULL)",
			"ok" },
		{ "import subprocess; subprocess.run('cat /etc/passwd | wc', shell=True)", "ok" },
		{ "import subprocess\n"
		  "subprocess.run(['true'], cwd='/', umask=7, start_new_session=True)", "ok" },
		/* ended, and not */
		{ FORK "for i in range(10): child(lambda: 0)", "ok" },
		{ FORK "signal.pthread_sigmask(signal.SIG_BLOCK, [17])\nchild(lambda: 0)", "ok" },
		{ FORK "signal.signal(17, lambda *a: 0)\nchild(lambda: 0)", "ok" },
		/* alive */
		{ FORK "child(" FOREVER ")", "ok" },
		{ FORK "for i in range(20): child(" FOREVER ")", "ok" },
		{ "import subprocess; subprocess.Popen(['sleep', '1000'])", "ok" },
		{ FORK "child(lambda: (os.setsid(), " FOREVER "()))", "ok" },
		{ FORK "child(lambda: os.kill(os.getpid(), 19))", "ok" },
		{ FORK "child(lambda: (signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)), "
		       "time.sleep(1000)))", "ok" },
		{ FORK "child(lambda: [0 for i in iter(int, 1)])", "ok" },
		/* alive, and not its own */
		{ FORK "child(lambda: [child(" FOREVER ") for i in range(5)])\nos.wait()", "ok" },
		{ "import subprocess as s; s.run('sleep 1000 >/dev/null 2>&1 & exit', shell=True)",
			"ok" },
		/* what they do to what is the worker's too */
		{ FORK "child(lambda: [os.set_blocking(i, False) for i in range(3)])\nos.wait()",
			"ok" },
		{ FORK "child(lambda: os.kill(os.getppid(), 28))\nos.wait()", "ok" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, others, leave_the_worker_as_it_was)
{
	/* The first of the next ones is the first that there ever was. */
	program_leaves_nothing(program,
		"import os\npid = os.fork()\nif pid == 0: os._exit(0)\n"
		"print(os.getpid(), os.waitpid(-1, 0) == (pid, 0), pid)",
		"2 True 3\n");
}

/* One that fills the pipes and the bell goes on until it is killed, after the answer. */
Test(others, write_nothing_into_the_next_execution)
{
	struct pool *pool = pool_with(RESET_REWIND, 1);

	for (int i = 0; i < 10; i++) {
		cr_expect_str_eq(reset_after(pool, FORK
			"for i in range(4): child(lambda: "
			"[os.write(1, b'left' * 99) for i in iter(int, 1)])", "ok"), "rewind");
		output_expect(pool, "print('mine')", "mine\n");
	}
	pool_stop(pool);
}

/* The faults that it takes there are its own, not the worker's: a page that is new each time. */
Test(others, that_share_memory_have_written_to_it)
{
	struct pool_config config = pool_configured(1);
	struct verify_digest wanted, now;
	struct pool *pool;

	config.reset = RESET_REWIND;
	config.imports = "ctypes, os";
	pool = pool_started(&config);
	reset_after(pool, "pass", "ok");
	wanted = digest_of(pool);
	for (int i = 1; i < 8; i++) {
		char code[600];

		/* time() writes where it is told, and its return ends the child. */
		snprintf(code, sizeof(code),
			"import ctypes, os\nlibc = ctypes.CDLL(None)\n"
			"heap = [line for line in open('/proc/self/maps') if '[heap]' in line][0]\n"
			"end = int(heap.split()[0].split('-')[1], 16)\n"
			"stack = ctypes.create_string_buffer(1 << 15)\n"
			"pid = libc.clone(ctypes.cast(libc.time, ctypes.c_void_p), ctypes.c_void_p("
			"ctypes.addressof(stack) + (1 << 14) & -16), 0x100 | 17, "
			"ctypes.c_void_p(end - %d * 8192))\nassert pid > 0\nos.waitpid(pid, 0)", i);
		cr_expect_str_eq(reset_after(pool, code, "ok"), "rewind");
		now = digest_of(pool);
		cr_expect_null(verify_compare(&wanted, &now), "%s differs after turn %d",
			verify_compare(&wanted, &now), i);
	}
	cr_expect_eq(status_of(pool).births, 1);
	pool_stop(pool);
}

#ifdef CORRAL_FAULTS

Test(others, whose_numbers_cannot_begin_again_cost_the_worker)
{
	struct pool *pool;

	setenv("CORRAL_FAULT", "pidns.visit:1", 1);
	pool = pool_with(RESET_REWIND, 1);
	reset_after(pool, FORK "child(lambda: 0)", "ok");
	cr_expect_eq(status_of(pool).births, 2);
	cr_expect_eq(status_of(pool).rewind_failures, 1);
	cr_expect(strstr(status_of(pool).last_failure, "could not be rewound"));
	cr_expect_str_eq(reset_after(pool, FORK "child(lambda: 0)", "ok"), "rewind");
	cr_expect_eq(status_of(pool).births, 2);
	pool_stop(pool);
}

#endif
