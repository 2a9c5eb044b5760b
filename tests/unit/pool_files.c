// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_files.c: the files that an execution brings stand there before its code, and are
 * the worker's own; what does not fit is a verdict, and no program runs beside a part of them.
 */
#include "tests/unit/pool_fixture.h"

#include "base/own.h"
#include "ring/parcel.h"

#include <fcntl.h>

TestSuite(pool_files, .timeout = 50);

static int packed(const struct parcel_file *files, size_t count)
{
	int fd = -1;

	cr_assert_eq(parcel_pack(files, count, &fd), 0);
	return fd;
}

Test(pool_files, stand_there_before_the_code_and_are_its_own)
{
	static const char code[] =
		"import os, helper, time\n"
		"for name in ('helper.py', 'data', 'data/deep', 'data/deep/bytes'):\n"
		"    status = os.stat(name)\n"
		"    assert status.st_uid == os.getuid() and status.st_gid == os.getgid(), name\n"
		"    assert abs(status.st_mtime - time.time()) < 20, name\n"
		"    print(name, oct(status.st_mode))\n"
		"print(open('data/deep/bytes', 'rb').read())\n"
		"print(open('data/deep/bytes', 'ab').write(b'x'))\n"
		/* The last one is that of listdir() itself. */
		"print(helper.value, os.listdir('/proc/self/fd'))\n";
	const struct parcel_file files[] = { { "helper.py", "value = 7\n", 10 },
		{ "data/deep/bytes", "\0\xff", 2 } };
	struct pool *pool = pool_of(1);
	AUTO_FD fd = packed(files, 2);
	struct job job;

	/* One parcel may travel with any number of executions. */
	for (int turn = 0; turn < 3; turn++) {
		job_init(&job, pool, code);
		job.execution.files_fd = fd;
		job_run(&job);
		cr_expect_str_eq(job_verdict(&job), "ok", "%s", job_text(&job, OUTPUT_STDERR));
		cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT),
			"helper.py 0o100644\ndata 0o40755\ndata/deep 0o40755\n"
			"data/deep/bytes 0o100644\nb'\\x00\\xff'\n1\n"
			"7 ['0', '1', '2', '3', '4']\n");
		job_fini(&job);
		pool_expect(pool, "import os; assert not os.listdir()", "ok");
	}
	pool_stop(pool);
}

Test(pool_files, come_with_standard_input)
{
	const struct parcel_file file = { "a", "file", 4 };
	struct pool *pool = pool_of(1);
	AUTO_FD fd = packed(&file, 1);
	int ends[2];
	struct job job;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], "input", 5), 5);
	fd_close(&ends[1]);
	job_init(&job, pool, "import sys; print(open('a').read(), sys.stdin.read())");
	job.execution.files_fd = fd;
	job.execution.stdin_fd = ends[0];
	job_run(&job);
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "file input\n");
	job_fini(&job);
	fd_close(&ends[0]);
	pool_stop(pool);
}

/* By their bytes, which are more, and by their number, which is more than there are inodes. */
Test(pool_files, that_do_not_fit_are_the_verdict)
{
	static char names[PARCEL_FILES_MAX][8], bytes[40000];
	static struct parcel_file many[PARCEL_FILES_MAX];
	const struct parcel_file large[] = { { "first", bytes, sizeof(bytes) },
		{ "second", bytes, sizeof(bytes) } };
	struct pool *pool = pool_of(1);
	struct job job;

	for (unsigned i = 0; i < PARCEL_FILES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		many[i].name = names[i];
		many[i].bytes = "";
	}
	for (int turn = 0; turn < 2; turn++) {
		AUTO_FD fd = turn ? packed(many, PARCEL_FILES_MAX) : packed(large, 2);

		job_init(&job, pool, "print('it ran')");
		job.execution.files_fd = fd;
		limits_set(&job.execution.limits, LIMIT_FILES, 65536);
		job_run(&job);
		cr_expect_str_eq(job_verdict(&job), "limit:files");
		cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "");
		cr_expect_str_eq(job_text(&job, OUTPUT_ERROR_NAME), "FilesError");
		if (!turn)
			cr_expect_str_eq(job_text(&job, OUTPUT_ERROR_MESSAGE),
				"cannot make the file 'second', which the request brings: No space "
				"left on device");
		job_fini(&job);
	}
	pool_expect(pool, "import os; assert not os.listdir()", "ok");
	pool_stop(pool);
}

/* They count against the memory of the execution that brings them, not against the daemon's. */
Test(pool_files, count_as_memory)
{
	const size_t size = 32u << 20;
	char *bytes = calloc(1, size);
	const struct parcel_file file = { "large", bytes, size };
	struct pool *pool = pool_of(1);
	AUTO_FD fd = packed(&file, 1);
	struct job job;

	free(bytes);
	job_init(&job, pool, "print('it ran')");
	job.execution.files_fd = fd;
	limits_set(&job.execution.limits, LIMIT_MEMORY, 16u << 20);
	job_run(&job);
	cr_expect_str_eq(job_verdict(&job), "limit:memory");
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "");
	job_fini(&job);
	pool_expect(pool, "pass", "ok");
	pool_stop(pool);
}

Test(pool_files, are_not_what_is_no_parcel)
{
	struct pool *pool = pool_of(1);
	AUTO_FD fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct job job;

	job_init(&job, pool, "print('it ran')");
	job.execution.files_fd = fd;
	job_run(&job);
	/* No failure of the program's, so it does not look like one. */
	cr_expect_str_eq(job_verdict(&job), "lost");
	cr_expect_str_eq(job.execution.result.reason, "its worker could not begin");
	cr_expect_str_eq(job_text(&job, OUTPUT_STDOUT), "");
	job_fini(&job);
	pool_expect(pool, "pass", "ok");
	pool_stop(pool);
}
