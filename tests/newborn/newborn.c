// SPDX-License-Identifier: Apache-2.0
/*
 * tests/newborn/newborn.c: the stub's place in a test. Before stub_forked() output is recorded,
 * from then on it goes through descriptors 1 and 2, which are files whose contents are appended
 * to the record at the end: so the record shows the order that a client would see.
 */
#include "tests/newborn/newborn.h"

#include <criterion/criterion.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Under sanitizers: an interpreter is never torn down, and memory may run out in a program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:allocator_may_return_null=1";
}

struct outcome *outcome;
static const struct runtime *runtime;
static pid_t worker;

static void keep(enum output_kind kind, const void *bytes, size_t size)
{
	size_t room = OUTCOME_BYTES - 1 - outcome->size[kind];

	memcpy(outcome->text[kind] + outcome->size[kind], bytes, size < room ? size : room);
	outcome->size[kind] += size < room ? size : room;
}

void stub_write(enum output_kind kind, const void *bytes, size_t size)
{
	bool stream = kind == OUTPUT_STDOUT || kind == OUTPUT_STDERR;

	if (getpid() == worker)
		outcome->writes[kind]++;
	if (stream && outcome->forked)
		cr_assert_eq(write(kind == OUTPUT_STDERR ? 2 : 1, bytes, size), (ssize_t)size);
	else if (getpid() == worker)
		keep(kind, bytes, size);
}

void stub_forked(void)
{
	outcome->forked++;
}

static char *const nothing[] = { NULL };

struct runtime_job job_of(const char *code)
{
	return (struct runtime_job){
		.code = code,
		.code_bytes = strlen(code),
		.environment = nothing,
		.arguments = nothing,
		.seed = { 1, 2, 3, 4 },
		.want_result = true,
	};
}

void newborn_warm(const struct runtime *under_test)
{
	struct error error = { "" };

	/* Ignored in what a shell starts in the background; jail/spawn.c gives templates this. */
	signal(SIGINT, SIG_DFL);
	runtime = under_test;
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert_neq(outcome, MAP_FAILED);
	cr_assert_eq(runtime->warm(NULL, &error), 0, "%s", error.sentence);
	cr_assert_eq(outcome->forked, 0, "a child was announced in the template");
}

static int memory_file(const char *text)
{
	int fd = memfd_create("standard", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void collect(int fd, enum output_kind kind)
{
	static char bytes[1 << 16];
	ssize_t size = pread(fd, bytes, sizeof(bytes), 0);

	keep(kind, bytes, size > 0 ? (size_t)size : 0);
}

static void execute_all(const struct runtime_job *jobs, size_t count, const char *input)
{
	int files[3] = { memory_file(input), memory_file(""), memory_file("") };

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(dup2(files[i], i), i);
		close(files[i]);
	}
	for (size_t i = 0; i < count; i++)
		runtime->execute(&jobs[i], &outcome->end);
	outcome->returned = true;
	collect(1, OUTPUT_STDOUT);
	collect(2, OUTPUT_STDERR);
}

int run_jobs(const struct runtime_job *jobs, size_t count, const char *input)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int status;

	memset(outcome->size, 0, sizeof(outcome->size));
	memset(outcome->writes, 0, sizeof(outcome->writes));
	for (int i = 0; i < OUTPUT_KIND_COUNT; i++)
		memset(outcome->text[i], 0, 1 << 16);
	outcome->returned = false;
	outcome->forked = 0;
	outcome->end = (struct output_end){ 0 };

	runtime->fork_before();
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0) {
		worker = getpid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		runtime->fork_child();
		execute_all(jobs, count, input);
		_exit(0);
	}
	runtime->fork_parent();
	cr_assert_gt(child, 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	for (int i = 0; i < OUTPUT_KIND_COUNT; i++)
		outcome->text[i][outcome->size[i]] = '\0';
	return status;
}

int run_job(struct runtime_job job)
{
	return run_jobs(&job, 1, "");
}

int run(const char *code)
{
	return run_job(job_of(code));
}

const char *text(enum output_kind kind)
{
	return outcome->text[kind];
}
