// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench.h: private to pool/: the load that corral bench makes, in six rooms.
 *
 *	bench.c           the options, and the order of things
 *	bench_programs.c  what is run: code, or a folder of programs with their expectations
 *	bench_load.c      closed loop (N streams) or open loop (a clock) on an embedded pool
 *	bench_daemon.c    the same through the daemon, over HTTP
 *	bench_tally.c     what came back, counted
 *	bench_report.c    what came of it, for people and as JSON
 */
#pragma once

#include "pool/pool.h"
#include "stats/histogram.h"

#include <stdatomic.h>

#define BENCH_PROGRAMS_MAX 512u
#define BENCH_STREAMS_MAX 4096u
#define BENCH_CONNECTIONS_MAX 2048u  /* to the daemon */
#define BENCH_OUTSTANDING_MAX 16384u /* open loop: executions that may be under way */
#define BENCH_VERDICTS (VERDICT_COUNT + LIMIT_COUNT)

struct bench_program {
	char name[64];
	char *code;
	size_t code_bytes;
	char expected[32];  /* the verdict's name */
	struct limits limits;
};

struct bench_tally {
	struct histogram latency; /* nsec; closed loop: since submission, open: since due */
	uint64_t verdicts[BENCH_VERDICTS];
	uint64_t executions, errors; /* errors: not the expected verdict */
	uint64_t rewound;            /* executions after which the worker was to be rewound */
};

struct bench_options {
	const char *socket; /* the daemon's; NULL: embedded */
	const char *code;
	const char *programs;
	unsigned streams;
	double seconds;
	double rate; /* executions a second; 0: closed loop */
	bool json;
	bool shapes_pool; /* an option was given that a daemon cannot be told */
	struct pool_config config;
};

struct bench {
	struct bench_options options;
	struct pool *pool;
	struct bench_program *programs;
	unsigned program_count;
	struct bench_tally *tallies; /* [lane][program]; one thread writes to a lane */
	unsigned lanes;
	atomic_ullong answered;      /* through the daemon, so far */
	struct pool_status daemon;   /* when the load was over */
	uint64_t begin_nsec, end_nsec;
	uint64_t refused; /* submissions that the pool turned away */
};

int bench_programs_load(struct bench *bench, struct error *error);

/* Runs the load; returns when its last execution is done. 0 or a negative errno and a sentence. */
int bench_load(struct bench *bench, struct error *error);

/* The same through the daemon on options.socket. */
int bench_daemon_load(struct bench *bench, struct error *error);

/* Room to count in, the bench's. 0 or -ENOMEM with the sentence. */
int bench_tallies_make(struct bench *bench, unsigned lanes, struct error *error);

/* One execution, of the verdict with this place. */
void bench_tally_add(struct bench *bench, unsigned lane, unsigned program, unsigned place,
	bool was_rewound, uint64_t nsec);

/* The place of a verdict's name; BENCH_VERDICTS: it is none. */
unsigned bench_verdict_place(const char *name, size_t size);

/* All lanes together, of one program or (program < 0) of all. `ret_tally` is the caller's. */
void bench_tally_sum(const struct bench *bench, int program, struct bench_tally *ret_tally);

/* "ok", "limit:memory": the name of a place in tally.verdicts. */
const char *bench_verdict_name(unsigned place, char *buffer, size_t size);

void bench_report_people(const struct bench *bench);
void bench_report_json(const struct bench *bench);
