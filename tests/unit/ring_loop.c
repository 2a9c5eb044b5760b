// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_loop.c: every operation is done exactly once, with the kernel's answer, whatever
 * is cancelled, comes late, or comes in a heap; and the loop stops when it is told to.
 */
#include "ring/loop.h"

#include "base/clock.h"
#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(loop, .timeout = 30);

enum { TYPE_NOTE, TYPE_OTHER, TYPE_COUNT };

/* What came of one operation. */
struct note {
	int32_t result;
	unsigned calls;
};

static struct loop *loop;
static unsigned expected; /* completions until the loop stops */

static void noted(void *owner, int32_t result)
{
	struct note *note = owner;

	note->result = result;
	note->calls++;
	if (--expected == 0)
		loop_stop(loop);
}

static const struct loop_op_type types[TYPE_COUNT] = {
	[TYPE_NOTE] = { "note", noted },
	[TYPE_OTHER] = { "other", noted },
};

static void loop_open(unsigned ops_max)
{
	const struct loop_config config = {
		.types = types, .type_count = TYPE_COUNT, .ops_max = ops_max
	};

	cr_assert_eq(loop_new(&loop, &config), 0);
}

static void run_for(unsigned completions)
{
	expected = completions;
	cr_assert_eq(loop_run(loop), 0);
}

static void pipe_open(int ends[2])
{
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void pipe_close(int ends[2])
{
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* --- Operations ------------------------------------------------------------------------------ */

Test(loop, writes_reads_polls_and_receives)
{
	struct note wrote = { 0 }, polled = { 0 }, was_read = { 0 }, received = { 0 };
	char bytes[8], message[8];
	int ends[2], sockets[2];

	loop_open(8);
	pipe_open(ends);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	cr_assert_neq(loop_poll(loop, TYPE_NOTE, &polled, ends[0], POLLIN), 0);
	cr_assert_neq(
		loop_recv(loop, TYPE_OTHER, &received, sockets[0], message, sizeof(message)), 0);
	cr_expect_eq(loop_inflight(loop, TYPE_NOTE), 1);
	cr_expect_eq(loop_inflight(loop, TYPE_OTHER), 1);
	cr_assert_neq(loop_write(loop, TYPE_NOTE, &wrote, ends[1], "piped", 5), 0);
	run_for(2);
	cr_expect_eq(wrote.result, 5);
	cr_expect(polled.result & POLLIN);
	cr_expect_eq(received.calls, 0, "nothing was sent yet");
	cr_assert_eq(write(sockets[1], "sent", 4), 4);
	cr_assert_neq(loop_read(loop, TYPE_NOTE, &was_read, ends[0], bytes, sizeof(bytes)), 0);
	run_for(2);
	cr_expect(was_read.result == 5 && memcmp(bytes, "piped", 5) == 0);
	cr_expect(received.result == 4 && memcmp(message, "sent", 4) == 0);
	cr_expect_eq(loop_inflight(loop, -1), 0);
	pipe_close(ends);
	pipe_close(sockets);
	loop_free(loop);
}

Test(loop, hands_on_the_kernels_error)
{
	struct note notes[4] = { 0 };
	char byte;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	loop_open(8);
	pipe_open(ends);
	fd_close(&ends[0]);
	loop_read(loop, TYPE_NOTE, &notes[0], -1, &byte, 1);
	loop_write(loop, TYPE_NOTE, &notes[1], ends[1], "x", 1);
	loop_recv(loop, TYPE_NOTE, &notes[2], ends[1], &byte, 1);
	loop_poll(loop, TYPE_NOTE, &notes[3], -1, POLLIN);
	run_for(4);
	cr_expect_eq(notes[0].result, -EBADF);
	cr_expect_eq(notes[1].result, -EPIPE);
	cr_expect_eq(notes[2].result, -ENOTSOCK);
	cr_expect_eq(notes[3].result, -EBADF);
	fd_close(&ends[1]);
	loop_free(loop);
}

Test(loop, runs_no_more_operations_than_it_was_made_for)
{
	struct note notes[5] = { 0 };
	int ends[2];
	loop_op first;

	loop_open(4);
	pipe_open(ends);
	first = loop_poll(loop, TYPE_NOTE, &notes[0], ends[0], POLLIN);
	for (int i = 1; i < 4; i++)
		cr_assert_neq(loop_poll(loop, TYPE_NOTE, &notes[i], ends[0], POLLIN), 0);
	cr_expect_eq(loop_poll(loop, TYPE_NOTE, &notes[4], ends[0], POLLIN), 0);
	cr_expect_eq(loop_inflight(loop, -1), 4);
	loop_cancel(loop, first);
	cr_expect_eq(
		loop_poll(loop, TYPE_NOTE, &notes[4], ends[0], POLLIN), 0, "asking ends nothing");
	run_for(1);
	cr_expect_eq(notes[0].result, -ECANCELED);
	cr_expect_neq(loop_poll(loop, TYPE_NOTE, &notes[4], ends[0], POLLIN), 0);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	run_for(4);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(notes[i].calls, 1);
	pipe_close(ends);
	loop_free(loop);
}

/* More than a submission queue, a harvest and a completion queue hold. */
Test(loop, does_thousands_of_operations_in_one_turn_each_once)
{
	static struct note notes[6000];
	static const uint64_t one = 1;
	AUTO_FD counter = eventfd(0, EFD_CLOEXEC);
	uint64_t sum;

	loop_open(6000);
	for (int i = 0; i < 6000; i++)
		cr_assert_neq(
			loop_write(loop, TYPE_NOTE, &notes[i], counter, &one, sizeof(one)), 0);
	run_for(6000);
	for (int i = 0; i < 6000; i++)
		cr_assert(notes[i].calls == 1 && notes[i].result == 8, "operation %d", i);
	cr_expect_eq(read(counter, &sum, sizeof(sum)), 8);
	cr_expect_eq(sum, 6000);
	loop_free(loop);
}

/* --- Cancelling ------------------------------------------------------------------------------- */

Test(loop, ends_a_cancelled_operation_once_and_ignores_further_wishes)
{
	struct note note = { 0 }, other = { 0 };
	int ends[2];
	char byte;

	loop_open(4);
	pipe_open(ends);
	loop_op op = loop_read(loop, TYPE_NOTE, &note, ends[0], &byte, 1);

	loop_cancel(loop, op);
	loop_cancel(loop, op);
	run_for(1);
	cr_expect(note.result == -ECANCELED || note.result == -EINTR, "%d", note.result);
	loop_cancel(loop, op);
	loop_cancel(loop, 0);
	/* The same entry again: the old handle is no name for it. */
	cr_assert_neq(loop_read(loop, TYPE_NOTE, &other, ends[0], &byte, 1), 0);
	loop_cancel(loop, op);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	run_for(1);
	cr_expect_eq(other.result, 1);
	cr_expect_eq(note.calls, 1);
	pipe_close(ends);
	loop_free(loop);
}

Test(loop, keeps_an_answer_that_came_before_the_wish_to_cancel)
{
	struct note note = { 0 }, first = { 0 };
	int ends[2];
	char byte;

	loop_open(4);
	pipe_open(ends);
	cr_assert_eq(write(ends[1], "x", 1), 1);

	loop_op op = loop_read(loop, TYPE_NOTE, &note, ends[0], &byte, 1);

	cr_assert_neq(loop_write(loop, TYPE_NOTE, &first, ends[1], "y", 1), 0);
	run_for(1);
	loop_cancel(loop, op);
	if (!note.calls || !first.calls)
		run_for(1);
	cr_expect_eq(note.result, 1);
	cr_expect_eq(note.calls, 1);
	cr_expect_eq(loop_inflight(loop, -1), 0);
	pipe_close(ends);
	loop_free(loop);
}

Test(loop, leaves_nothing_when_it_is_freed_with_operations_running)
{
	static struct note notes[3];
	static siginfo_t info;
	static char byte;
	int ends[2];
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	loop_open(4);
	pipe_open(ends);
	loop_poll(loop, TYPE_NOTE, &notes[0], ends[0], POLLIN);
	loop_read(loop, TYPE_NOTE, &notes[1], ends[0], &byte, 1);
	loop_wait_child(loop, TYPE_NOTE, &notes[2], child, &info);
	loop_free(loop);
	loop_free(NULL);
	kill(child, SIGKILL);
	cr_expect_eq(waitpid(child, NULL, 0), child, "the loop did not reap it");
	pipe_close(ends);
}

Test(loop, knows_no_type_beyond_its_table, .signal = SIGABRT)
{
	struct note note = { 0 };

	loop_open(4);
	loop_poll(loop, TYPE_COUNT, &note, 0, POLLIN);
}

/* --- Children --------------------------------------------------------------------------------- */

static pid_t child_start(int exit_code, int signal_number)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (signal_number)
			raise(signal_number);
		_exit(exit_code);
	}
	return pid;
}

static void children_wait(void)
{
	struct note notes[3] = { 0 };
	siginfo_t infos[3];
	pid_t pids[3] = { child_start(7, 0), child_start(0, SIGKILL), child_start(3, 0) };
	siginfo_t dead;

	loop_open(4);
	/* The last is dead before it is waited for. */
	cr_assert_eq(waitid(P_PID, (id_t)pids[2], &dead, WEXITED | WNOWAIT), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_neq(loop_wait_child(loop, TYPE_NOTE, &notes[i], pids[i], &infos[i]), 0);
	run_for(3);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(notes[i].result, 0);
		cr_expect_eq(infos[i].si_pid, pids[i]);
	}
	cr_expect(infos[0].si_code == CLD_EXITED && infos[0].si_status == 7);
	cr_expect(infos[1].si_code == CLD_KILLED && infos[1].si_status == SIGKILL);
	cr_expect(infos[2].si_code == CLD_EXITED && infos[2].si_status == 3);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "all are reaped");
	loop_free(loop);
}

static void child_wait_cancel(void)
{
	struct note note = { 0 };
	siginfo_t info;
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	loop_open(4);
	loop_cancel(loop, loop_wait_child(loop, TYPE_NOTE, &note, child, &info));
	run_for(1);
	cr_expect_eq(note.result, -ECANCELED);
	kill(child, SIGKILL);
	cr_expect_eq(waitpid(child, NULL, 0), child, "nobody else reaped it");
	loop_free(loop);
}

Test(loop, waits_for_children_and_reaps_them)
{
	children_wait();
}

Test(loop, waits_for_no_child_any_more_when_that_is_cancelled)
{
	child_wait_cancel();
}

#ifdef CORRAL_FAULTS

Test(loop, waits_for_children_where_io_uring_cannot)
{
	setenv("CORRAL_FAULT", "loop.waitid:1+", 1);
	children_wait();
	child_wait_cancel();
}

#endif

/* --- Turning ---------------------------------------------------------------------------------- */

static void stopped(void *owner)
{
	loop_stop(owner);
}

Test(loop, does_not_turn_when_it_was_stopped_before_and_can_run_again)
{
	struct loop_timer timer;

	loop_open(4);
	loop_stop(loop);
	cr_assert_eq(loop_run(loop), 0);
	loop_timer_init(&timer, stopped, loop);
	loop_timer_arm(loop, &timer, 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(timer.place, 0, "the second run did turn");
	loop_free(loop);
}

static struct {
	atomic_uint calls, wanted;
	pthread_t thread;
} woken;

static void loop_was_woken(void *owner)
{
	cr_assert(pthread_equal(pthread_self(), woken.thread));
	if (atomic_fetch_add(&woken.calls, 1) + 1 >= atomic_load(&woken.wanted))
		loop_stop(loop);
}

static void *wake_in_turns(void *argument)
{
	/* Each wake-up is seen before the next is made: none may be lost. */
	for (unsigned i = 1; i <= 1000; i++) {
		loop_wake(loop);
		while (atomic_load(&woken.calls) < i)
			sched_yield();
	}
	return NULL;
}

static void loop_open_woken(unsigned wanted)
{
	const struct loop_config config = {
		.types = types,
		.type_count = TYPE_COUNT,
		.ops_max = 4,
		.woken = loop_was_woken,
	};

	atomic_store(&woken.wanted, wanted);
	woken.thread = pthread_self();
	cr_assert_eq(loop_new(&loop, &config), 0);
}

Test(loop, is_woken_by_another_thread_every_time)
{
	pthread_t thread;

	loop_open_woken(1000);
	cr_assert_eq(pthread_create(&thread, NULL, wake_in_turns, NULL), 0);
	cr_expect_eq(loop_run(loop), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(atomic_load(&woken.calls), 1000);
	loop_free(loop);
}

Test(loop, is_woken_by_what_happened_before_it_ran)
{
	loop_open_woken(1);
	for (int i = 0; i < 100; i++)
		loop_wake(loop);
	cr_expect_eq(loop_run(loop), 0);
	cr_expect_eq(atomic_load(&woken.calls), 1, "many wishes before a turn are one");
	loop_free(loop);
}

static void wake_from_signal(int signal_number)
{
	loop_wake(loop);
}

static void raise_alarm(void *owner)
{
	raise(SIGUSR1);
}

Test(loop, is_woken_by_a_signal_handler)
{
	struct sigaction action = { .sa_handler = wake_from_signal };
	struct loop_timer timer;

	loop_open_woken(1);
	sigaction(SIGUSR1, &action, NULL);
	loop_timer_init(&timer, raise_alarm, NULL);
	loop_timer_arm(loop, &timer, 0);
	cr_expect_eq(loop_run(loop), 0);
	loop_free(loop);
}

/* --- Timers ----------------------------------------------------------------------------------- */

static struct {
	struct loop_timer timers[50];
	unsigned fired;
} row;

static void row_fired(void *owner)
{
	struct loop_timer *timer = owner;
	uint64_t now = clock_now_nsec();

	cr_expect_geq(now, timer->due_nsec, "too early");
	cr_expect_eq(timer, &row.timers[row.fired], "out of order");
	if (++row.fired == 50)
		loop_stop(loop);
}

Test(loop, fires_timers_when_they_are_due_and_in_order)
{
	uint64_t now = clock_now_nsec();

	loop_open(64);
	for (unsigned i = 50; i-- > 0;) {
		loop_timer_init(&row.timers[i], row_fired, &row.timers[i]);
		cr_assert_eq(
			loop_timer_arm(loop, &row.timers[i], now + (i + 1) * NSEC_PER_MSEC), 0);
	}
	cr_expect_eq(loop_run(loop), 0);
	cr_expect_eq(row.fired, 50);
	cr_expect_geq(clock_now_nsec(), now + 50 * NSEC_PER_MSEC);
	loop_free(loop);
}

Test(loop, completes_operations_while_a_timer_is_far_away)
{
	struct note note = { 0 };
	struct loop_timer timer;
	int ends[2];

	loop_open(4);
	pipe_open(ends);
	loop_timer_init(&timer, stopped, loop);
	loop_timer_arm(loop, &timer, clock_now_nsec() + 3600 * NSEC_PER_SEC);
	loop_write(loop, TYPE_NOTE, &note, ends[1], "x", 1);
	run_for(1);
	cr_expect_eq(note.result, 1);
	cr_expect_neq(timer.place, 0);
	pipe_close(ends);
	loop_free(loop);
}
