// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_loop_sockets.c: connections accepted, read, watched and answered through the loop
 * (ring/loop.c, ring/loop_shots.c); operations with many results bring each of them once and in
 * order, however the kernel ends them.
 */
#include "ring/loop.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
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

/* What came of an operation that goes on. */
struct shots {
	loop_op op;
	unsigned calls, ends;
	int32_t results[8];
	unsigned long bytes, wrong; /* received; not the next of the series */
	unsigned long cancel_at;    /* bytes */
	unsigned stop_at;           /* calls */
};

static unsigned others; /* that may end without the loop's end */

/* A series with a period that divides no size of a buffer. */
static char series(unsigned long place)
{
	return (char)(place % 251);
}

static void shot(void *owner, int32_t result, const char *bytes, bool more)
{
	struct shots *shots = owner;

	shots->results[shots->calls % 8] = result;
	for (int32_t i = 0; bytes && i < result; i++)
		shots->wrong += bytes[i] != series(shots->bytes + (unsigned long)i);
	if (bytes)
		shots->bytes += (unsigned long)result;
	if (shots->cancel_at && shots->bytes >= shots->cancel_at)
		loop_cancel(loop, shots->op);
	shots->ends += !more;
	if (more ? ++shots->calls == shots->stop_at : !others)
		loop_stop(loop);
	others -= !more && others;
}

enum { TYPE_NOTE, TYPE_SHOT, TYPE_COUNT };

static const struct loop_op_type types[TYPE_COUNT] = {
	[TYPE_NOTE] = { .name = "note", .done = noted },
	[TYPE_SHOT] = { .name = "shot", .shot = shot },
};

static void loop_open(void)
{
	const struct loop_config config = {
		.types = types, .type_count = TYPE_COUNT, .ops_max = 4, .receives = true
	};

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

static void accept_two(void)
{
	struct shots shots = { .stop_at = 2 };
	struct sockaddr_un address;
	int32_t sent = 0;
	socklen_t size;
	char bytes[8];

	loop_open();

	AUTO_FD listener = listener_open(&address, &size);
	AUTO_FD first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AUTO_FD second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	shots.op = loop_accept(loop, TYPE_SHOT, &shots, listener);
	cr_assert_neq(shots.op, 0);
	cr_assert_eq(connect(first, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(connect(second, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_eq(shots.calls, 2, "one operation brings both");
	cr_expect_eq(loop_inflight(loop, -1), 1);
	for (int i = 0; i < 2; i++)
		cr_assert_geq(shots.results[i], 0);
	cr_expect(fcntl(shots.results[0], F_GETFD) & FD_CLOEXEC);
	cr_assert_neq(loop_send(loop, TYPE_NOTE, &sent, shots.results[0], "sent", 4), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, 4);
	cr_expect(read(first, bytes, sizeof(bytes)) == 4 && memcmp(bytes, "sent", 4) == 0);
	fd_close(&shots.results[0]);
	fd_close(&shots.results[1]);
	loop_cancel(loop, shots.op);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect(shots.ends == 1 && shots.results[2] == -ECANCELED);
	cr_expect_eq(loop_inflight(loop, -1), 0);
	loop_free(loop);
}

Test(loop_sockets, connections_are_accepted_by_one_operation_until_it_is_cancelled)
{
	accept_two();
}

Test(loop_sockets, an_accept_that_cannot_go_on_says_why)
{
	struct shots shots = { 0 };
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	loop_open();
	loop_accept(loop, TYPE_SHOT, &shots, fd); /* nobody listens */
	cr_assert_eq(loop_run(loop), 0);
	cr_expect(shots.ends == 1 && shots.results[0] == -EINVAL);
	loop_free(loop);
}

/* --- Receiving -------------------------------------------------------------------------------- */

#define FLOOD_BYTES (4ul << 20) /* eight times what all buffers hold */

static void *flood(void *argument)
{
	static char bytes[251 * 400];
	int fd = *(int *)argument;

	for (unsigned long i = 0; i < sizeof(bytes); i++)
		bytes[i] = series(i);
	for (unsigned long sent = 0; sent < FLOOD_BYTES;) {
		unsigned long at = sent % 251, left = sizeof(bytes) - at;
		ssize_t n = send(fd, bytes + at,
			left < FLOOD_BYTES - sent ? left : FLOOD_BYTES - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return NULL;
		sent += (unsigned long)n;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void receive_all(void)
{
	struct shots shots = { 0 };
	pthread_t thread;
	int ends[2];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	shots.op = loop_receive(loop, TYPE_SHOT, &shots, ends[0]);
	cr_assert_neq(shots.op, 0);
	cr_assert_eq(pthread_create(&thread, NULL, flood, &ends[1]), 0);
	cr_assert_eq(loop_run(loop), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(shots.bytes, FLOOD_BYTES);
	cr_expect_eq(shots.wrong, 0, "bytes are out of order");
	cr_expect_eq(shots.ends, 1);
	cr_expect_eq(shots.results[shots.calls % 8], 0, "the peer's end is told");
	cr_expect_eq(loop_inflight(loop, -1), 0);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	loop_free(loop);
}

/* What came before the cancel took effect is brought; the rest stays in the socket. */
static void receive_some(void)
{
	struct shots shots = { .cancel_at = 1 };
	pthread_t thread;
	int ends[2];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(pthread_create(&thread, NULL, flood, &ends[1]), 0);
	shots.op = loop_receive(loop, TYPE_SHOT, &shots, ends[0]);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(shots.results[shots.calls % 8], -ECANCELED);
	cr_expect_gt(shots.bytes, 0);
	cr_expect_lt(shots.bytes, FLOOD_BYTES / 2, "all was read: %lu", shots.bytes);
	shots.cancel_at = 0;
	shots.calls = 0;
	cr_assert_neq(loop_receive(loop, TYPE_SHOT, &shots, ends[0]), 0);
	cr_assert_eq(loop_run(loop), 0);
	pthread_join(thread, NULL);
	cr_expect(shots.bytes == FLOOD_BYTES && shots.wrong == 0);
	cr_expect_eq(shots.ends, 2);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	loop_free(loop);
}

Test(loop_sockets, a_flood_of_more_than_all_buffers_comes_whole_and_in_order)
{
	receive_all();
}

Test(loop_sockets, a_receive_that_is_cancelled_loses_nothing)
{
	receive_some();
}

Test(loop_sockets, receives_share_the_buffers)
{
	struct shots shots[3] = { { 0 } };
	pthread_t threads[3];
	int ends[3][2];

	loop_open();
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]), 0);
		cr_assert_neq(loop_receive(loop, TYPE_SHOT, &shots[i], ends[i][0]), 0);
		cr_assert_eq(pthread_create(&threads[i], NULL, flood, &ends[i][1]), 0);
	}
	others = 2;
	cr_assert_eq(loop_run(loop), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(shots[i].bytes == FLOOD_BYTES && shots[i].wrong == 0);
		fd_close(&ends[i][0]);
		fd_close(&ends[i][1]);
	}
	loop_free(loop);
}

#ifdef CORRAL_FAULTS

Test(loop_sockets, the_same_where_the_kernel_has_one_result_an_operation)
{
	setenv("CORRAL_FAULT", "loop.multishot:1+", 1);
	accept_two();
	receive_all();
	receive_some();
}

Test(loop_sockets, the_same_where_the_kernel_has_no_rings_of_buffers)
{
	setenv("CORRAL_FAULT", "loop.buffers:1+", 1);
	receive_all();
	receive_some();
}

#endif

Test(loop_sockets, a_half_close_and_a_close_are_told_apart)
{
	struct shots shots = { .stop_at = 1 };
	int ends[2];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	shots.op = loop_watch(loop, TYPE_SHOT, &shots, ends[0]);
	cr_assert_neq(shots.op, 0);
	cr_assert_eq(shutdown(ends[1], SHUT_WR), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect((shots.results[0] & POLLRDHUP) && !(shots.results[0] & POLLHUP));
	shots.stop_at = 2;
	fd_close(&ends[1]);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect(shots.results[1] & POLLHUP);
	loop_cancel(loop, shots.op);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(shots.ends, 1);
	fd_close(&ends[0]);
	loop_free(loop);
}

/* --- Sending ---------------------------------------------------------------------------------- */

Test(loop_sockets, sending_to_nobody_is_an_error_and_no_signal)
{
	int32_t sent = 0;
	int ends[2];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fd_close(&ends[1]);
	cr_assert_neq(loop_send(loop, TYPE_NOTE, &sent, ends[0], "sent", 4), 0);
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
	cr_assert_neq(loop_sendmsg(loop, TYPE_NOTE, &sent, ends[0], &message), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, 7);
	cr_expect(read(ends[1], bytes, sizeof(bytes)) == 7 && memcmp(bytes, "one two", 7) == 0);
	fd_close(&ends[1]);
	cr_assert_neq(loop_sendmsg(loop, TYPE_NOTE, &sent, ends[0], &message), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(sent, -EPIPE, "and no signal");
	fd_close(&ends[0]);
	loop_free(loop);
}

Test(loop_sockets, what_is_flushed_is_there_before_the_loop_turns)
{
	int32_t sent = 0;
	int ends[2];
	char bytes[8];

	loop_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_neq(loop_send(loop, TYPE_NOTE, &sent, ends[0], "now", 3), 0);
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
