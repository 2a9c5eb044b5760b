// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_spawn.c: a helper program gets what it is meant to have, and nothing else.
 */
#include "jail/spawn.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

TestSuite(spawn, .timeout = 20);

static char *const no_environment[] = { NULL };

/* Runs a shell script that writes to its descriptor 3; returns what it wrote. */
static const char *script_run(const char *script, char *const *environment, int cpu)
{
	static char said[4096];
	char *const arguments[] = { (char *)"helper", (char *)"-c", (char *)script, NULL };
	struct error error = { .sentence = "" };
	size_t used = 0;
	int ends[2], status;
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	struct spawn_plan plan = {
		.path = "/bin/sh",
		.arguments = arguments,
		.environment = environment,
		.fds = { ends[1], -1, ends[0] },
		.fd_count = 3,
		.cpu = cpu,
	};

	cr_assert_eq(spawn_program(&plan, &pid, &error), 0, "%s", error.sentence);
	fd_close(&ends[1]);
	for (ssize_t n; (n = read(ends[0], said + used, sizeof(said) - 1 - used)) > 0;)
		used += (size_t)n;
	said[used] = '\0';
	fd_close(&ends[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d: %s", status, said);
	return said;
}

Test(spawn, gives_the_descriptors_of_the_plan_and_no_other)
{
	AUTO_FD inheritable = fcntl(0, F_DUPFD, 100);

	cr_assert_geq(inheritable, 100);
	/* The shell's own, for the listing, is closed again when each is looked at. */
	cr_expect_str_eq(script_run("set -- /proc/$$/fd/*\n"
				    "for fd; do test -e $fd && echo ${fd##*/}; done >&3\n:",
				 no_environment, -1),
		"0\n1\n2\n3\n5\n");
	cr_expect_str_eq(
		script_run("links=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); echo $links >&3",
			no_environment, -1),
		"/dev/null /dev/null\n");
	fd_close(&inheritable);
}

Test(spawn, puts_descriptors_into_each_others_places)
{
	char *const arguments[] = { (char *)"helper", (char *)"-c",
		(char *)"echo three >&3; echo four >&4", NULL };
	int first[2], second[2], status;
	char text[16] = "";
	pid_t pid;

	/* The numbers 3 to 6 cross over, whichever of them these are. */
	cr_assert_eq(pipe2(first, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(second, O_CLOEXEC), 0);
	AUTO_FD four = fcntl(first[1], F_DUPFD_CLOEXEC, 3),
		three = fcntl(second[1], F_DUPFD_CLOEXEC, 3);
	struct spawn_plan plan = {
		.path = "/bin/sh",
		.arguments = arguments,
		.environment = no_environment,
		.fds = { three, four, second[0], first[0], second[1], first[1] },
		.fd_count = 6,
		.cpu = -1,
	};

	cr_assert_eq(spawn_program(&plan, &pid, NULL), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	cr_expect_eq(read(second[0], text, sizeof(text)), 6);
	cr_expect_eq(strncmp(text, "three\n", 6), 0, "%s", text);
	cr_expect_eq(read(first[0], text, sizeof(text)), 5);
	cr_expect_eq(strncmp(text, "four\n", 5), 0, "%s", text);
	for (int i = 0; i < 2; i++) {
		fd_close(&first[i]);
		fd_close(&second[i]);
	}
	fd_close(&three);
	fd_close(&four);
}

Test(spawn, gives_the_environment_of_the_plan_and_no_other)
{
	char *const environment[] = { (char *)"ONE=1", (char *)"PATH=/bin:/usr/bin", NULL };
	const char *said = script_run("tr '\\0' '\\n' < /proc/$$/environ >&3", environment, -1);

	cr_expect_str_eq(said, "ONE=1\nPATH=/bin:/usr/bin\n");
}

Test(spawn, pins_to_the_cpu_of_the_plan)
{
	cpu_set_t cpus;
	char expected[16];
	int cpu = 0;

	cr_assert_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	while (!CPU_ISSET((unsigned)cpu, &cpus))
		cpu++;
	snprintf(expected, sizeof(expected), "%d\n", cpu);
	cr_expect_str_eq(script_run("sed -n 's/^Cpus_allowed_list:\\t//p' /proc/$$/status >&3",
				 no_environment, cpu),
		expected);
}

Test(spawn, undoes_what_we_do_with_signals)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1 };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	cr_expect_str_eq(
		script_run("exec grep -E 'Sig(Blk|Ign)' /proc/self/status >&3", no_environment, -1),
		"SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

Test(spawn, tells_what_cannot_be_executed_and_leaves_no_child)
{
	static const struct {
		const char *path;
		int expected;
		const char *sentence;
	} rows[] = {
		{ "/no/such/program", -ENOENT,
			"cannot start /no/such/program: No such file or directory" },
		{ "/etc/passwd", -EACCES, "cannot start /etc/passwd: Permission denied" },
		{ "/", -EACCES, "cannot start /: Permission denied" },
	};
	char *const arguments[] = { (char *)"helper", NULL };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spawn_plan plan = {
			.path = rows[i].path,
			.arguments = arguments,
			.environment = no_environment,
			.cpu = -1,
		};
		struct error error;
		pid_t pid = 0;

		cr_expect_eq(spawn_program(&plan, &pid, &error), rows[i].expected);
		cr_expect_str_eq(error.sentence, rows[i].sentence);
		cr_expect_eq(pid, 0);
	}
}

static void *spawn_and_end(void *argument)
{
	char *const arguments[] = { (char *)"helper", (char *)"-c", (char *)"read line <&3", NULL };
	struct spawn_plan plan = {
		.path = "/bin/sh",
		.arguments = arguments,
		.environment = no_environment,
		.fds = { *(int *)argument },
		.fd_count = 1,
		.cpu = -1,
	};
	static pid_t pid;

	return spawn_program(&plan, &pid, NULL) == 0 ? &pid : NULL;
}

Test(spawn, ties_the_program_to_the_thread_that_started_it)
{
	pthread_t thread;
	void *pid;
	int ends[2];
	siginfo_t info;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(pthread_create(&thread, NULL, spawn_and_end, &ends[0]), 0);
	pthread_join(thread, &pid);
	cr_assert_not_null(pid);
	cr_assert_eq(waitid(P_PID, (id_t)*(pid_t *)pid, &info, WEXITED), 0);
	cr_expect(info.si_code == CLD_KILLED && info.si_status == SIGKILL);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

Test(spawn, has_room_for_so_many_descriptors_alone, .signal = SIGABRT)
{
	struct spawn_plan plan = { .path = "/bin/true", .fd_count = SPAWN_FDS_MAX + 1 };
	pid_t pid;

	spawn_program(&plan, &pid, NULL);
}
