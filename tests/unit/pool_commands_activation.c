// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_commands_activation.c: which sockets were given, by the variables and descriptors
 * that systemd would leave; and what is no socket to listen on.
 */
#include "pool/commands/activation.h"

#include "base/own.h"
#include "pool/http/listen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FIRST 300 /* Criterion's own are in front of it */

TestSuite(activation, .timeout = 30);

static struct activation activation;
static struct error error;

static void environment(const char *count, const char *names)
{
	char pid[24];

	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
}

/* `count` descriptors that an exec would pass on. */
static void descriptors_open(int count)
{
	for (int fd = FIRST; fd < FIRST + count; fd++)
		cr_assert_eq(dup2(0, fd), fd);
}

static void descriptors_close(int count)
{
	for (int fd = FIRST; fd < FIRST + count; fd++)
		cr_assert_eq(close(fd), 0);
}

static void expect_no_variables(void)
{
	cr_expect_null(getenv("LISTEN_FDS"));
	cr_expect_null(getenv("LISTEN_PID"));
	cr_expect_null(getenv("LISTEN_FDNAMES"));
}

Test(activation, none_without_the_variables)
{
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	cr_assert_eq(activation_take(FIRST, &activation, &error), 0);
	cr_assert_eq(activation.count, 0);
	setenv("LISTEN_FDS", "2", 1);
	cr_assert_eq(activation_take(FIRST, &activation, &error), 0);
	cr_assert_eq(activation.count, 0, "without LISTEN_PID they are for nobody");
}

Test(activation, none_that_are_meant_for_another_process)
{
	environment("1", NULL);
	setenv("LISTEN_PID", "1", 1);
	cr_assert_eq(activation_take(FIRST, &activation, &error), 0);
	cr_assert_eq(activation.count, 0);
	expect_no_variables();
}

Test(activation, takes_each_with_its_name_and_closes_them_on_exec)
{
	environment("3", "corral.socket:tcp");
	descriptors_open(3);
	cr_assert_eq(activation_take(FIRST, &activation, &error), 0, "%s", error.sentence);
	cr_assert_eq(activation.count, 3);
	cr_expect_str_eq(activation.sockets[0].name, "corral.socket");
	cr_expect_str_eq(activation.sockets[1].name, "tcp");
	cr_expect_str_eq(activation.sockets[2].name, "");
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(activation.sockets[i].fd, FIRST + i);
		cr_expect_eq(fcntl(activation.sockets[i].fd, F_GETFD), FD_CLOEXEC);
	}
	descriptors_close(3);
	expect_no_variables();
}

Test(activation, cuts_a_name_that_is_too_long)
{
	char names[200];

	memset(names, 'n', sizeof(names));
	names[199] = '\0';
	environment("1", names);
	descriptors_open(1);
	cr_assert_eq(activation_take(FIRST, &activation, &error), 0);
	cr_assert_eq(strlen(activation.sockets[0].name), sizeof(activation.sockets[0].name) - 1);
	descriptors_close(1);
}

static void expect_refused(int code, const char *part)
{
	activation.count = 77;
	cr_expect_eq(activation_take(FIRST, &activation, &error), code);
	cr_expect_not_null(strstr(error.sentence, part), "%s", error.sentence);
	cr_expect_eq(activation.count, 77);
	expect_no_variables();
}

Test(activation, refuses_what_does_not_add_up)
{
	environment("two", NULL);
	expect_refused(-EINVAL, "LISTEN_FDS cannot be 'two'");
	environment("9", NULL);
	expect_refused(-E2BIG, "at most 8");
	environment("1", NULL);
	setenv("LISTEN_PID", "me", 1);
	expect_refused(-EINVAL, "LISTEN_PID cannot be 'me'");
	environment("2", NULL);
	descriptors_open(1);
	expect_refused(-EBADF, "descriptor 301 is not open");
	cr_expect_eq(fcntl(FIRST, F_GETFD), 0, "untouched");
	descriptors_close(1);
}

/* --- What they are (pool/http/listen.c) ------------------------------------------------------- */

static int bound(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address = { .ss_family = (sa_family_t)family };
	socklen_t size = family == AF_UNIX  ? sizeof(sa_family_t)
			 : family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	return fd;
}

static int ask(int fd, bool *ret_is_tcp, unsigned *ret_port)
{
	const struct server_given given = { .fd = fd, .name = "it" };

	return listen_given(&given, ret_is_tcp, ret_port, &error);
}

Test(activation, tells_unix_from_tcp)
{
	AUTO_FD local = bound(AF_UNIX, SOCK_STREAM);
	AUTO_FD tcp = bound(AF_INET, SOCK_STREAM);
	AUTO_FD six = bound(AF_INET6, SOCK_STREAM);
	bool is_tcp = true;
	unsigned port = 1;

	listen(local, 1);
	listen(tcp, 1);
	listen(six, 1);
	cr_assert_eq(ask(local, &is_tcp, &port), 0, "%s", error.sentence);
	cr_assert(!is_tcp && port == 0);
	cr_assert_eq(ask(tcp, &is_tcp, &port), 0, "%s", error.sentence);
	cr_assert(is_tcp && port > 0);
	cr_assert_eq(ask(six, &is_tcp, &port), 0, "%s", error.sentence);
	cr_assert(is_tcp && port > 0);
}

static void expect_kind_refused(int fd, const char *part)
{
	bool is_tcp;
	unsigned port;

	cr_expect_lt(ask(fd, &is_tcp, &port), 0);
	cr_expect_not_null(strstr(error.sentence, part), "%s", error.sentence);
}

Test(activation, refuses_what_nobody_can_be_accepted_on)
{
	AUTO_FD idle = bound(AF_UNIX, SOCK_STREAM);
	AUTO_FD datagrams = bound(AF_INET, SOCK_DGRAM);
	AUTO_FD packets = bound(AF_UNIX, SOCK_SEQPACKET);
	AUTO_FD netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	AUTO_FD file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	listen(packets, 1);
	expect_kind_refused(idle, "a socket that does not listen");
	expect_kind_refused(datagrams, "no stream socket");
	expect_kind_refused(packets, "no stream socket");
	expect_kind_refused(netlink, "neither a unix nor a TCP socket");
	expect_kind_refused(file, "no socket");
	expect_kind_refused(987654, "not open");
}

/* --- The path of a socket --------------------------------------------------------------------- */

static char folder[] = "/tmp/activation.XXXXXX";
static char path[64];

static void path_make(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
}

static void path_remove(void)
{
	unlink(path);
	rmdir(folder);
}

Test(activation, a_file_at_the_sockets_path_stays, .init = path_make, .fini = path_remove)
{
	AUTO_FD file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int fd = -1;

	cr_assert_eq(listen_unix(path, &fd, &error), -EEXIST);
	cr_assert_not_null(strstr(error.sentence, "no socket stands there"), "%s", error.sentence);
	cr_assert_eq(listen_unix_check(path, &error), -EEXIST);
	cr_assert_eq(access(path, F_OK), 0);
	cr_assert_eq(fd, -1);
}

Test(activation, a_dead_socket_is_replaced_and_a_live_one_is_not, .init = path_make,
	.fini = path_remove)
{
	AUTO_FD first = -1, second = -1;

	cr_assert_eq(listen_unix_check(path, &error), 0);
	cr_assert_eq(access(path, F_OK), -1, "asking leaves nothing");
	cr_assert_eq(listen_unix(path, &first, &error), 0, "%s", error.sentence);
	cr_assert_eq(listen_unix(path, &second, &error), -EADDRINUSE);
	cr_assert_eq(listen_unix_check(path, &error), 0, "what another holds is no mistake");
	fd_close(&first);
	cr_assert_eq(listen_unix(path, &second, &error), 0, "%s", error.sentence);
}
