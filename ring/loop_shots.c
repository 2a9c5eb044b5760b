// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_shots.c: operations that go on after a result: one submission, many completions.
 *
 * The kernel may end such an operation behind any result (a completion without F_MORE); here it is
 * then submitted again under the same tag, so its owner sees one operation that goes on. Where the
 * kernel knows no multishot operations (accept before Linux 5.19, receive before 6.0) it refuses
 * them with EINVAL, and each result is a submission of its own.
 *
 * A receive takes its buffer when there is something to put into it: from a ring of buffers that
 * the kernel and the loop share (IORING_REGISTER_PBUF_RING, Linux 5.19). The owner has it for as
 * long as its function runs, so all of them are back before the next completion is looked at, and
 * ENOBUFS, which says that the kernel filled them faster than we looked, only asks to go on. What
 * an owner cannot use at once it copies: nobody's slowness can take the buffers from the others.
 * Without that ring the socket is polled, and then read into the first buffer.
 */
#include "ring/loop_private.h"

#include "base/fault.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define BUFFER_GROUP 0
#define RING_BYTES (LOOP_BUFFERS * sizeof(struct io_uring_buf))
#define REGION_BYTES (RING_BYTES + LOOP_BUFFERS * (size_t)LOOP_BUFFER_BYTES)

/* --- Buffers ---------------------------------------------------------------------------------- */

static char *buffer_of(const struct loop *loop, unsigned id)
{
	return loop->buffers.bytes + (size_t)id * LOOP_BUFFER_BYTES;
}

static void buffer_lend(struct loop *loop, unsigned id)
{
	io_uring_buf_ring_add(loop->buffers.ring, buffer_of(loop, id), LOOP_BUFFER_BYTES,
		(unsigned short)id, io_uring_buf_ring_mask(LOOP_BUFFERS), 0);
	io_uring_buf_ring_advance(loop->buffers.ring, 1);
}

int loop_buffers_open(struct loop *loop)
{
	struct io_uring_buf_reg wish = { .ring_entries = LOOP_BUFFERS, .bgid = BUFFER_GROUP };
	char *region;

	if (!loop->config.receives)
		return 0;
	region = fault("loop.memory") ? MAP_FAILED
				      : mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		return -ENOMEM;
	/* The ring must begin a page; the buffers need not. */
	loop->buffers.bytes = region + RING_BYTES;
	wish.ring_addr = (uint64_t)(uintptr_t)region;
	if (fault("loop.buffers") || io_uring_register_buf_ring(&loop->ring, &wish, 0) < 0)
		return 0;
	loop->buffers.ring = (struct io_uring_buf_ring *)(void *)region;
	io_uring_buf_ring_init(loop->buffers.ring);
	for (unsigned i = 0; i < LOOP_BUFFERS; i++)
		buffer_lend(loop, i);
	return 0;
}

/* After the io_uring, which knows the ring, is closed. */
void loop_buffers_close(struct loop *loop)
{
	if (loop->buffers.bytes)
		munmap(loop->buffers.bytes - RING_BYTES, REGION_BYTES);
}

/* --- Submissions ------------------------------------------------------------------------------ */

static void receive_prepare(struct op *op, struct io_uring_sqe *sqe)
{
	if (op->is_single) {
		io_uring_prep_poll_add(sqe, op->fd, POLLIN | POLLRDHUP);
		return;
	}
	io_uring_prep_recv_multishot(sqe, op->fd, NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	sqe->buf_group = BUFFER_GROUP;
}

static void shot_prepare(struct op *op, struct io_uring_sqe *sqe, loop_op id)
{
	switch ((enum shot)op->shot) {
	case SHOT_ACCEPT:
		if (op->is_single)
			io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
		else
			io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
		break;
	case SHOT_RECEIVE:
		receive_prepare(op, sqe);
		break;
	case SHOT_WATCH:
		/* What is wanted is always told. Edges (Linux 5.13): a state is told once. */
		io_uring_prep_poll_multishot(sqe, op->fd, 0);
		break;
	case SHOT_NONE:
		assert(false);
	}
	io_uring_sqe_set_data64(sqe, id);
}

static loop_op shot_start(
	struct loop *loop, unsigned type, void *owner, int fd, enum shot shot, bool is_single)
{
	struct io_uring_sqe *sqe;
	loop_op id = loop_op_start(loop, type, owner, &sqe);
	union loop_tag tag = { .user_data = id };
	struct op *op;

	if (!id)
		return 0;
	assert(loop->config.types[type].shot);
	op = &loop->ops[tag.index - 1];
	op->fd = fd;
	op->shot = shot;
	op->is_single = is_single;
	shot_prepare(op, sqe, id);
	return id;
}

loop_op loop_accept(struct loop *loop, unsigned type, void *owner, int fd)
{
	return shot_start(loop, type, owner, fd, SHOT_ACCEPT, fault("loop.multishot"));
}

loop_op loop_receive(struct loop *loop, unsigned type, void *owner, int fd)
{
	bool is_single = !loop->buffers.ring || fault("loop.multishot");

	assert(loop->config.receives);
	return shot_start(loop, type, owner, fd, SHOT_RECEIVE, is_single);
}

loop_op loop_watch(struct loop *loop, unsigned type, void *owner, int fd)
{
	return shot_start(loop, type, owner, fd, SHOT_WATCH, false);
}

/* --- Completions ------------------------------------------------------------------------------ */

static bool is_refused(const struct op *op, int32_t result)
{
	return result == -EINVAL && !op->is_single && op->shot != SHOT_WATCH;
}

static bool is_last(const struct op *op, int32_t result)
{
	if (op->shot == SHOT_RECEIVE)
		return result <= 0 && result != -ENOBUFS && result != -EAGAIN;
	return result < 0;
}

/* Without buffers in the kernel, what came was a poll's events. */
static int32_t single_receive(struct loop *loop, const struct op *op)
{
	ssize_t n = recv(op->fd, buffer_of(loop, 0), LOOP_BUFFER_BYTES, MSG_DONTWAIT);

	return n < 0 ? -errno : (int32_t)n;
}

void loop_shot_complete(
	struct loop *loop, struct op *op, union loop_tag tag, int32_t result, uint32_t flags)
{
	loop_shot shot = loop->config.types[tag.type].shot;
	bool goes_on = flags & IORING_CQE_F_MORE, is_lent = flags & IORING_CQE_F_BUFFER;
	unsigned buffer = is_lent ? flags >> IORING_CQE_BUFFER_SHIFT : 0;
	const char *bytes = op->shot == SHOT_RECEIVE ? buffer_of(loop, buffer) : NULL;

	if (op->shot == SHOT_RECEIVE && op->is_single && result > 0)
		result = single_receive(loop, op);
	if (is_refused(op, result)) {
		op->is_single = true;
	} else if (!goes_on && is_last(op, result)) {
		loop_op_release(loop, op);
		shot(op->owner, result, NULL, false);
		return;
	} else if (result > 0 || (result == 0 && op->shot == SHOT_ACCEPT)) {
		shot(op->owner, result, bytes, true);
	}
	if (is_lent)
		buffer_lend(loop, buffer);
	if (goes_on)
		return;
	if (op->is_cancelled) {
		loop_op_release(loop, op);
		shot(op->owner, -ECANCELED, NULL, false);
		return;
	}
	shot_prepare(op, loop_sqe(loop), tag.user_data);
}
