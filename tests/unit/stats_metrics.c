// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/stats_metrics.c: both formats to the letter, and a buffer of every size.
 */
#include "stats/metrics.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct histogram histogram;

/* One family of each type, and in labels and help texts what has to be escaped. */
static size_t sample_print(bool openmetrics, char *buffer, size_t size)
{
	struct metrics metrics;

	metrics_init(&metrics, openmetrics, buffer, size);
	metrics_family(&metrics, METRICS_INFO, "x_build", "Says \"which\".");
	metrics_info(&metrics, METRICS_LABELS({ "version", "1.0" }));
	metrics_family(&metrics, METRICS_COUNTER, "x_executions", "Two\nlines and a \\.");
	metrics_number(&metrics, METRICS_LABELS({ "a", "\\" }, { "b", "say \"\n\"" }), UINT64_MAX);
	metrics_number(&metrics, METRICS_LABELS({ "a", "\xc3\xa9" }), 0);
	metrics_family(&metrics, METRICS_GAUGE, "x_start_time_seconds", "A time.");
	metrics_nsec(&metrics, NULL, 1792000000 * NSEC_PER_SEC + 7);
	metrics_family(&metrics, METRICS_COUNTER, "x_cpu_seconds", "Another.");
	metrics_nsec(&metrics, NULL, 250 * NSEC_PER_MSEC);
	return metrics_finish(&metrics);
}

static const char sample_text[] =
	"# HELP x_build_info Says \"which\".\n"
	"# TYPE x_build_info gauge\n"
	"x_build_info{version=\"1.0\"} 1\n"
	"# HELP x_executions_total Two\\nlines and a \\\\.\n"
	"# TYPE x_executions_total counter\n"
	"x_executions_total{a=\"\\\\\",b=\"say \\\"\\n\\\"\"} 18446744073709551615\n"
	"x_executions_total{a=\"\xc3\xa9\"} 0\n"
	"# HELP x_start_time_seconds A time.\n"
	"# TYPE x_start_time_seconds gauge\n"
	"x_start_time_seconds 1792000000.000000007\n"
	"# HELP x_cpu_seconds_total Another.\n"
	"# TYPE x_cpu_seconds_total counter\n"
	"x_cpu_seconds_total 0.250000000\n";

static const char sample_openmetrics[] =
	"# HELP x_build Says \\\"which\\\".\n"
	"# TYPE x_build info\n"
	"x_build_info{version=\"1.0\"} 1\n"
	"# HELP x_executions Two\\nlines and a \\\\.\n"
	"# TYPE x_executions counter\n"
	"x_executions_total{a=\"\\\\\",b=\"say \\\"\\n\\\"\"} 18446744073709551615\n"
	"x_executions_total{a=\"\xc3\xa9\"} 0\n"
	"# HELP x_start_time_seconds A time.\n"
	"# TYPE x_start_time_seconds gauge\n"
	"x_start_time_seconds 1792000000.000000007\n"
	"# HELP x_cpu_seconds Another.\n"
	"# TYPE x_cpu_seconds counter\n"
	"x_cpu_seconds_total 0.250000000\n"
	"# EOF\n";

Test(metrics, are_written_as_each_format_wants_them)
{
	char buffer[2048];

	cr_expect_eq(sample_print(false, buffer, sizeof(buffer)), strlen(sample_text));
	cr_expect_str_eq(buffer, sample_text);
	cr_expect_eq(sample_print(true, buffer, sizeof(buffer)), strlen(sample_openmetrics));
	cr_expect_str_eq(buffer, sample_openmetrics);
}

/* Whatever the size: the length of the whole, a string that is its beginning, and no byte more. */
Test(metrics, say_how_much_room_they_need_and_take_no_more_than_there_is)
{
	size_t whole = strlen(sample_openmetrics);
	char buffer[2048];

	cr_expect_eq(sample_print(true, NULL, 0), whole);
	for (size_t size = 1; size <= whole + 2; size++) {
		size_t fits = size - 1 < whole ? size - 1 : whole;

		memset(buffer, '#', sizeof(buffer));
		cr_expect_eq(sample_print(true, buffer, size), whole);
		cr_expect_eq(strlen(buffer), fits, "%zu in %zu", strlen(buffer), size);
		cr_expect_arr_eq(buffer, sample_openmetrics, fits);
		for (size_t i = fits + 1; i < sizeof(buffer); i++)
			cr_assert_eq(buffer[i], '#', "byte %zu of %zu", i, size);
	}
}

/* The value of the bucket, -1 when there is none. */
static long bucket(const char *text, const char *bound)
{
	char name[64];
	unsigned long value;

	snprintf(name, sizeof(name), "\nx_seconds_bucket{a=\"b\",le=\"%s\"} ", bound);
	const char *line = strstr(text, name);

	return line && sscanf(line + strlen(name), "%lu\n", &value) == 1 ? (long)value : -1;
}

static const char *histogram_text(void)
{
	static char buffer[4096];
	struct metrics metrics;

	metrics_init(&metrics, false, buffer, sizeof(buffer));
	metrics_family(&metrics, METRICS_HISTOGRAM, "x_seconds", "Durations.");
	metrics_histogram(&metrics, METRICS_LABELS({ "a", "b" }), &histogram);
	cr_assert_lt(metrics_finish(&metrics), sizeof(buffer));
	return buffer;
}

/* Just below each bound and just above it, by 2 %, which is more than a bucket's width. */
Test(metrics, count_a_histogram_up_to_each_bound)
{
	static const char *const bounds[] = { "0.0001", "0.00025", "0.0005", "0.001", "0.0025",
		"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0",
		"30.0", "60.0" };
	const size_t count = sizeof(bounds) / sizeof(bounds[0]);
	uint64_t sum = 0;
	char end[128];

	histogram_init(&histogram);
	for (size_t i = 0; i < count; i++) {
		double nsec = 0;

		cr_assert_eq(sscanf(bounds[i], "%lf", &nsec), 1);
		for (int side = -1; side <= 1; side += 2) {
			uint64_t value = (uint64_t)(nsec * 1e9 * (1 + side * 0.02));

			histogram_add(&histogram, value);
			sum += value;
		}
	}
	const char *text = histogram_text();

	for (size_t i = 0; i < count; i++)
		cr_expect_eq(bucket(text, bounds[i]), 2 * (long)i + 1, "%ld at %s",
			bucket(text, bounds[i]), bounds[i]);
	cr_expect_eq(bucket(text, "+Inf"), 2 * (long)count);
	snprintf(end, sizeof(end),
		"x_seconds_sum{a=\"b\"} %lu.%09lu\nx_seconds_count{a=\"b\"} 36\n",
		sum / NSEC_PER_SEC, sum % NSEC_PER_SEC);
	cr_expect_str_eq(strstr(text, "x_seconds_sum"), end);
}

Test(metrics, count_things_as_they_count_nanoseconds)
{
	static char buffer[4096];
	struct metrics metrics;
	const char *line = buffer;
	unsigned buckets = 0;

	histogram_init(&histogram);
	for (unsigned bound = 16; bound <= 16384; bound *= 2) {
		histogram_add(&histogram, bound * 31 / 32);
		histogram_add(&histogram, bound * 33 / 32);
	}
	metrics_init(&metrics, true, buffer, sizeof(buffer));
	metrics_family(&metrics, METRICS_HISTOGRAM, "x_pages", "Pages.");
	metrics_histogram_counts(&metrics, NULL, &histogram);
	cr_assert_lt(metrics_finish(&metrics), sizeof(buffer));
	for (unsigned bound = 16, below = 1; bound <= 16384; bound *= 2, below += 2) {
		char wanted[64];

		/* Of 16 a 32nd is less than one. */
		snprintf(wanted, sizeof(wanted), "x_pages_bucket{le=\"%u.0\"} %u\n", bound,
			bound == 16 ? 2 : below);
		cr_expect(strstr(buffer, wanted), "%s", wanted);
	}
	while ((line = strstr(line, "x_pages_bucket"))) {
		buckets++;
		line++;
	}
	cr_expect_eq(buckets, 12);
	cr_expect(strstr(buffer, "x_pages_bucket{le=\"+Inf\"} 22\nx_pages_sum 65503\n"
				 "x_pages_count 22\n"), "%s", buffer);
}

Test(metrics, write_an_empty_histogram_as_zeroes)
{
	histogram_init(&histogram);
	const char *text = histogram_text();

	cr_expect_eq(bucket(text, "0.0001"), 0);
	cr_expect_eq(bucket(text, "+Inf"), 0);
	cr_expect_str_eq(strstr(text, "x_seconds_sum"),
		"x_seconds_sum{a=\"b\"} 0.000000000\nx_seconds_count{a=\"b\"} 0\n");
}

Test(metrics, count_what_is_beyond_the_last_bound_under_infinity_alone)
{
	histogram_init(&histogram);
	histogram_add(&histogram, 1800 * NSEC_PER_SEC);
	histogram_add(&histogram, UINT64_MAX);
	cr_expect_eq(bucket(histogram_text(), "60.0"), 0);
	cr_expect_eq(bucket(histogram_text(), "+Inf"), 2);
}

Test(metrics, take_no_sample_without_a_family, .signal = SIGABRT)
{
	struct metrics metrics;

	metrics_init(&metrics, false, NULL, 0);
	metrics_number(&metrics, NULL, 1);
}

Test(metrics, take_no_plain_number_for_a_histogram, .signal = SIGABRT)
{
	struct metrics metrics;

	metrics_init(&metrics, false, NULL, 0);
	metrics_family(&metrics, METRICS_HISTOGRAM, "x_seconds", "Durations.");
	metrics_number(&metrics, NULL, 1);
}
