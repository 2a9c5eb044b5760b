// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_netns.c: spare network namespaces are handed on, never leaked, never confused.
 * Needs root.
 */
#include "jail/netns.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/wait.h>

static ino_t inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/* A child with an empty network namespace of its own, which stays until it is killed. */
static pid_t namespace_start(void)
{
	int ready[2];
	char byte;

	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	fd_close(&ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	fd_close(&ready[0]);
	return pid;
}

static void namespace_end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(netns, of_a_process_is_its_own)
{
	pid_t pid = namespace_start();
	AUTO_FD theirs = netns_of(pid), ours = netns_of(getpid());

	cr_assert_geq(theirs, 0);
	cr_assert_geq(ours, 0);
	cr_expect_neq(inode_of(theirs), inode_of(ours));
	cr_expect(fcntl(theirs, F_GETFD) & FD_CLOEXEC);
	namespace_end(pid);
	cr_expect_lt(netns_of(pid), 0, "a dead process has none");
	fd_close(&theirs);
	fd_close(&ours);
}

static int enter(int namespace_fd)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setns(namespace_fd, CLONE_NEWNET) == 0 ? 0 : errno);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(netns, lives_on_in_the_pool_when_its_processes_are_dead)
{
	struct netns_pool pool;
	pid_t pid = namespace_start();

	cr_assert_eq(netns_pool_init(&pool, 2), 0);
	netns_give(&pool, netns_of(pid));
	namespace_end(pid);

	AUTO_FD fd = netns_take(&pool);

	cr_assert_geq(fd, 0);
	cr_expect_eq(enter(fd), 0);
	netns_pool_fini(&pool);
	fd_close(&fd);
}

/* An empty one, held by its descriptor alone. */
static int empty_namespace(void)
{
	pid_t pid = namespace_start();
	int fd = netns_of(pid);

	namespace_end(pid);
	cr_assert_geq(fd, 0);
	return fd;
}

Test(netns, comes_out_of_the_pool_once)
{
	struct netns_pool pool;
	AUTO_FD first = empty_namespace();
	int number = first;

	cr_assert_eq(netns_pool_init(&pool, 2), 0);
	cr_expect_eq(netns_take(&pool), -1);
	netns_give(&pool, fd_take(&first));
	cr_expect_eq(netns_take(&pool), number);
	cr_expect_eq(netns_take(&pool), -1);
	netns_give(&pool, number);
	netns_give(&pool, -1);
	cr_expect_eq(pool.count, 1, "none is none");
	netns_pool_fini(&pool);
	cr_expect_eq(fcntl(number, F_GETFD), -1, "fini closes what is spare");
}

Test(netns, is_closed_when_the_pool_is_full)
{
	struct netns_pool pool;
	int fds[3];

	cr_assert_eq(netns_pool_init(&pool, 2), 0);
	for (int i = 0; i < 3; i++) {
		fds[i] = empty_namespace();
		netns_give(&pool, fds[i]);
	}
	cr_expect_eq(pool.count, 2);
	cr_expect_eq(fcntl(fds[2], F_GETFD), -1);
	netns_pool_fini(&pool);
}

Test(netns, pool_of_none_keeps_none)
{
	struct netns_pool pool;
	int fd = netns_of(getpid());

	cr_assert_eq(netns_pool_init(&pool, 0), 0);
	netns_give(&pool, fd);
	cr_expect_eq(netns_take(&pool), -1);
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
	netns_pool_fini(&pool);
}

Test(netns, is_not_handed_on_while_a_socket_lives_in_it)
{
	struct netns_pool pool;
	AUTO_FD ours = netns_of(getpid());
	int fd = empty_namespace();

	cr_assert_eq(netns_pool_init(&pool, 2), 0);
	cr_assert_eq(setns(fd, CLONE_NEWNET), 0);

	AUTO_FD lively = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(setns(ours, CLONE_NEWNET), 0);
	netns_give(&pool, fd);
	cr_expect_eq(netns_take(&pool), -1);
	cr_expect_eq(fcntl(fd, F_GETFD), -1, "it is let go");
	netns_pool_fini(&pool);
}
