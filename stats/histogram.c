// SPDX-License-Identifier: Apache-2.0
/*
 * stats/histogram.c: where a value falls, and back.
 *
 * Below 64 each value has its own bucket. Above, a value's highest bit picks a group of 64
 * buckets and the six bits behind it the bucket: `value >> shift` is 64 … 127, and a bucket is
 * 2^shift wide, at most a 64th of what it holds. A quantile is the upper end of its bucket, so that
 * it is never less than the truth.
 *
 * The writer's counters are read by other threads while they grow. Plain loads and stores of whole
 * words are enough; a merge takes its count from the buckets it saw, so that the two agree.
 */
#include "stats/histogram.h"

#include <string.h>

#define SUB_COUNT (UINT64_C(1) << HISTOGRAM_SUB_BITS)
#define VALUE_MAX ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static unsigned bucket_of(uint64_t value)
{
	if (value < SUB_COUNT)
		return (unsigned)value;

	unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;

	return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(unsigned bucket)
{
	if (bucket < SUB_COUNT)
		return bucket;

	unsigned shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	uint64_t step = SUB_COUNT + (bucket & (SUB_COUNT - 1));

	return ((step + 1) << shift) - 1;
}

void histogram_init(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->min = UINT64_MAX;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	if (value > VALUE_MAX)
		value = VALUE_MAX;

	uint64_t *bucket = &histogram->buckets[bucket_of(value)];

	store(bucket, *bucket + 1);
	store(&histogram->count, histogram->count + 1);
	store(&histogram->sum, histogram->sum + value);
	if (value < histogram->min)
		store(&histogram->min, value);
	if (value > histogram->max)
		store(&histogram->max, value);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	uint64_t min = load(&from->min), max = load(&from->max);

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t count = load(&from->buckets[i]);

		into->buckets[i] += count;
		into->count += count;
	}
	into->sum += load(&from->sum);
	if (min < into->min)
		into->min = min;
	if (max > into->max)
		into->max = max;
}

uint64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
	double wanted = fraction * (double)histogram->count;
	uint64_t seen = 0;

	/* `seen` below 1 would be no value at all: fraction 0 is the smallest. */
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && (double)seen >= wanted) {
			uint64_t top = bucket_top(i);

			return top < histogram->max ? top : histogram->max;
		}
	}
	return histogram->max;
}

uint64_t histogram_count_to(const struct histogram *histogram, uint64_t bound)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && bucket_top(i) <= bound; i++)
		seen += histogram->buckets[i];
	return seen;
}
