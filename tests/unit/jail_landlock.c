// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_landlock.c: what is refused inside a domain, though root asks for it, and what
 * goes on working. Each try is a child that enters a domain. Needs Landlock, and root to see that
 * it is the domain and no file mode that refuses.
 */
#include "jail/landlock.h"

#include "tests/unit/jail_child.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int enter(int abi)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : landlock_enter(abi);
}

/* 0 if the path can be opened, else the errno. */
static int open_errno(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* A directory in a place that no rule names, with one file in it. */
struct outside {
	char directory[64], file[80], other[80];
	int abi;
};

static void outside_make(struct outside *outside)
{
	*outside = (struct outside){ .directory = "/var/tmp/corral-landlock-XXXXXX" };
	cr_assert(mkdtemp(outside->directory));
	snprintf(outside->file, sizeof(outside->file), "%s/file", outside->directory);
	snprintf(outside->other, sizeof(outside->other), "%s/other", outside->directory);
	cr_assert_eq(open_errno(outside->file, O_WRONLY | O_CREAT | O_EXCL), 0);
}

static void outside_remove(const struct outside *outside)
{
	unlink(outside->file);
	unlink(outside->other);
	rmdir(outside->directory);
}

static int refused_outside(void *argument)
{
	const struct outside *outside = argument;

	if (enter(outside->abi))
		return 1;
	if (open_errno(outside->file, O_RDONLY))
		return 2;
	if (open_errno(outside->file, O_WRONLY) != EACCES)
		return 3;
	if (open_errno(outside->other, O_WRONLY | O_CREAT) != EACCES)
		return 4;
	if (outside->abi >= 3 && (truncate(outside->file, 0) == 0 || errno != EACCES))
		return 5;
	if (mkdir(outside->other, 0700) == 0 || errno != EACCES)
		return 6;
	if (unlink(outside->file) == 0 || errno != EACCES)
		return 7;
	if (rename(outside->file, outside->other) == 0 || errno != EACCES)
		return 8;
	if (open_errno("/dev/ptmx", O_RDWR) != EACCES)
		return 9;
	return 0;
}

Test(landlock, refuses_to_write_elsewhere_with_every_abi)
{
	int newest = landlock_abi();
	struct outside outside;

	cr_assert_gt(newest, 0);
	outside_make(&outside);
	for (outside.abi = 1; outside.abi <= newest; outside.abi++)
		cr_expect_eq(child_run(refused_outside, &outside), 0, "ABI %d", outside.abi);
	outside_remove(&outside);
}

static int works_inside(void *argument)
{
	char path[64], other[80];
	int fd;

	(void)argument;
	snprintf(path, sizeof(path), "/tmp/corral-landlock-%d", (int)getpid());
	snprintf(other, sizeof(other), "%s/fifo", path);
	if (enter(landlock_abi()))
		return 1;
	if (mkdir(path, 0700) || mkfifo(other, 0600) || unlink(other) || rmdir(path))
		return 2;
	snprintf(path, sizeof(path), "/dev/shm/corral-landlock-%d", (int)getpid());
	if (open_errno(path, O_RDWR | O_CREAT | O_EXCL) || truncate(path, 100) || unlink(path))
		return 3;
	if (open_errno("/dev/null", O_WRONLY | O_CREAT | O_TRUNC) ||
		open_errno("/dev/urandom", O_RDWR))
		return 4;
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (fd < 0 || isatty(fd) || errno != ENOTTY)
		return 5;
	close(fd);
	return 0;
}

Test(landlock, lets_write_in_private_directories)
{
	cr_assert_eq(child_run(works_inside, NULL), 0);
}

static int tcp_refused(void *argument)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)argument;
	if (enter(landlock_abi()))
		return 1;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno != EACCES)
		return 2;
	address.sin_port = htons(9);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno != EACCES)
		return 3;
	return 0;
}

Test(landlock, refuses_tcp)
{
	if (landlock_abi() < 4)
		cr_skip("TCP rules came with ABI 4, Linux 6.7");
	cr_assert_eq(child_run(tcp_refused, NULL), 0);
}

/* Binds a listener to a free abstract name. */
static int listener_new(struct sockaddr_un *ret_address, socklen_t *ret_length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_length = sizeof(*ret_address);
	if (bind(fd, (struct sockaddr *)ret_address, sizeof(sa_family_t)) || listen(fd, 4) ||
		getsockname(fd, (struct sockaddr *)ret_address, ret_length))
		return -1;
	return fd;
}

static int connect_errno(const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (const struct sockaddr *)address, length) ? errno : 0;

	close(fd);
	return r;
}

static int stays_in_domain(void *argument)
{
	struct sockaddr_un outer, inner;
	socklen_t outer_length, inner_length;
	pid_t child;

	(void)argument;
	if (listener_new(&outer, &outer_length) < 0 || connect_errno(&outer, outer_length))
		return 1;
	if (kill(getppid(), 0) || enter(landlock_abi()))
		return 2;
	if (connect_errno(&outer, outer_length) != EPERM)
		return 3;
	if (kill(getppid(), 0) == 0 || errno != EPERM)
		return 4;
	if (listener_new(&inner, &inner_length) < 0 || connect_errno(&inner, inner_length))
		return 5;
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	return kill(child, SIGKILL) || waitpid(child, NULL, 0) != child;
}

Test(landlock, keeps_abstract_sockets_and_signals_in_the_domain)
{
	if (landlock_abi() < 6)
		cr_skip("scopes came with ABI 6, Linux 6.12");
	cr_assert_eq(child_run(stays_in_domain, NULL), 0);
}

static int descriptors_kept(void *argument)
{
	int before = open("/proc/self", O_PATH | O_CLOEXEC), after;

	(void)argument;
	close(before);
	if (enter(landlock_abi()))
		return 1;
	after = open("/proc/self", O_PATH | O_CLOEXEC);
	return after != before;
}

Test(landlock, leaves_no_descriptor_behind)
{
	cr_assert_eq(child_run(descriptors_kept, NULL), 0);
}

Test(landlock, is_not_entered_where_the_kernel_has_none)
{
	cr_assert_eq(landlock_enter(0), -EOPNOTSUPP);
	cr_assert_eq(landlock_enter(-ENOSYS), -EOPNOTSUPP);
}
