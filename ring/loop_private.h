// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_private.h: private to ring/loop*.c: the loop itself and its table of operations.
 */
#pragma once

#include "ring/loop_timers.h"

#include <assert.h>
#include <liburing.h>
#include <stdatomic.h>

union loop_tag {
	struct {
		uint32_t index;    /* into ops[], plus one: a tag is never 0 */
		uint32_t gen : 24; /* bumped on release */
		uint32_t type : 8;
	};
	uint64_t user_data;
};
static_assert(sizeof(union loop_tag) == sizeof(uint64_t), "the tag is io_uring's user_data");

/* What goes on after a result. */
enum shot { SHOT_NONE, SHOT_ACCEPT, SHOT_RECEIVE, SHOT_WATCH };

struct op {
	void *owner;
	siginfo_t *info;    /* wait_child without IORING_OP_WAITID: where waitid(2) writes */
	int pidfd;          /* the same: what is polled */
	pid_t pid;
	uint32_t next_free; /* index plus one */
	uint32_t gen : 24;
	uint32_t type : 8;
	int fd;             /* of a shot */
	uint8_t shot;       /* enum shot */
	bool is_single;     /* a shot that the kernel ends after each result */
	bool is_cancelled;
};

/* What receives are lent, by the kernel's choice; ring/loop_shots.c. */
struct loop_buffers {
	struct io_uring_buf_ring *ring; /* NULL: the kernel has no such rings */
	char *bytes;                    /* NULL: this loop does not receive */
};

struct loop {
	struct io_uring ring;
	struct loop_config config;
	struct op *ops;
	uint32_t first_free;
	unsigned inflight[256];
	unsigned inflight_total;
	uint64_t stale;
	bool has_waitid;
	bool stopping;
	int wake_fd;
	uint64_t wake_count;
	atomic_bool wake_pending;
	struct loop_timers timers;
	struct loop_buffers buffers;
};

/* An entry of the queue to the kernel; there always is one. */
struct io_uring_sqe *loop_sqe(struct loop *loop);

/* Takes an entry of ops[]: its tag, and the submission to fill in; 0 when all are taken. */
loop_op loop_op_start(
	struct loop *loop, unsigned type, void *owner, struct io_uring_sqe **ret_sqe);
void loop_op_release(struct loop *loop, struct op *op);

/* 0 or a negative errno; without a ring of buffers in the kernel it is no failure. */
int loop_buffers_open(struct loop *loop);
void loop_buffers_close(struct loop *loop);

/* A completion of an operation whose `shot` is not SHOT_NONE. */
void loop_shot_complete(
	struct loop *loop, struct op *op, union loop_tag tag, int32_t result, uint32_t flags);
