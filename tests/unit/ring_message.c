// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_message.c: a message comes whole, with its descriptors, or not at all; and no
 * descriptor is left over (the harness counts).
 */
#include "ring/message.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(message, .timeout = 20);

static int ours[2];

static void sockets_open(void)
{
	cr_assert_eq(message_pair(ours), 0);
}

static void sockets_close(void)
{
	fd_close(&ours[0]);
	fd_close(&ours[1]);
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino;
}

Test(message, carries_bytes_and_descriptors, .init = sockets_open, .fini = sockets_close)
{
	int pipes[2][2], sent[MESSAGE_FDS_MAX], got[MESSAGE_FDS_MAX];
	char bytes[16] = "";
	unsigned count = 99;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pipe2(pipes[i], O_CLOEXEC), 0);
		sent[2 * i] = pipes[i][0];
		sent[2 * i + 1] = pipes[i][1];
	}
	sent[4] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(message_send(ours[0], "letter", 6, sent, MESSAGE_FDS_MAX), 0);
	cr_expect_eq(
		message_receive(ours[1], bytes, sizeof(bytes), got, MESSAGE_FDS_MAX, &count), 6);
	cr_expect_str_eq(bytes, "letter");
	cr_assert_eq(count, MESSAGE_FDS_MAX);
	for (unsigned i = 0; i < count; i++) {
		cr_expect(is_same_file(got[i], sent[i]), "descriptor %u: in order", i);
		cr_expect(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
		cr_expect_neq(got[i], sent[i]);
		fd_close(&got[i]);
		fd_close(&sent[i]);
	}
}

Test(message, keeps_the_borders_of_messages, .init = sockets_open, .fini = sockets_close)
{
	char bytes[16];
	unsigned count;

	cr_assert_eq(message_send(ours[0], "one", 3, NULL, 0), 0);
	cr_assert_eq(message_send(ours[0], "three", 5, NULL, 0), 0);
	cr_expect_eq(message_receive(ours[1], bytes, sizeof(bytes), NULL, 0, &count), 3);
	cr_expect_eq(message_receive(ours[1], bytes, sizeof(bytes), NULL, 0, &count), 5);
	cr_expect_eq(count, 0);
}

Test(message, refuses_one_that_is_too_long_and_closes_what_it_carried, .init = sockets_open,
	.fini = sockets_close)
{
	char bytes[4];
	unsigned count = 99;
	int got[2] = { -1, -1 };

	cr_assert_eq(message_send(ours[0], "letter", 6, &ours[0], 1), 0);
	cr_expect_eq(message_receive(ours[1], bytes, sizeof(bytes), got, 2, &count), -EMSGSIZE);
	cr_expect_eq(count, 0);
	cr_assert_eq(message_send(ours[0], "next", 4, NULL, 0), 0);
	cr_expect_eq(message_receive(ours[1], bytes, sizeof(bytes), got, 2, &count), 4);
}

Test(message, refuses_more_descriptors_than_are_wanted_and_closes_all, .init = sockets_open,
	.fini = sockets_close)
{
	const int sent[3] = { ours[0], ours[0], ours[1] };
	unsigned count = 99;
	int got[2];
	char byte;

	for (unsigned wanted = 0; wanted < 3; wanted++) {
		cr_assert_eq(message_send(ours[0], "x", 1, sent, 3), 0);
		cr_expect_eq(message_receive(ours[1], &byte, 1, got, wanted, &count), -EMSGSIZE);
		cr_expect_eq(count, 0);
	}
}

Test(message, tells_that_the_peer_is_gone, .init = sockets_open, .fini = sockets_close)
{
	unsigned count;
	char byte;

	fd_close(&ours[1]);
	cr_expect_eq(message_send(ours[0], "x", 1, NULL, 0), -EPIPE, "and no signal");
	cr_expect_eq(message_receive(ours[0], &byte, 1, NULL, 0, &count), 0);
}

Test(message, does_not_wait_for_a_peer_that_reads_nothing, .init = sockets_open,
	.fini = sockets_close)
{
	static char bytes[4096];
	int result, sent = 0;
	unsigned count;

	while ((result = message_send(ours[0], bytes, sizeof(bytes), &ours[0], 1)) == 0)
		sent++;
	/* -ETOOMANYREFS: too many descriptors in flight, where that comes first. */
	cr_expect(result == -EAGAIN || result == -ETOOMANYREFS, "%d", result);
	cr_expect_gt(sent, 0);
	for (int i = 0; i < sent; i++) {
		AUTO_FD got = -1;

		cr_assert_eq(message_receive(ours[1], bytes, sizeof(bytes), &got, 1, &count),
			(int)sizeof(bytes));
		cr_assert_eq(count, 1);
	}
	cr_expect_eq(
		message_send(ours[0], bytes, sizeof(bytes), NULL, 0), 0, "there is room again");
}

Test(message, refuses_what_is_no_descriptor, .init = sockets_open, .fini = sockets_close)
{
	const int none = -1;
	unsigned count;
	char byte;

	cr_expect_eq(message_send(ours[0], "x", 1, &none, 1), -EBADF);
	cr_expect_eq(message_send(-1, "x", 1, NULL, 0), -EBADF);
	cr_expect_eq(message_receive(-1, &byte, 1, NULL, 0, &count), -EBADF);
}

Test(message, has_room_for_so_many_descriptors_alone, .signal = SIGABRT)
{
	const int fds[MESSAGE_FDS_MAX + 1] = { 0 };

	message_send(-1, "x", 1, fds, MESSAGE_FDS_MAX + 1);
}

static atomic_uint interruptions;

static void interrupted(int signal_number)
{
	atomic_fetch_add(&interruptions, 1);
}

static void *receive_one(void *argument)
{
	static char bytes[8];
	unsigned count;

	if (message_receive(ours[1], bytes, sizeof(bytes), NULL, 0, &count) != 6)
		return NULL;
	return bytes;
}

Test(message, is_received_in_spite_of_signals, .init = sockets_open, .fini = sockets_close)
{
	struct sigaction action = { .sa_handler = interrupted }; /* without SA_RESTART */
	pthread_t thread;
	void *bytes;

	sigaction(SIGUSR1, &action, NULL);
	cr_assert_eq(pthread_create(&thread, NULL, receive_one, NULL), 0);
	while (atomic_load(&interruptions) < 100) {
		pthread_kill(thread, SIGUSR1);
		sched_yield();
	}
	cr_assert_eq(message_send(ours[0], "letter", 6, NULL, 0), 0);
	pthread_join(thread, &bytes);
	cr_expect_not_null(bytes);
}
