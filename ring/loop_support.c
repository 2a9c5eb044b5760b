// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_support.c: a ring of its own, as ring/loop.c makes one, for a moment.
 */
#include "ring/loop_support.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>

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
	io_uring_queue_exit(&ring);
	if (result < 0)
		return result;
	*ret_support = support;
	return 0;
}
