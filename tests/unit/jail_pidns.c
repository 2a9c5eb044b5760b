// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_pidns.c: numbers begin again in another namespace, and go on in one's own.
 */
#include "jail/pidns.h"

#include "jail/cell.h"
#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

TestSuite(pidns, .timeout = 20);

/* The first process of a namespace of its own. */
static pid_t init_fork(void)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		for (;;)
			pause();
	cr_assert_gt(pid, 0);
	return (pid_t)pid;
}

static void init_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The number that the next process in that namespace gets, as it sees it itself. */
static int next_number(pid_t init_pid)
{
	int fd = pidfd_open(init_pid, 0), status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setns(fd, CLONE_NEWPID) < 0)
			_exit(0);
		pid = fork();
		if (pid == 0)
			_exit((int)syscall(SYS_getpid));
		_exit(waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 0);
	}
	close(fd);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

Test(pidns, numbers_begin_again)
{
	struct pidns pidns;
	pid_t init_pid = init_fork();

	cr_assert_eq(pidns_open(&pidns), 0);
	for (int i = 0; i < 5; i++)
		next_number(init_pid);
	cr_expect_gt(next_number(init_pid), WORKER_PID + 1);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(pidns_restart(&pidns, init_pid), 0);
		cr_expect_eq(next_number(init_pid), WORKER_PID + 1);
	}
	init_end(init_pid);
	pidns_close(&pidns);
}

Test(pidns, of_the_caller_stay)
{
	struct pidns pidns;
	pid_t init_pid = init_fork(), child;

	cr_assert_eq(pidns_open(&pidns), 0);
	cr_expect_eq(pidns_restart(&pidns, init_pid), 0);
	child = fork();
	if (child == 0)
		_exit(0);
	/* One of this namespace, not of that one. */
	cr_expect_gt(child, WORKER_PID + 1);
	cr_expect_eq(waitpid(child, NULL, 0), child);
	init_end(init_pid);
	pidns_close(&pidns);
}

Test(pidns, of_a_process_that_is_gone_are_an_error)
{
	struct pidns pidns;
	pid_t init_pid = init_fork();

	cr_assert_eq(pidns_open(&pidns), 0);
	init_end(init_pid);
	cr_expect_eq(pidns_restart(&pidns, init_pid), -ESRCH);
	pidns_close(&pidns);
	pidns_close(&pidns);
}
