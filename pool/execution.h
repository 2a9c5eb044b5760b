// SPDX-License-Identifier: Apache-2.0
/*
 * pool/execution.h: one request to run code, from submission to its one verdict.
 *
 * The caller allocates it, fills in the first part, and hands it to pool_submit(); from then on the
 * pool owns it until `done` is called, exactly once. Both callbacks run on a shard's thread, must
 * not block, and may submit.
 */
#pragma once

#include "base/list.h"
#include "pool/policy.h"
#include "pool/verdict.h"
#include "ring/loop.h"
#include "ring/output.h"

#include <stdatomic.h>

struct execution;
struct shard;
struct slot;
struct tenant;

#define OUTPUT_CHUNK_BYTES_MAX (64u * 1024u)
#define OUTPUT_VECTOR_MAX 64u /* records offered at one time */

struct execution {
	/* The request. Strings and bytes stay the caller's and must live until `done`. */
	const char *code;
	size_t code_bytes;
	const char *environment; /* "NAME=value\0" each */
	size_t environment_bytes;
	const char *arguments;   /* "argument\0" each */
	size_t arguments_bytes;
	const char *directory;   /* to begin in, below /workspace unless absolute; NULL: that one */
	int stdin_fd; /* read end for the worker, or -1: at end of file. Stays the caller's */
	int files_fd; /* parcel_pack()'s (ring/parcel.h), or -1: no files. Stays the caller's */
	bool stream;             /* bring output as it is written, not only when it has piled up */
	bool want_result;        /* the value of the last expression as records */
	struct limits limits;
	enum reset_policy reset; /* with the pool's own; the stricter of the two counts */
	uint64_t queue_nsec_max; /* longest wait for a worker; 0: as long as it takes */
	uint64_t tenant;         /* whose turn it takes, by a number of the caller's; 0: nobody's */

	/*
	 * Takes bytes of a stream or of a result's record, all of them, at most
	 * OUTPUT_CHUNK_BYTES_MAX at a time. False: taken, but no more until execution_resume() on
	 * the shard's thread.
	 */
	bool (*output)(
		struct execution *execution, enum output_kind kind, const void *bytes, size_t size);
	/*
	 * Another way to take the bytes of the two streams, without a copy; may be NULL. It is
	 * offered consecutive records as they lie in the worker's ring and returns how many of
	 * them, from the first on, it takes; the others, and what is offered to nobody (small
	 * records, those that pass the output limit, children's output), come by `output`. What it
	 * took is lent: the memory stays, and nothing more comes, until execution_resume(). The
	 * worker can change those bytes all the time; their places and sizes are copies.
	 */
	unsigned (*vector)(struct execution *execution, const struct output_record *records,
		unsigned count);
	/* Between the first and the last part of a stream that passed the output limit. May be
	 * NULL. */
	void (*gap)(struct execution *execution, enum output_kind kind, uint64_t dropped_bytes);
	/*
	 * It has ended by itself: `workspace` is a descriptor (O_PATH) of its cell's, the pool's
	 * own. What is below is as the program left it; children that live on may change it. Not
	 * called where the cell had to be ended. May be NULL.
	 */
	void (*left)(struct execution *execution, int workspace);
	void (*done)(struct execution *execution);
	void *user;

	/* The answer: valid in `done`. */
	struct result result;

	/* The pool's own. */
	struct list node;
	struct loop_timer queue_timer;
	struct shard *shard;
	struct slot *slot;
	struct tenant *row;     /* the tenant's, from submission until `done` */
	uint64_t submitted_nsec;
	_Atomic uint64_t started_nsec; /* 0: not yet; other threads may ask */
	unsigned dispatches; /* that failed */
	atomic_bool cancelled, resumed; /* asked for by another thread */
};

/* Zeroes, no stdin, standard limits, the pool's own policy. */
void execution_init(struct execution *execution);

/* What the request has to bring through the mailbox: CHANNEL_MAILBOX_BYTES at most. */
size_t execution_mail_bytes(const struct execution *execution);

/*
 * On the shard's thread, and not in a callback: the output callback has room again; what the vector
 * callback took has gone.
 */
void execution_resume(struct execution *execution);
