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

/* A started pool with every worker idle. */
struct pool *harness_pool_start(unsigned workers);

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
 * Closed loop of one stream for so long: the next execution is submitted by the one that is done.
 * Each must end with VERDICT_OK. Latencies from submission to `done`, in nanoseconds.
 */
void harness_stream(
	struct pool *pool, const char *code, double seconds, struct histogram *ret_latency);

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
 * `{"bench":"NAME","kernel":…,"cpus":…,"load":…`, and `,"NAME":{"p50":…,"p99":…,"max":…}` in
 * microseconds.
 */
void harness_json_begin(const char *name);
void harness_json_quantiles(const char *name, const struct histogram *histogram);
