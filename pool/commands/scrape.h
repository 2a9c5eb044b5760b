// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/scrape.h: what GET /metrics says, and what two of its answers say of the time
 * between.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define SCRAPE_VERDICTS_MAX 32u
#define SCRAPE_BUCKETS_MAX 64u

/* Counters since the daemon's start, of all runtimes together. */
struct scrape {
	uint64_t when_nsec;  /* CLOCK_MONOTONIC; the caller's */
	double started;      /* when the daemon was, in seconds since 1970; 0: it does not say */
	double executions;   /* that began */
	struct {
		char name[24];
		double count;
	} verdicts[SCRAPE_VERDICTS_MAX];
	unsigned verdict_count;
	struct {
		double seconds;  /* the bound; INFINITY: none */
		double count;    /* of executions that took no longer */
	} buckets[SCRAPE_BUCKETS_MAX];
	unsigned bucket_count;
};

/* Reads the text format 0.0.4. 0, or -EBADMSG with the sentence where a figure is missing. */
int scrape_read(const char *text, struct scrape *ret_scrape, struct error *error);

/* Whether both are of one daemon's life: what it counts can be compared. */
bool scrape_is_same_life(const struct scrape *before, const struct scrape *now);

/*
 * The duration in seconds that `fraction` of the executions between the two did not exceed, within
 * its bucket by straight line, as Prometheus' histogram_quantile() does; the last bound for what is
 * beyond. NAN: there were none.
 */
double scrape_quantile(
	const struct scrape *before, const struct scrape *now, double fraction);

/* How often a second between the two; `count_before` and `count_now` are of one counter. */
double scrape_rate(const struct scrape *before, const struct scrape *now, double count_before,
	double count_now);

/* The count of a verdict by its name; 0 where there is none. */
double scrape_verdict(const struct scrape *scrape, const char *name);
