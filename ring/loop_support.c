// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_support.c: a ring of its own, as ring/loop.c makes one, for a moment.
 */
#include "ring/loop_support.h"

#include "base/own.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define SUPPORT_ENTRIES 4u

/* IORING_OP_WAITID of linux/io_uring.h since 6.7; Debian's liburing is older. */
#define SUPPORT_OPCODE_WAITID 50

static const struct {
	int opcode;
	const char *name;
} needed[] = {
	{ IORING_OP_READ, "read" },
	{ IORING_OP_WRITE, "write" },
	{ IORING_OP_RECV, "recv" },
	{ IORING_OP_SEND, "send" },
	{ IORING_OP_ACCEPT, "accept" },
	{ IORING_OP_POLL_ADD, "poll" },
	{ IORING_OP_ASYNC_CANCEL, "cancel" },
};

static int ring_open(struct io_uring *ring, bool *ret_defers)
{
	int result = io_uring_queue_init(
		SUPPORT_ENTRIES, ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

	*ret_defers = result == 0;
	return result == -EINVAL ? io_uring_queue_init(SUPPORT_ENTRIES, ring, 0) : result;
}

static int operation_pass(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int result;

	if (!sqe)
		return -ENOSPC;
	io_uring_prep_nop(sqe);
	result = io_uring_submit_and_wait(ring, 1);
	if (result >= 0)
		result = io_uring_peek_cqe(ring, &cqe);
	if (result < 0)
		return result;
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static int operations_ask(struct io_uring *ring, struct loop_support *support)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	size_t used = 0;

	if (!probe)
		return -ENOSYS;
	support->waits = io_uring_opcode_supported(probe, SUPPORT_OPCODE_WAITID);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (io_uring_opcode_supported(probe, needed[i].opcode))
			continue;
		snprintf(support->missing + used, sizeof(support->missing) - used, "%s%s",
			used ? ", " : "", needed[i].name);
		used = strlen(support->missing);
	}
	io_uring_free_probe(probe);
	return 0;
}

/* One byte is received by an operation that goes on, into a buffer that it took from a ring. */
static bool shot_pass(struct io_uring *ring, const int ends[2], void *page)
{
	struct io_uring_buf_reg wish = { .ring_addr = (uintptr_t)page, .ring_entries = 1 };
	struct io_uring_buf_ring *buffers = page;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char byte = 0;

	if (io_uring_register_buf_ring(ring, &wish, 0) < 0)
		return false;
	io_uring_buf_ring_init(buffers);
	io_uring_buf_ring_add(buffers, &byte, sizeof(byte), 0, io_uring_buf_ring_mask(1), 0);
	io_uring_buf_ring_advance(buffers, 1);
	sqe = io_uring_get_sqe(ring);
	if (!sqe || send(ends[1], "x", 1, MSG_NOSIGNAL) != 1)
		return false;
	io_uring_prep_recv_multishot(sqe, ends[0], NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe) < 0)
		return false;
	/* The next completion says that no buffer is left; it goes with the ring. */
	return cqe->res == 1 && cqe->flags & IORING_CQE_F_MORE && byte == 'x';
}

static bool shots_ask(struct io_uring *ring)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2] = { -1, -1 };
	bool shoots = page != MAP_FAILED &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 &&
		shot_pass(ring, ends, page);

	fd_close(&ends[0]);
	fd_close(&ends[1]);
	io_uring_queue_exit(ring); /* which knows the page */
	if (page != MAP_FAILED)
		munmap(page, 4096);
	return shoots;
}

int loop_support(struct loop_support *ret_support)
{
	struct loop_support support = { 0 };
	struct io_uring ring;
	int result = ring_open(&ring, &support.defers);

	if (result < 0)
		return result;
	result = operation_pass(&ring);
	if (result >= 0)
		result = operations_ask(&ring, &support);
	support.shoots = shots_ask(&ring);
	if (result < 0)
		return result;
	*ret_support = support;
	return 0;
}
