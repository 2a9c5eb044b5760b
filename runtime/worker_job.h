// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/worker_job.h: private to runtime/: what the mailbox says, as the runtime wants it.
 */
#pragma once

#include "ring/channel.h"
#include "runtime/stub.h"

struct worker_job {
	struct runtime_job job;
	const char *directory; /* to begin in; NULL: where it is */
	char **strings; /* the two lists, one after the other */
	char *bytes;    /* what the lists and the code point into */
};

/* Copies the mailbox into private memory. 0, -EBADMSG when its sizes do not fit, or -ENOMEM. */
int worker_job_copy(struct channel *channel, struct worker_job **ret_job);
void worker_job_free(struct worker_job *job);
