// SPDX-License-Identifier: Apache-2.0
/*
 * ring/channel.h: the memory that the daemon shares with one worker.
 *
 * One sealed memfd a worker, of exactly CHANNEL_BYTES, mapped by both:
 *
 *	page 0		struct channel: what each side publishes, a cache line a writer
 *	mailbox		what to run: code and environment, written by the daemon before it sends
 *	output ring	what came of it: records, written by the worker (ring/output.h)
 *
 * The worker can write any byte of it at any time. The daemon therefore reads a shared word once,
 * into a local, and never takes from here anything it knows already.
 *
 * Sealed against shrinking and growing, so neither side can give the other a SIGBUS; a hole
 * punched by the worker reads as zeros, which no check here accepts for a record. One memfd a
 * worker, because mremap(2) of a shared mapping can reach all of its file.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_VERSION 2
#define CHANNEL_PAGE_BYTES 4096u
#define CHANNEL_MAILBOX_BYTES (1u << 20)
#define CHANNEL_OUTPUT_BYTES (1u << 18) /* a power of two: indices are masked */
#define CHANNEL_BYTES (CHANNEL_PAGE_BYTES + CHANNEL_MAILBOX_BYTES + CHANNEL_OUTPUT_BYTES)

/* What the daemon asks of the worker; valid from the dispatch message to the end record. */
struct mailbox {
	uint32_t code_bytes;        /* at the mailbox's start, no NUL */
	uint32_t environment_bytes; /* right behind it: "NAME=value\0" each */
	uint32_t arguments_bytes;   /* right behind that: "argument\0" each */
	uint32_t directory_bytes;   /* right behind that: a path and its NUL; 0: /workspace */
	uint32_t flags;             /* MAILBOX_* */
	uint32_t padding;
	uint64_t seed[4];           /* fresh randomness for the runtime's generators */
};

#define MAILBOX_WANT_RESULT (1u << 0) /* value of the last expression as records */

/* How far a birth came: the newborn writes it, the daemon shows it when the worker is lost. */
struct birth_report {
	uint32_t step;   /* enum birth_step of jail/enter.h that failed, or BIRTH_DONE */
	int32_t error;   /* negative errno */
	uint32_t layers; /* bits of enum layer (jail/layer.h) that this worker has around it */
	int32_t pid;     /* as the daemon sees it, in case the template died before it could say */
};

struct channel {
	/* The daemon's line. */
	uint32_t version;  /* written by channel_create(), checked by channel_map() */
	uint32_t padding0;
	struct mailbox mailbox;
	_Alignas(64) uint64_t output_head; /* bytes consumed, free-running */
	uint32_t output_wake_wanted;       /* a doorbell, please, when there is something to read */
	uint32_t padding1;

	/* The worker's line. */
	_Alignas(64) uint64_t output_tail; /* bytes produced, free-running */
	struct birth_report birth;
};

static_assert(sizeof(struct mailbox) == 56, "channel ABI");
static_assert(offsetof(struct channel, mailbox) == 8, "channel ABI");
static_assert(offsetof(struct channel, output_head) == 64, "channel ABI");
static_assert(offsetof(struct channel, output_tail) == 128, "channel ABI");
static_assert(sizeof(struct channel) <= CHANNEL_PAGE_BYTES, "channel ABI");

/* Makes and seals the memfd, zeros behind the version. 0 or a negative errno. */
int channel_create(int *ret_fd);

/*
 * Maps it, in the daemon or in a worker; children made by fork do not have the mapping. 0, or a
 * negative errno: -EINVAL no channel (not a memfd, another size), -EPERM not sealed, -EPROTO
 * another CHANNEL_VERSION.
 */
int channel_map(int fd, struct channel **ret_channel);

/* Which pages of a channel are there; of a new one nothing is known. */
struct channel_pages {
	uint64_t there[(CHANNEL_BYTES / CHANNEL_PAGE_BYTES + 63) / 64];
	bool known;
};

/*
 * Makes all of it zeros again but the version, for a worker that is held still. Pages that are
 * there are overwritten and stay; where there is swap, of which mincore(2) tells nothing, all are
 * given back. 0 or a negative errno.
 *
 * The kernel is asked which are there (5 us) unless that is known from the last time: whoever may
 * have touched others since, in this process or in the worker, where that takes a page fault,
 * clears `known`.
 */
int channel_empty(struct channel *channel, struct channel_pages *pages);

/* NULL is fine. */
void channel_unmap(struct channel *channel);

static inline uint8_t *channel_mailbox_bytes(struct channel *channel)
{
	return (uint8_t *)channel + CHANNEL_PAGE_BYTES;
}

static inline uint8_t *channel_output_bytes(struct channel *channel)
{
	return (uint8_t *)channel + CHANNEL_PAGE_BYTES + CHANNEL_MAILBOX_BYTES;
}
