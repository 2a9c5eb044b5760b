// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_reset.c: a cell stays when its program left it as it was, and only then; and in
 * one that stayed the next program finds what the first one found.
 */
#include "tests/unit/pool_fixture.h"

#include <criterion/parameterized.h>

TestSuite(reset, .timeout = 60);

static void program_run(struct pool *pool, const char *code, const char *verdict)
{
	pool_expect(pool, code, verdict);
	cr_assert(pool_wait(pool, all_idle));
}

/* Runs the program in a pool of one and returns how many cells were built for the next. */
static unsigned cells_after(const char *code, const char *verdict)
{
	struct pool *pool = pool_of(1);
	uint64_t before;

	program_run(pool, "pass", "ok");
	before = status_of(pool).cells;
	program_run(pool, code, verdict);

	unsigned cells = (unsigned)(status_of(pool).cells - before);

	pool_stop(pool);
	return cells;
}

struct program {
	char name[24];
	char code[320];
	char verdict[16];
};

/* --- What leaves nothing ---------------------------------------------------------------------- */

ParameterizedTestParameters(reset, the_cell_stays)
{
	static struct program programs[] = {
		{ "computes", "print(sum(range(1000)))", "ok" },
		{ "raises", "1 / 0", "error" },
		{ "exits", "import sys; sys.exit(3)", "exit" },
		{ "dies of a signal", "import os; os.kill(os.getpid(), 11)", "signal" },
		{ "reads files",
			"import os; os.listdir('/workspace'); os.listdir('/tmp'); "
			"open('/etc/passwd').read()",
			"ok" },
		{ "has children and waits",
			"import subprocess\nfor i in range(5): subprocess.run(['/bin/true'])",
			"ok" },
		{ "has threads",
			"import threading\nt = threading.Thread(target=print); t.start(); t.join()",
			"ok" },
		{ "talks to itself",
			"import socket; a, b = socket.socketpair(); a.send(b'x'); b.recv(1)",
			"ok" },
		{ "makes ipc objects",
			"import ctypes; c = ctypes.CDLL(None); assert c.semget(7, 1, 0o1666) >= 0",
			"ok" },
		{ "writes to a memfd",
			"import os; f = os.memfd_create('x'); os.write(f, b'x' * 100000)", "ok" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, reset, the_cell_stays)
{
	cr_expect_eq(cells_after(program->code, program->verdict), 0, "%s: a new cell",
		program->name);
}

/* --- What leaves something -------------------------------------------------------------------- */

ParameterizedTestParameters(reset, the_cell_is_replaced)
{
	static struct program programs[] = {
		{ "file", "open('/tmp/left', 'w').write('x')", "ok" },
		{ "file of no bytes", "open('/workspace/left', 'w')", "ok" },
		{ "file come and gone", "import os; open('x', 'w'); os.unlink('x')", "ok" },
		{ "directory", "import os; os.mkdir('/dev/shm/left')", "ok" },
		{ "mode", "import os; os.chmod('/workspace', 0o700)", "ok" },
		{ "mode, and back",
			"import os; os.chmod('/workspace', 0o700); os.chmod('/workspace', 0o755)",
			"ok" },
		{ "times", "import os; os.utime('/workspace', (1, 2))", "ok" },
		/* User attributes on a tmpfs are of Linux 6.6. */
		{ "attribute",
			"import os\ntry: os.setxattr('/workspace', 'user.left', b'x')\n"
			"except OSError: os.chmod('/workspace', 0o700)",
			"ok" },
		{ "file without a name",
			"import os; os.close(os.open('/tmp', os.O_TMPFILE | os.O_RDWR))", "ok" },
		/* F_SET_RW_HINT: of the inode, and no answer about the cell's files has it. */
		{ "hint",
			"import fcntl, os; fcntl.fcntl(os.open('.', 0), 1036, b'\\2' + bytes(7))",
			"ok" },
		{ "group", "import os; os.chown('/workspace', -1, os.getgid())", "ok" },
		{ "child", "import os, time\nif os.fork() == 0: time.sleep(60)", "ok" },
		{ "orphan in a session",
			"import os, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:"
			" time.sleep(60)\n os._exit(0)\nos.wait()",
			"ok" },
		{ "abstract name held",
			"import socket, os, time\ns = socket.socket(socket.AF_UNIX); "
			"s.bind('\\0left')\n"
			"if os.fork() == 0: time.sleep(60)",
			"ok" },
		/* Endless: one that ends may do so before anybody kills it, and leaves nothing. */
		{ "flood", "while True: print('x' * 9999)", "limit:output" },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, reset, the_cell_is_replaced)
{
	cr_expect_eq(cells_after(program->code, program->verdict), 1, "%s: the cell stayed",
		program->name);
}

Test(reset, the_cell_is_replaced_after_a_timeout)
{
	struct pool *pool = pool_of(1);
	struct job job;

	job_init(&job, pool, "while True: pass");
	job.execution.limits.values[LIMIT_TIMEOUT] = 10 * NSEC_PER_MSEC;
	job_run(&job);
	cr_expect_str_eq(job_verdict(&job), "timeout");
	job_fini(&job);
	cr_assert(pool_wait(pool, all_idle));
	cr_expect_eq(status_of(pool).cells, 2);
	pool_stop(pool);
}

/*
 * Sockets that hold each other in flight outlive their processes until the kernel collects them,
 * which may be before the cell is asked or after: it stays or it is replaced. Neither way may the
 * next program find one.
 */
Test(reset, sockets_in_a_circle_hold_nothing_of_the_next_program)
{
	static const char circle[] =
		"import socket, array\na, b = socket.socketpair(); a.bind('\\0left')\n"
		"for s, o in ((a, b), (b, a)):"
		" s.sendmsg([b'x'], [(1, 1, array.array('i', [s.fileno(), o.fileno()]))])";
	struct pool *pool = pool_of(1);

	for (int turn = 0; turn < 10; turn++) {
		program_run(pool, circle, "ok");
		program_run(pool, "import socket\nsocket.socket(socket.AF_UNIX).bind('\\0left')",
			"ok");
	}
	pool_stop(pool);
}

/* --- What the next program finds -------------------------------------------------------------- */

/* In a cell that stayed, `second` says what it would say in a fresh one. */
static void expect_as_in_a_fresh_one(const char *first, const char *second)
{
	struct pool *pool = pool_of(1);
	char fresh[256];
	struct job job;

	job_init(&job, pool, second);
	job_run(&job);
	snprintf(fresh, sizeof(fresh), "%s", job_text(&job, OUTPUT_STDOUT));
	job_fini(&job);
	cr_assert(pool_wait(pool, all_idle));
	program_run(pool, first, "ok");
	cr_expect_eq(status_of(pool).cells, 1, "the cell did not stay: nothing to prove");
	job_init(&job, pool, second);
	job_run(&job);
	cr_expect_str_eq(job_verdict(&job), "ok");
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), fresh);
	cr_expect_gt(strlen(fresh), 0);
	job_fini(&job);
	pool_stop(pool);
}

Test(reset, process_numbers_start_again)
{
	expect_as_in_a_fresh_one(
		"import subprocess\nfor i in range(20): subprocess.run(['/bin/true'])",
		"import subprocess, os\nprint(os.getpid(), os.getppid(), os.getsid(0))\n"
		"p = subprocess.Popen(['/bin/true']); print(p.pid); p.wait()");
}

Test(reset, ipc_objects_and_their_numbers_are_gone)
{
	expect_as_in_a_fresh_one("import ctypes; c = ctypes.CDLL(None)\nfor k in range(9): assert "
				 "c.shmget(k, 99, 0o1666) >= 0",
		"import ctypes; c = ctypes.CDLL(None)\nprint(c.shmget(3, 0, 0), c.shmget(3, 9, "
		"0o1600))");
}

Test(reset, files_and_their_times_are_as_at_birth)
{
	expect_as_in_a_fresh_one("import os; os.listdir('/tmp'); os.stat('/workspace')",
		"import os\nfor d in '/tmp', '/workspace', '/dev/shm':"
		" print(os.listdir(d), os.stat(d)[0:6], os.stat(d).st_ctime_ns, "
		"os.stat(d).st_atime_ns)");
}

/* Not of the link that every look at /proc/self follows, either. */
Test(reset, reading_leaves_no_time_below_proc)
{
	expect_as_in_a_fresh_one("open('/proc/self/stat').read()",
		"import os; s = os.lstat('/proc/self'); print(s.st_atime_ns == s.st_mtime_ns)");
}

/* --- What goes on living ---------------------------------------------------------------------- */

/* Each would take the second after which a slot is looked at that does not come to rest. */
Test(reset, does_not_wait_for_what_a_program_left_running, .timeout = 40)
{
	struct pool *pool = pool_of(1);

	for (int i = 0; i < 25; i++) {
		program_run(pool, "import subprocess; subprocess.Popen(['sleep', '9999'])",
			"ok");
		program_run(pool, "import os, time\nif os.fork() == 0:\n"
				  "  os.close(1); os.close(2)\n"
				  "  time.sleep(1000)", "ok");
	}
	cr_expect_eq(status_of(pool).quarantined, 0);
	pool_stop(pool);
}
