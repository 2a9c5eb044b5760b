// SPDX-License-Identifier: Apache-2.0
/*
 * bench/harness.h: what the benches share: a pool, one execution at a time, figures, JSON.
 *
 * A bench has one question, answers in one line of JSON on stdout, and ends with one sentence on
 * stderr and exit code 1 when it cannot be asked.
 */
#pragma once

#include "pool/pool.h"
#include "stats/histogram.h"

#include <time.h>

/* A started pool with every worker idle; the second for a config of the bench's own. */
struct pool *harness_pool_start(unsigned workers);
struct pool *harness_pool_open(const struct pool_config *config);

/* Waits until `workers` are idle, or ends the bench. */
void harness_pool_fill(struct pool *pool, unsigned workers);

/* The number that argv[index] gives, or `standard` where there is none. */
unsigned harness_number(
	int argc, char **argv, int index, unsigned standard, unsigned min, unsigned max);

/*
 * One execution, from submission to `done`, waited for by the calling thread. The caller fills in
 * the request first; `done` is the harness's.
 */
void harness_run(struct pool *pool, struct execution *execution);

/*
 * The kernel's DAMON (Documentation/mm/damon), where the machine runs it, looks every so often
 * which pages are used: for each it looks at, it walks all mappings of that page, and with
 * thousands of workers sharing an image that takes milliseconds at a stretch, which a kernel
 * without preemption gives to nobody else.
 */
struct harness_scanner {
	clockid_t clock; /* its CPU time */
	bool runs;
};

void harness_scanner_find(struct harness_scanner *ret_scanner);

/* How long it has run; 0 where there is none. */
uint64_t harness_scanner_nsec(const struct harness_scanner *scanner);

struct harness_latency {
	struct histogram all;
	struct histogram undisturbed; /* of executions in which the scanner did not run */
	uint64_t scanner_nsec;        /* what it took in all */
	uint64_t steal_nsec;          /* what the host gave to others meanwhile, of all CPUs */
};

/*
 * Closed loop of one stream for so long: the next execution is submitted by the one that is done.
 * Each must end with VERDICT_OK. Latencies from submission to `done`, in nanoseconds.
 */
void harness_stream(
	struct pool *pool, const char *code, double seconds, struct harness_latency *ret_latency);

/* An output callback that takes everything. */
bool harness_output_ignored(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size);

/* Time goes by: for figures that the kernel settles in its own time. */
void harness_pause(unsigned msec);

/* Of the machine: MemAvailable, once it has stopped moving. */
uint64_t harness_available_bytes(void);

/* Of this process: what is resident now. */
uint64_t harness_rss_bytes(void);

/*
 * `{"bench":"NAME","kernel":…,"cpus":…,"load":…`, and `,"NAME":{"p50":…,"p90":…,"p99":…,
 * "max":…}` in microseconds.
 */
void harness_json_begin(const char *name);
void harness_json_quantiles(const char *name, const struct histogram *histogram);
