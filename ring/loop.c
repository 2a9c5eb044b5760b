// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop.c: operations on one io_uring, and the turn that drives them.
 *
 * user_data is a tag, not a pointer: index into ops[], generation, type. A completion whose
 * generation is old finds a free or reused entry and is counted as stale, so late completions can
 * never reach freed memory. An entry is freed by its own completion and by nothing else.
 *
 * Here are the operations that end with their one result; ring/loop_shots.c has those with many.
 * What Debian's liburing (2.3) has no helper for is filled in by hand and probed when the loop is
 * made.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "ring/loop_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LOOP_SQ_ENTRIES 512u
#define LOOP_HARVEST_MAX 256u
#define LOOP_OPS_LIMIT (1u << 24)
#define LOOP_TYPE_WAKE 0xffu   /* the read on the eventfd */
#define LOOP_TYPE_CANCEL 0xfeu /* a request to cancel; its own completion says nothing */

/* include/uapi/linux/io_uring.h, Linux 6.7 */
#define LOOP_OPCODE_WAITID 50

static int ring_open(struct io_uring *ring)
{
	/* DEFER_TASKRUN (6.1): completions are made when this thread asks, never in between. */
	static const unsigned ladder[] = {
		IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_CQSIZE,
	};
	int result = -ENOSYS;

	if (fault("loop.ring"))
		return -EPERM;
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		struct io_uring_params params = {
			.flags = ladder[i],
			.cq_entries = 8 * LOOP_SQ_ENTRIES,
		};

		result = io_uring_queue_init_params(LOOP_SQ_ENTRIES, ring, &params);
		if (result != -EINVAL)
			break;
	}
	return result;
}

static bool ring_has_waitid(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool has = probe && !fault("loop.waitid") &&
		io_uring_opcode_supported(probe, LOOP_OPCODE_WAITID);

	io_uring_free_probe(probe);
	return has;
}

struct io_uring_sqe *loop_sqe(struct loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	if (!sqe) {
		io_uring_submit(&loop->ring);
		sqe = io_uring_get_sqe(&loop->ring);
	}
	assert(sqe); /* submitting empties the queue: there is no SQPOLL thread to wait for */
	return sqe;
}

static void wake_arm(struct loop *loop)
{
	union loop_tag tag = { .type = LOOP_TYPE_WAKE };
	struct io_uring_sqe *sqe = loop_sqe(loop);

	io_uring_prep_read(sqe, loop->wake_fd, &loop->wake_count, sizeof(loop->wake_count), 0);
	io_uring_sqe_set_data64(sqe, tag.user_data);
}

int loop_new(struct loop **ret_loop, const struct loop_config *config)
{
	struct loop *loop;
	int result;

	assert(config->type_count < LOOP_TYPE_CANCEL && config->ops_max < LOOP_OPS_LIMIT);
	loop = fault("loop.memory") ? NULL : calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->config = *config;
	loop->wake_fd = -1;
	loop->ring.ring_fd = -1;
	loop->ops = calloc(config->ops_max, sizeof(*loop->ops));
	result = loop->ops ? loop_timers_init(&loop->timers, config->ops_max) : -ENOMEM;
	if (result < 0)
		goto fail;
	for (uint32_t i = config->ops_max; i > 0; i--) {
		loop->ops[i - 1].next_free = loop->first_free;
		loop->ops[i - 1].pidfd = -1;
		loop->first_free = i;
	}
	loop->wake_fd = eventfd(0, EFD_CLOEXEC);
	result = loop->wake_fd < 0 ? -errno : ring_open(&loop->ring);
	if (result < 0)
		goto fail;
	loop->has_waitid = ring_has_waitid(&loop->ring);
	result = loop_buffers_open(loop);
	if (result < 0)
		goto fail;
	wake_arm(loop);
	*ret_loop = loop;
	return 0;
fail:
	loop_free(loop);
	return result;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->ring.ring_fd >= 0)
		io_uring_queue_exit(&loop->ring);
	loop_buffers_close(loop);
	fd_close(&loop->wake_fd);
	for (unsigned i = 0; loop->ops && i < loop->config.ops_max; i++)
		fd_close(&loop->ops[i].pidfd);
	loop_timers_fini(&loop->timers);
	free(loop->ops);
	free(loop);
}

void loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	/* write(2) to an eventfd is async-signal-safe; the flag only saves superfluous writes. */
	if (!atomic_exchange(&loop->wake_pending, true))
		while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

void loop_flush(struct loop *loop)
{
	/* What it cannot take now is taken at the end of the turn, which also hears of failures. */
	io_uring_submit(&loop->ring);
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

unsigned loop_inflight(const struct loop *loop, int type)
{
	return type < 0 ? loop->inflight_total : loop->inflight[type];
}

loop_op loop_op_start(
	struct loop *loop, unsigned type, void *owner, struct io_uring_sqe **ret_sqe)
{
	uint32_t index = loop->first_free;

	assert(type < loop->config.type_count);
	if (!index)
		return 0;
	struct op *op = &loop->ops[index - 1];

	loop->first_free = op->next_free;
	op->owner = owner;
	op->type = type;
	loop->inflight[type]++;
	loop->inflight_total++;

	union loop_tag tag = { .index = index, .gen = op->gen, .type = type };

	*ret_sqe = loop_sqe(loop);
	return tag.user_data;
}

loop_op loop_poll(struct loop *loop, unsigned type, void *owner, int fd, short events)
{
	struct io_uring_sqe *sqe;
	loop_op op = loop_op_start(loop, type, owner, &sqe);

	if (op) {
		io_uring_prep_poll_add(sqe, fd, (unsigned)(unsigned short)events);
		io_uring_sqe_set_data64(sqe, op);
	}
	return op;
}

loop_op loop_recv(struct loop *loop, unsigned type, void *owner, int fd, void *buffer, size_t size)
{
	struct io_uring_sqe *sqe;
	loop_op op = loop_op_start(loop, type, owner, &sqe);

	if (op) {
		io_uring_prep_recv(sqe, fd, buffer, size, 0);
		io_uring_sqe_set_data64(sqe, op);
	}
	return op;
}

loop_op loop_send(
	struct loop *loop, unsigned type, void *owner, int fd, const void *buffer, size_t size)
{
	struct io_uring_sqe *sqe;
	loop_op op = loop_op_start(loop, type, owner, &sqe);

	if (op) {
		io_uring_prep_send(sqe, fd, buffer, size, MSG_NOSIGNAL);
		io_uring_sqe_set_data64(sqe, op);
	}
	return op;
}

loop_op loop_sendmsg(
	struct loop *loop, unsigned type, void *owner, int fd, const struct msghdr *message)
{
	struct io_uring_sqe *sqe;
	loop_op op = loop_op_start(loop, type, owner, &sqe);

	if (op) {
		io_uring_prep_sendmsg(sqe, fd, message, MSG_NOSIGNAL);
		io_uring_sqe_set_data64(sqe, op);
	}
	return op;
}

loop_op loop_read(struct loop *loop, unsigned type, void *owner, int fd, void *buffer, size_t size)
{
	struct io_uring_sqe *sqe;
	loop_op op = loop_op_start(loop, type, owner, &sqe);

	if (op) {
		/* Offset -1: the file's own position, as read(2). */
		io_uring_prep_read(sqe, fd, buffer, (unsigned)size, (uint64_t)-1);
		io_uring_sqe_set_data64(sqe, op);
	}
	return op;
}

loop_op loop_write(
	struct loop *loop, unsigned type, void *owner, int fd, const void *buffer, size_t size)
{
	struct io_uring_sqe *sqe;
	loop_op op = loop_op_start(loop, type, owner, &sqe);

	if (op) {
		io_uring_prep_write(sqe, fd, buffer, (unsigned)size, (uint64_t)-1);
		io_uring_sqe_set_data64(sqe, op);
	}
	return op;
}

bool loop_hears_stops(const struct loop *loop)
{
	return loop->has_waitid;
}

loop_op loop_wait_child(
	struct loop *loop, unsigned type, void *owner, pid_t pid, siginfo_t *ret_info)
{
	struct io_uring_sqe *sqe;
	AUTO_FD pidfd = -1;

	if (!loop->has_waitid) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (pidfd < 0)
			return 0;
	}
	loop_op id = loop_op_start(loop, type, owner, &sqe);
	union loop_tag tag = { .user_data = id };

	if (!id)
		return 0;
	if (loop->has_waitid) {
		io_uring_prep_rw(LOOP_OPCODE_WAITID, sqe, pid, NULL, P_PID, 0);
		sqe->file_index = WEXITED | __WALL;
		sqe->addr2 = (uint64_t)(uintptr_t)ret_info;
	} else {
		struct op *op = &loop->ops[tag.index - 1];

		io_uring_prep_poll_add(sqe, pidfd, POLLIN);
		op->pidfd = fd_take(&pidfd);
		op->pid = pid;
		op->info = ret_info;
	}
	io_uring_sqe_set_data64(sqe, id);
	return id;
}

/* The entry that a tag names; NULL if that operation is over. */
static struct op *op_of(struct loop *loop, union loop_tag tag)
{
	struct op *op =
		tag.index && tag.index <= loop->config.ops_max ? &loop->ops[tag.index - 1] : NULL;

	return op && op->gen == tag.gen ? op : NULL;
}

void loop_cancel(struct loop *loop, loop_op id)
{
	union loop_tag tag = { .type = LOOP_TYPE_CANCEL };
	struct op *op = op_of(loop, (union loop_tag){ .user_data = id });
	struct io_uring_sqe *sqe;

	if (!op)
		return;
	op->is_cancelled = true;
	sqe = loop_sqe(loop);
	io_uring_prep_cancel64(sqe, id, 0);
	io_uring_sqe_set_data64(sqe, tag.user_data);
}

void loop_op_release(struct loop *loop, struct op *op)
{
	op->gen++;
	op->shot = SHOT_NONE;
	op->is_cancelled = false;
	op->next_free = loop->first_free;
	loop->first_free = (uint32_t)(op - loop->ops) + 1;
	loop->inflight[op->type]--;
	loop->inflight_total--;
}

static void op_complete(struct loop *loop, union loop_tag tag, int32_t result, uint32_t flags)
{
	struct op *op = op_of(loop, tag);

	if (!op) {
		loop->stale++;
		return;
	}
	if (op->shot != SHOT_NONE) {
		loop_shot_complete(loop, op, tag, result, flags);
		return;
	}
	if (op->pidfd >= 0) {
		fd_close(&op->pidfd);
		if (result >= 0)
			result = waitid(P_PID, (id_t)op->pid, op->info, WEXITED | __WALL) < 0
				? -errno
				: 0;
	}
	loop_op_release(loop, op);
	loop->config.types[tag.type].done(op->owner, result);
}

static void completion_dispatch(
	struct loop *loop, union loop_tag tag, int32_t result, uint32_t flags)
{
	switch (tag.type) {
	case LOOP_TYPE_CANCEL:
		break;
	case LOOP_TYPE_WAKE:
		atomic_store(&loop->wake_pending, false);
		wake_arm(loop);
		if (loop->config.woken)
			loop->config.woken(loop->config.owner);
		break;
	default:
		op_complete(loop, tag, result, flags);
	}
}

static unsigned loop_harvest(struct loop *loop)
{
	struct io_uring_cqe *cqes[LOOP_HARVEST_MAX];
	struct {
		union loop_tag tag;
		int32_t result;
		uint32_t flags;
	} done[LOOP_HARVEST_MAX];
	unsigned count = io_uring_peek_batch_cqe(&loop->ring, cqes, LOOP_HARVEST_MAX);

	for (unsigned i = 0; i < count; i++) {
		done[i].tag.user_data = io_uring_cqe_get_data64(cqes[i]);
		done[i].result = cqes[i]->res;
		done[i].flags = cqes[i]->flags;
	}
	io_uring_cq_advance(&loop->ring, count);
	for (unsigned i = 0; i < count; i++)
		completion_dispatch(loop, done[i].tag, done[i].result, done[i].flags);
	return count;
}

static int loop_submit_and_wait(struct loop *loop)
{
	uint64_t due = loop_timers_next(&loop->timers);
	struct io_uring_cqe *cqe;
	int result;

	if (due == UINT64_MAX) {
		result = io_uring_submit_and_wait(&loop->ring, 1);
	} else {
		uint64_t now = clock_now_nsec();
		uint64_t left = due > now ? due - now : 0;
		struct __kernel_timespec wait = {
			.tv_sec = (int64_t)(left / NSEC_PER_SEC),
			.tv_nsec = (long long)(left % NSEC_PER_SEC),
		};

		result = io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &wait, NULL);
	}
	/* EBUSY, EAGAIN: completions must be taken first; they are, on the next turn. */
	if (result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN)
		return 0;
	return result < 0 ? result : 0;
}

int loop_run(struct loop *loop)
{
	while (!loop->stopping) {
		int result = loop_submit_and_wait(loop);

		if (result < 0)
			return result;
		while (loop_harvest(loop) == LOOP_HARVEST_MAX)
			;
		loop_timers_fire(&loop->timers, clock_now_nsec());
	}
	loop->stopping = false;
	return 0;
}

int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t due_nsec)
{
	return loop_timers_arm(&loop->timers, timer, due_nsec);
}

void loop_timer_disarm(struct loop *loop, struct loop_timer *timer)
{
	loop_timers_disarm(&loop->timers, timer);
}
