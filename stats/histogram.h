// SPDX-License-Identifier: Apache-2.0
/*
 * stats/histogram.h: a log-linear histogram of latencies.
 *
 * Values from 0 to 2^42-1 (in nanoseconds: 73 minutes, more than the hour that an execution may
 * take; larger ones count as the largest), 64 linear steps in each power of two: a quantile is
 * right to 1.6 %. Fixed size, no allocation, adding is a few instructions; one writer, merged by
 * whoever reports.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_VALUE_BITS 42
#define HISTOGRAM_BUCKETS (((HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS) + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min; /* UINT64_MAX while empty */
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that `fraction` (0…1) of the values do not exceed; 0 while empty; never above max. */
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);

/*
 * How many values are at most `bound`, less those of the bucket that `bound` lies in the middle of:
 * like a quantile, this never makes a latency look smaller than it was. At UINT64_MAX: all.
 */
uint64_t histogram_count_to(const struct histogram *histogram, uint64_t bound);
