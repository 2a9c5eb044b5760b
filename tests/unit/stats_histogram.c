// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/stats_histogram.c: the histogram against the truth, a sorted array.
 *
 * The truth of a quantile is the smallest value that the fraction does not exceed. The histogram
 * may say more by a 64th, never less, and never more than the largest value.
 */
#include "stats/histogram.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>

#define VALUE_MAX ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)
#define VALUES 20000

static struct histogram histogram, other;
static uint64_t values[VALUES];

/* splitmix64: the same values in every run. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t truth(size_t count, double fraction)
{
	size_t rank = (size_t)ceil(fraction * (double)count);

	return values[rank ? rank - 1 : 0];
}

static void expect_quantiles(size_t count)
{
	static const double fractions[] = { 0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };

	qsort(values, count, sizeof(*values), by_size);
	for (size_t i = 0; i < sizeof(fractions) / sizeof(*fractions); i++) {
		uint64_t exact = truth(count, fractions[i]);
		uint64_t said = histogram_quantile(&histogram, fractions[i]);

		cr_expect(said >= exact && said <= exact + exact / 64 && said <= values[count - 1],
			"quantile %g of %zu is %lu, not %lu", fractions[i], count,
			(unsigned long)exact, (unsigned long)said);
	}
}

/* How many bits the values have: 3 is a narrow distribution of small ones, 42 spans everything. */
ParameterizedTestParameters(histogram, is_right_to_a_64th_at_every_quantile)
{
	static unsigned bits[] = { 1, 3, 6, 7, 12, 20, 33, 39, 42 };

	return cr_make_param_array(unsigned, bits, sizeof(bits) / sizeof(*bits));
}

ParameterizedTest(unsigned *bits, histogram, is_right_to_a_64th_at_every_quantile)
{
	static const size_t counts[] = { 1, 2, 3, 99, 1000, VALUES };
	uint64_t state = *bits;

	for (size_t round = 0; round < sizeof(counts) / sizeof(*counts); round++) {
		uint64_t sum = 0;

		histogram_init(&histogram);
		for (size_t i = 0; i < counts[round]; i++) {
			/* Any magnitude is as likely as any other: latencies have long tails. */
			unsigned magnitude = 64 - *bits + (unsigned)(random_next(&state) % *bits);

			values[i] = random_next(&state) >> magnitude;
			histogram_add(&histogram, values[i]);
			sum += values[i];
		}
		expect_quantiles(counts[round]);
		cr_expect_eq(histogram.count, counts[round]);
		cr_expect_eq(histogram.sum, sum);
		cr_expect_eq(histogram.min, values[0]);
		cr_expect_eq(histogram.max, values[counts[round] - 1]);
	}
}

Test(histogram, says_zero_while_empty)
{
	histogram_init(&histogram);
	cr_expect_eq(histogram_quantile(&histogram, 0.5), 0);
	cr_expect_eq(histogram_quantile(&histogram, 1), 0);
	cr_expect_eq(histogram.min, UINT64_MAX);
}

/* Each power of two, the values beside it, and the ends of each linear step in the last group. */
Test(histogram, has_a_bucket_for_every_value_to_the_last)
{
	for (unsigned bit = 0; bit < HISTOGRAM_VALUE_BITS; bit++) {
		for (int beside = -1; beside <= 1; beside++) {
			uint64_t value = (UINT64_C(1) << bit) + (uint64_t)beside;

			histogram_init(&histogram);
			histogram_add(&histogram, value);
			cr_expect_eq(histogram_quantile(&histogram, 0.5), value);
		}
	}
	histogram_init(&histogram);
	histogram_add(&histogram, VALUE_MAX);
	cr_expect_eq(histogram.buckets[HISTOGRAM_BUCKETS - 1], 1);
}

Test(histogram, keeps_each_small_value_apart)
{
	histogram_init(&histogram);
	for (uint64_t value = 0; value < 128; value++)
		histogram_add(&histogram, value);
	for (unsigned bucket = 0; bucket < 128; bucket++)
		cr_expect_eq(histogram.buckets[bucket], 1);
}

Test(histogram, counts_what_is_too_large_as_the_largest)
{
	histogram_init(&histogram);
	histogram_add(&histogram, VALUE_MAX + 1);
	histogram_add(&histogram, UINT64_MAX);
	cr_expect_eq(histogram.count, 2);
	cr_expect_eq(histogram.max, VALUE_MAX);
	cr_expect_eq(histogram.sum, 2 * VALUE_MAX);
	cr_expect_eq(histogram_quantile(&histogram, 1), VALUE_MAX);
}

/* Between what is below by more than a 64th and what is below at all. */
Test(histogram, counts_up_to_a_bound_what_surely_lies_below)
{
	uint64_t state = 11, below = 0;

	histogram_init(&histogram);
	cr_expect_eq(histogram_count_to(&histogram, UINT64_MAX), 0);
	for (uint64_t value = 0; value < 128; value++)
		histogram_add(&histogram, value);
	for (uint64_t bound = 0; bound < 128; bound++)
		cr_expect_eq(histogram_count_to(&histogram, bound), bound + 1);
	cr_expect_eq(histogram_count_to(&histogram, UINT64_MAX), 128);
	histogram_init(&histogram);
	for (size_t i = 0; i < VALUES; i++) {
		values[i] = random_next(&state) >> 32;
		histogram_add(&histogram, values[i]);
	}
	qsort(values, VALUES, sizeof(*values), by_size);
	for (uint64_t bound = 1; bound < UINT64_C(1) << 33; bound = bound * 5 / 4 + 1) {
		size_t surely = 0;

		while (below < VALUES && values[below] <= bound)
			below++;
		while (surely < VALUES && values[surely] < bound - bound / 64)
			surely++;
		uint64_t said = histogram_count_to(&histogram, bound);

		cr_expect(said >= surely && said <= below, "%lu at %lu: not %zu to %lu",
			(unsigned long)said, (unsigned long)bound, surely, (unsigned long)below);
	}
}

Test(histogram, merged_is_the_histogram_of_all_values)
{
	static struct histogram merged;
	uint64_t state = 7;

	histogram_init(&histogram);
	histogram_init(&other);
	histogram_init(&merged);
	histogram_merge(&merged, &other);
	cr_expect_eq(merged.min, UINT64_MAX);
	for (size_t i = 0; i < VALUES; i++) {
		values[i] = random_next(&state) >> (24 + i % 40);
		histogram_add(i % 3 ? &other : &merged, values[i]);
		histogram_add(&histogram, values[i]);
	}
	histogram_merge(&merged, &other);
	cr_expect_arr_eq(&merged, &histogram, sizeof(merged));
}
