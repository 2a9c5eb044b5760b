// SPDX-License-Identifier: Apache-2.0
/*
 * stats/metrics.h: figures as the text that Prometheus and its kin read.
 *
 * Two formats, told apart by one flag: the text format 0.0.4, sent as
 * "text/plain; version=0.0.4; charset=utf-8", and OpenMetrics 1.0, sent as
 * "application/openmetrics-text; version=1.0.0; charset=utf-8". The samples are the same in both.
 *
 * Everything goes into the caller's buffer; nothing is allocated, and nothing fails on the way.
 * What does not fit is counted and left out, so that the end tells how large the buffer should have
 * been.
 *
 *	metrics_init(&metrics, openmetrics, buffer, size);
 *	metrics_family(&metrics, METRICS_COUNTER, "corral_births", "Workers that were born.");
 *	metrics_number(&metrics, NULL, births);
 *	if (metrics_finish(&metrics) >= size)
 *		…                               // cut short: not to be sent
 */
#pragma once

#include "stats/histogram.h"

#include <stdbool.h>
#include <stddef.h>

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_INFO };

struct metrics_label {
	const char *name;  /* [a-zA-Z_][a-zA-Z0-9_]*, not "le" */
	const char *value; /* any UTF-8; escaped here */
};

/* METRICS_LABELS({ "state", "idle" }, { "runtime", name }); NULL stands for no label. */
#define METRICS_LABELS(...) ((const struct metrics_label[]){ __VA_ARGS__, { NULL, NULL } })

/* The caller allocates it; its fields are stats/metrics.c's. */
struct metrics {
	char *buffer;
	size_t size;
	size_t used; /* of the whole text so far, whether it fitted or not */
	bool openmetrics;
	const char *family; /* NULL before the first */
	enum metrics_type type;
};

/* `buffer` stays the caller's and holds a string from here on; it may be NULL if `size` is 0. */
void metrics_init(struct metrics *metrics, bool openmetrics, char *buffer, size_t size);

/*
 * Begins a family: what is written next are its samples. `name` is without the suffix that the type
 * adds ("_total" of a counter, "_info" of an info) and must live until the next family; a family
 * comes once. `help` is a sentence.
 */
void metrics_family(
	struct metrics *metrics, enum metrics_type type, const char *name, const char *help);

/* A sample of a counter or a gauge. `labels` end with a NULL name (METRICS_LABELS), or are NULL. */
void metrics_number(
	struct metrics *metrics, const struct metrics_label *labels, uint64_t value);

/* The same of a time, which is written in seconds. */
void metrics_nsec(struct metrics *metrics, const struct metrics_label *labels, uint64_t nsec);

/* The one sample of an info: what it says stands in its labels. */
void metrics_info(struct metrics *metrics, const struct metrics_label *labels);

/*
 * A histogram of nanoseconds as cumulative counts at the bounds from 100 us to 60 s, their sum and
 * their number. Nobody may write to it meanwhile: merge what others write (histogram_merge()).
 */
void metrics_histogram(struct metrics *metrics, const struct metrics_label *labels,
	const struct histogram *histogram);

/* The same of a histogram of things, at the powers of two from 16 to 16,384. */
void metrics_histogram_counts(struct metrics *metrics, const struct metrics_label *labels,
	const struct histogram *histogram);

/* Ends the text. Its length without the final NUL; it is whole only if that is below `size`. */
size_t metrics_finish(struct metrics *metrics);
