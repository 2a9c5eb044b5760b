// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop.h: one io_uring, one thread, one table of operations.
 *
 * The owner gives a table of operation types when it makes the loop. Each asynchronous operation
 * is an entry in a fixed array; its user_data is a tag (index, generation, type), so a completion
 * that comes late finds a bumped generation and is counted, not followed. An operation is released
 * by its own final completion alone: asking to cancel ends nothing. Some operations have one
 * result, some go on and have many.
 *
 * A turn: harvest completions, dispatch by type, run due timers, submit once and wait.
 * Everything here belongs to the loop's own thread, except loop_wake().
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct msghdr;

/* A running operation; 0 is none. */
typedef uint64_t loop_op;

/* `result` is the kernel's: bytes, events, or a negative errno. The operation is over. */
typedef void (*loop_done)(void *owner, int32_t result);

/*
 * One result of an operation that has several: `more` says that others follow. What a receive
 * brings stands at `bytes`, until this returns. The operation may be cancelled from here, and may
 * bring more all the same, until the call without `more`.
 */
typedef void (*loop_shot)(void *owner, int32_t result, const char *bytes, bool more);

struct loop_op_type {
	const char *name; /* for traces: "worker-exit" */
	loop_done done;   /* either this */
	loop_shot shot;   /* or this */
};

#define LOOP_BUFFER_BYTES 8192u
/* As many as one receive fills in one go (MULTISHOT_MAX_RETRY, Linux io_uring/net.c). */
#define LOOP_BUFFERS 32u

struct loop_config {
	const struct loop_op_type *types;
	unsigned type_count;      /* at most 255 */
	unsigned ops_max;         /* operations running at one time */
	bool receives;            /* there will be a loop_receive() */
	void (*woken)(void *owner); /* after loop_wake() from any thread; may be NULL */
	void *owner;
};

/* Must be called by the thread that will run the loop. 0 or a negative errno. */
int loop_new(struct loop **ret_loop, const struct loop_config *config);
void loop_free(struct loop *loop);

/*
 * Turns until loop_stop(), which may have been called before: then it does not turn at all. 0, or a
 * negative errno when the ring itself failed.
 */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/*
 * Hands what was started so far to the kernel now, not at the end of this turn: for what somebody
 * waits for while the turn has more to do.
 */
void loop_flush(struct loop *loop);

/* Any thread, and signal handlers: makes the loop turn and call `woken`. */
void loop_wake(struct loop *loop);

/* Operations running now, of one type or of all (type < 0). */
unsigned loop_inflight(const struct loop *loop, int type);

/*
 * Each starts one operation of `type` and returns its handle, or 0 when `ops_max` are running.
 * Buffers stay the caller's and must live until the operation is done.
 */
loop_op loop_poll(struct loop *loop, unsigned type, void *owner, int fd, short events);
loop_op loop_recv(struct loop *loop, unsigned type, void *owner, int fd, void *buffer, size_t size);
loop_op loop_send(struct loop *loop, unsigned type, void *owner, int fd, const void *buffer,
	size_t size); /* no SIGPIPE */
/* The same of many parts; the message and its list of parts must live as long as they. */
loop_op loop_sendmsg(struct loop *loop, unsigned type, void *owner, int fd,
	const struct msghdr *message);
loop_op loop_read(struct loop *loop, unsigned type, void *owner, int fd, void *buffer, size_t size);
loop_op loop_write(struct loop *loop, unsigned type, void *owner, int fd, const void *buffer,
	size_t size);

/*
 * Each of these has a `shot` and goes on until it fails or is cancelled, or, a receive, until the
 * peer's end (result 0).
 *
 * Connections on a listening socket: a result is a descriptor, close-on-exec, the owner's.
 */
loop_op loop_accept(struct loop *loop, unsigned type, void *owner, int fd);

/*
 * Bytes from a stream socket, at most LOOP_BUFFER_BYTES at a time. No memory is held between them.
 * Cancelled, it can still bring what had come before.
 */
loop_op loop_receive(struct loop *loop, unsigned type, void *owner, int fd);

/*
 * How the peer of a socket is: results are poll(2)'s POLLRDHUP, POLLHUP and POLLERR, at first if
 * there are any and then at each change.
 */
loop_op loop_watch(struct loop *loop, unsigned type, void *owner, int fd);

/*
 * Waits for a child of this process to end, and reaps it. `ret_info` is filled as by waitid(2).
 * IORING_OP_WAITID (Linux 6.7), or else a poll on a pidfd. Done with result 0 or a negative errno.
 */
loop_op loop_wait_child(struct loop *loop, unsigned type, void *owner, pid_t pid,
	siginfo_t *ret_info);

/* Whether loop_wait_child() is told of a traced child's stops as well: by the operation alone. */
bool loop_hears_stops(const struct loop *loop);

/* Asks for the operation to end soon; its done function is still called, with -ECANCELED or not. */
void loop_cancel(struct loop *loop, loop_op op);

/* Timers: a heap in the loop, no system call to arm or disarm. */
struct loop_timer {
	uint64_t due_nsec; /* CLOCK_MONOTONIC */
	uint32_t place;    /* in the heap, from 1; 0: not armed */
	void (*fired)(void *owner);
	void *owner;
};

void loop_timer_init(struct loop_timer *timer, void (*fired)(void *owner), void *owner);

/* Arms or re-arms. 0, or -ENOMEM when the heap (ops_max timers) is full. */
int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t due_nsec);
void loop_timer_disarm(struct loop *loop, struct loop_timer *timer);
