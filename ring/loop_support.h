// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_support.h: what this machine's io_uring can do for a loop, found out by trying.
 */
#pragma once

#include <stdbool.h>

struct loop_support {
	bool defers;      /* completions wait for the thread that asks (Linux 6.1) */
	bool waits;       /* IORING_OP_WAITID (Linux 6.7); without it loops poll a pidfd */
	bool shoots;      /* one receive brings many pieces into lent buffers (Linux 6.0) */
	char missing[64]; /* operations that a loop cannot do without, "read, poll"; "" */
};

/*
 * Makes a ring, passes one operation through it, asks what else it knows, and closes it.
 * 0, or the negative errno with which loop_new() would fail here.
 */
int loop_support(struct loop_support *ret_support);
