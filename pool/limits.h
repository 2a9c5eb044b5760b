// SPDX-License-Identifier: Apache-2.0
/*
 * pool/limits.h: what an execution may use: names, units, defaults, caps, in one table.
 *
 * A value outside the caps is clamped and said so; nonsense ("-1", "lots", 0 where 0 means nothing)
 * is refused. Times are in nanoseconds, sizes in bytes.
 *
 * The maxima of the daemon's own queues and tables stand here too: every one has a name.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit {
	LIMIT_TIMEOUT,    /* wall clock, by the daemon's clock alone */
	LIMIT_CPU_TIME,   /* of all processes of the cell together */
	LIMIT_MEMORY,     /* of the cell, its files and its page tables included */
	LIMIT_PIDS,       /* processes and threads at one time, the worker included */
	LIMIT_OUTPUT,     /* stdout and stderr together */
	LIMIT_FILES,      /* what /tmp, /workspace and /dev/shm hold together */
	LIMIT_OPEN_FILES, /* descriptors of one process */
	LIMIT_SYSCALLS,   /* system calls of all processes together; its cap is "none" */
	LIMIT_COUNT,
};

/* A year of them on one CPU: nothing counts that far, so nothing is asked of the kernel. */
#define LIMIT_SYSCALLS_NONE UINT64_C(1000000000000)

enum limit_unit { LIMIT_UNIT_NSEC, LIMIT_UNIT_BYTES, LIMIT_UNIT_COUNT };

struct limit_type {
	const char *name; /* "cpu_time"; on the command line "--cpu-time" */
	const char *help; /* what it bounds, for --help */
	enum limit_unit unit;
	uint64_t standard, min, max;
};

extern const struct limit_type limit_types[LIMIT_COUNT];

struct limits {
	uint64_t values[LIMIT_COUNT];
};

void limits_init(struct limits *limits); /* the standard values */

/* Sets within the caps. True when the value had to be clamped. */
bool limits_set(struct limits *limits, enum limit limit, uint64_t value);

/*
 * Reads "30s", "256M", "32". 0 or -EINVAL with the sentence; *ret_clamped tells whether a cap was
 * applied, and the sentence then says which.
 */
int limits_parse(struct limits *limits, enum limit limit, const char *text, bool *ret_clamped,
	struct error *error);

/* The same for a number of seconds, bytes or things; only seconds may have a fraction. */
int limits_parse_number(struct limits *limits, enum limit limit, double number, bool *ret_clamped,
	struct error *error);

/* The value in its unit, for people: "30 s", "256 MiB". Returns `buffer`. */
const char *limits_print(const struct limits *limits, enum limit limit, char *buffer, size_t size);

/* One inode for so many bytes of LIMIT_FILES, and never fewer than the minimum. */
#define FILES_BYTES_PER_INODE 4096u
#define FILES_INODES_MIN 512u

#define POOL_WORKERS_MAX 16384u
#define POOL_SHARDS_MAX 64u
#define POOL_QUEUE_MAX 65536u
#define SHARD_QUEUE_PARTS 4u           /* queues of tenants that fit into a shard's */
#define SHARD_BUILDING_MAX 2u          /* cells under way at one time in a shard */
#define SHARD_UNBORN_MAX 16u           /* slots that may wait to be built while others run */
#define SHARD_BIRTH_HOLD_NSEC (UINT64_C(5) * 1000000) /* so long births wait for executions */
#define SHARD_NETNS_SPARE_MAX 64u
#define EXECUTION_DISPATCHES_MAX 8u    /* workers that may fail to take it */
#define EXECUTION_TAIL_BYTES 8192u     /* of each stream, kept from behind the output limit */
#define EXECUTION_RECORD_BYTES_MAX (4u << 20) /* result and error records together */
/*
 * Doorbells with nothing behind them, in a row. A writer whose ring is full rings while we drain,
 * and a socket of the usual size holds 280 of its bells: that many are honest.
 */
#define EXECUTION_IDLE_DOORBELLS_MAX 1024u
#define SLOT_BIRTH_NSEC_MAX (UINT64_C(20) * 1000000000)
#define SLOT_DEATH_NSEC_MAX (UINT64_C(10) * 1000000000)
#define CPU_RECHECK_NSEC_MIN (UINT64_C(2) * 1000000)
