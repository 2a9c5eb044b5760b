// SPDX-License-Identifier: Apache-2.0
/*
 * stats/metrics.c: the two text formats, which differ in less than they look.
 *
 * OpenMetrics names a family without its type's suffix, knows infos, escapes quotes in a help text
 * and ends with "# EOF". All numbers are written from integers: neither the locale nor rounding can
 * change them. Bounds are written as OpenMetrics wants them ("1.0") in both formats, so that a
 * series keeps its name when a scraper changes over.
 */
#include "stats/metrics.h"

#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct bound {
	const char *text; /* as a series is named, in seconds or counted */
	uint64_t value;
};

static const struct bound seconds_bounds[] = {
	{ "0.0001", 100 * NSEC_PER_USEC },
	{ "0.00025", 250 * NSEC_PER_USEC },
	{ "0.0005", 500 * NSEC_PER_USEC },
	{ "0.001", NSEC_PER_MSEC },
	{ "0.0025", 2500 * NSEC_PER_USEC },
	{ "0.005", 5 * NSEC_PER_MSEC },
	{ "0.01", 10 * NSEC_PER_MSEC },
	{ "0.025", 25 * NSEC_PER_MSEC },
	{ "0.05", 50 * NSEC_PER_MSEC },
	{ "0.1", 100 * NSEC_PER_MSEC },
	{ "0.25", 250 * NSEC_PER_MSEC },
	{ "0.5", 500 * NSEC_PER_MSEC },
	{ "1.0", NSEC_PER_SEC },
	{ "2.5", 2500 * NSEC_PER_MSEC },
	{ "5.0", 5 * NSEC_PER_SEC },
	{ "10.0", 10 * NSEC_PER_SEC },
	{ "30.0", 30 * NSEC_PER_SEC },
	{ "60.0", 60 * NSEC_PER_SEC },
	{ NULL, 0 },
};

static const struct bound count_bounds[] = {
	{ "16.0", 16 },
	{ "32.0", 32 },
	{ "64.0", 64 },
	{ "128.0", 128 },
	{ "256.0", 256 },
	{ "512.0", 512 },
	{ "1024.0", 1024 },
	{ "2048.0", 2048 },
	{ "4096.0", 4096 },
	{ "8192.0", 8192 },
	{ "16384.0", 16384 },
	{ NULL, 0 },
};

static const struct {
	const char *text, *openmetrics;
	const char *suffix; /* of the family's samples, and of its name in the text format */
} types[] = {
	[METRICS_COUNTER] = { "counter", "counter", "_total" },
	[METRICS_GAUGE] = { "gauge", "gauge", "" },
	[METRICS_HISTOGRAM] = { "histogram", "histogram", "" },
	[METRICS_INFO] = { "gauge", "info", "_info" },
};

static void bytes_add(struct metrics *metrics, const char *bytes, size_t size)
{
	if (metrics->used < metrics->size) {
		size_t room = metrics->size - metrics->used - 1;
		size_t part = size < room ? size : room;

		memcpy(metrics->buffer + metrics->used, bytes, part);
		metrics->buffer[metrics->used + part] = '\0';
	}
	metrics->used += size;
}

static void text_add(struct metrics *metrics, const char *text)
{
	bytes_add(metrics, text, strlen(text));
}

static void escaped_add(struct metrics *metrics, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			text_add(metrics, "\\n");
		else if (*text == '\\')
			text_add(metrics, "\\\\");
		else if (*text == '"' && quotes)
			text_add(metrics, "\\\"");
		else
			bytes_add(metrics, text, 1);
	}
}

static void label_add(struct metrics *metrics, bool first, const char *name, const char *value)
{
	text_add(metrics, first ? "{" : ",");
	text_add(metrics, name);
	text_add(metrics, "=\"");
	escaped_add(metrics, value, true);
	text_add(metrics, "\"");
}

/* All of a sample but its value; `bound` is a bucket's, or NULL. */
static void sample_begin(struct metrics *metrics, const char *suffix,
	const struct metrics_label *labels, const char *bound)
{
	bool first = true;

	text_add(metrics, metrics->family);
	text_add(metrics, suffix);
	for (; labels && labels->name; labels++, first = false)
		label_add(metrics, first, labels->name, labels->value);
	if (bound) {
		label_add(metrics, first, "le", bound);
		first = false;
	}
	text_add(metrics, first ? " " : "} ");
}

static void number_end(struct metrics *metrics, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64 "\n", value);
	text_add(metrics, text);
}

static void nsec_end(struct metrics *metrics, uint64_t nsec)
{
	char text[40];

	snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64 "\n", nsec / NSEC_PER_SEC,
		nsec % NSEC_PER_SEC);
	text_add(metrics, text);
}

void metrics_init(struct metrics *metrics, bool openmetrics, char *buffer, size_t size)
{
	*metrics = (struct metrics){ .buffer = buffer, .size = size, .openmetrics = openmetrics };
	bytes_add(metrics, "", 0);
}

void metrics_family(
	struct metrics *metrics, enum metrics_type type, const char *name, const char *help)
{
	const char *suffix = metrics->openmetrics ? "" : types[type].suffix;

	metrics->family = name;
	metrics->type = type;
	text_add(metrics, "# HELP ");
	text_add(metrics, name);
	text_add(metrics, suffix);
	text_add(metrics, " ");
	escaped_add(metrics, help, metrics->openmetrics);
	text_add(metrics, "\n# TYPE ");
	text_add(metrics, name);
	text_add(metrics, suffix);
	text_add(metrics, " ");
	text_add(metrics, metrics->openmetrics ? types[type].openmetrics : types[type].text);
	text_add(metrics, "\n");
}

static void sample_check(const struct metrics *metrics)
{
	assert(metrics->family);
	assert(metrics->type == METRICS_COUNTER || metrics->type == METRICS_GAUGE);
}

void metrics_number(struct metrics *metrics, const struct metrics_label *labels, uint64_t value)
{
	sample_check(metrics);
	sample_begin(metrics, types[metrics->type].suffix, labels, NULL);
	number_end(metrics, value);
}

void metrics_nsec(struct metrics *metrics, const struct metrics_label *labels, uint64_t nsec)
{
	sample_check(metrics);
	sample_begin(metrics, types[metrics->type].suffix, labels, NULL);
	nsec_end(metrics, nsec);
}

void metrics_info(struct metrics *metrics, const struct metrics_label *labels)
{
	assert(metrics->family && metrics->type == METRICS_INFO);
	sample_begin(metrics, types[METRICS_INFO].suffix, labels, NULL);
	number_end(metrics, 1);
}

static void bucket_write(struct metrics *metrics, const struct metrics_label *labels,
	const char *bound, uint64_t count)
{
	sample_begin(metrics, "_bucket", labels, bound);
	number_end(metrics, count);
}

static void histogram_write(struct metrics *metrics, const struct metrics_label *labels,
	const struct histogram *histogram, const struct bound *bounds,
	void (*sum_end)(struct metrics *metrics, uint64_t sum))
{
	assert(metrics->family && metrics->type == METRICS_HISTOGRAM);
	for (; bounds->text; bounds++)
		bucket_write(metrics, labels, bounds->text,
			histogram_count_to(histogram, bounds->value));
	bucket_write(metrics, labels, "+Inf", histogram->count);
	sample_begin(metrics, "_sum", labels, NULL);
	sum_end(metrics, histogram->sum);
	sample_begin(metrics, "_count", labels, NULL);
	number_end(metrics, histogram->count);
}

void metrics_histogram(struct metrics *metrics, const struct metrics_label *labels,
	const struct histogram *histogram)
{
	histogram_write(metrics, labels, histogram, seconds_bounds, nsec_end);
}

void metrics_histogram_counts(struct metrics *metrics, const struct metrics_label *labels,
	const struct histogram *histogram)
{
	histogram_write(metrics, labels, histogram, count_bounds, number_end);
}

size_t metrics_finish(struct metrics *metrics)
{
	if (metrics->openmetrics)
		text_add(metrics, "# EOF\n");
	return metrics->used;
}
