// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_loop_sockets.c: connections accepted and answered through the loop (ring/loop.c).
 */
#include "ring/loop.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

TestSuite(loop_sockets, .timeout = 30);

static struct loop *loop;

static void noted(void *owner, int32_t result)
{
	*(int32_t *)owner = result;
	loop_stop(loop);
}

static const struct loop_op_type types[] = { { "note", noted } };

static void loop_open(void)
{
	const struct loop_config config = { .types = types, .type_count = 1, .ops_max = 4 };

	cr_assert_eq(loop_new(&loop, &config), 0);
}

/* A listening socket with an abstract name of the kernel's choice. */
static int listener_open(struct sockaddr_un *ret_address, socklen_t *ret_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
	*ret_size = sizeof(*ret_address);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)ret_address, ret_size), 0);
	cr_assert_eq(listen(fd, 4), 0);
	return fd;
}

Test(loop_sockets, a_connection_is_accepted_and_answered)
{
	int32_t accepted = 0, sent = 0;
	struct sockaddr_un address;
	socklen_t size;
	char bytes[8];

	loop_open();

	AUTO_FD listener = listener_open(&address, &size);
	AUTO_FD client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_neq(loop_accept(loop, 0, &accepted, listener), 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_geq(accepted, 0);

	AUTO_FD server = accepted;

	cr_expect(fcntl(server, F_GETFD) & FD_CLOEXEC);
	cr_assert_neq(loop_send(loop, 0, &sent, server, "sent", 4), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, 4);
	cr_expect(read(client, bytes, sizeof(bytes)) == 4 && memcmp(bytes, "sent", 4) == 0);
	loop_free(loop);
}

Test(loop_sockets, sending_to_nobody_is_an_error_and_no_signal)
{
	int32_t sent = 0;
	int ends[2];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fd_close(&ends[1]);
	cr_assert_neq(loop_send(loop, 0, &sent, ends[0], "sent", 4), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, -EPIPE);
	fd_close(&ends[0]);
	loop_free(loop);
}

Test(loop_sockets, parts_are_sent_in_order)
{
	struct iovec parts[] = { { "one", 3 }, { "", 0 }, { " two", 4 } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
	int32_t sent = 0;
	char bytes[8];
	int ends[2];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_neq(loop_sendmsg(loop, 0, &sent, ends[0], &message), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, 7);
	cr_expect(read(ends[1], bytes, sizeof(bytes)) == 7 && memcmp(bytes, "one two", 7) == 0);
	fd_close(&ends[1]);
	cr_assert_neq(loop_sendmsg(loop, 0, &sent, ends[0], &message), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, -EPIPE, "and no signal");
	fd_close(&ends[0]);
	loop_free(loop);
}

Test(loop_sockets, an_accept_that_is_cancelled_says_so)
{
	int32_t accepted = 0;
	struct sockaddr_un address;
	socklen_t size;

	loop_open();

	AUTO_FD listener = listener_open(&address, &size);
	loop_op op = loop_accept(loop, 0, &accepted, listener);

	cr_assert_neq(op, 0);
	loop_cancel(loop, op);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(accepted, -ECANCELED);
	cr_expect_eq(loop_inflight(loop, -1), 0);
	loop_free(loop);
}

Test(loop_sockets, what_is_flushed_is_there_before_the_loop_turns)
{
	int32_t sent = 0;
	int ends[2];
	char bytes[8];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_neq(loop_send(loop, 0, &sent, ends[0], "now", 3), 0);
	cr_expect_eq(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	loop_flush(loop);
	cr_expect_eq(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT), 3);
	cr_expect_eq(sent, 0, "its completion waits for the turn");
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, 3);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	loop_free(loop);
}
