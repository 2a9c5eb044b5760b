// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/scrape.c: of each line of /metrics its name, the one label that matters, its value.
 *
 * What is not known here is passed over: a newer daemon says more. Samples that differ only in
 * labels that are not known here are added up.
 */
#include "pool/commands/scrape.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	const char *name, *labels; /* labels: behind the '{'; "" if there are none */
	size_t name_bytes;
	double value;
};

/* False: no sample. `line` has no newline. */
static bool sample_read(const char *line, struct sample *ret_sample)
{
	size_t name_bytes = strcspn(line, "{ ");
	const char *rest = line + name_bytes, *value;
	char *end;

	if (line[0] == '#' || !name_bytes || !*rest)
		return false;
	value = *rest == '{' ? strrchr(rest, '}') : rest;
	if (!value)
		return false;
	*ret_sample = (struct sample){ .name = line,
		.name_bytes = name_bytes,
		.labels = *rest == '{' ? rest + 1 : "",
		.value = strtod(value + 1, &end) };
	return end > value + 1;
}

static bool has_name(const struct sample *sample, const char *name)
{
	return strlen(name) == sample->name_bytes &&
	       memcmp(sample->name, name, sample->name_bytes) == 0;
}

/* A label's value as it stands there; false where there is none, or it does not fit. */
static bool label_find(const struct sample *sample, const char *name, char *buffer, size_t size)
{
	size_t name_bytes = strlen(name), used = 0;
	const char *at = sample->labels;

	while (*at && *at != '}') {
		bool is_it = strncmp(at, name, name_bytes) == 0 && at[name_bytes] == '=';

		at += strcspn(at, "\"");
		if (*at)
			at++;
		for (used = 0; *at && *at != '"'; at++) {
			if (*at == '\\' && at[1])
				at++;
			if (used < size)
				buffer[used++] = *at;
		}
		if (is_it && used < size) {
			buffer[used] = '\0';
			return true;
		}
		at += *at == '"';
		at += *at == ',';
	}
	return false;
}

static void verdict_add(struct scrape *scrape, const struct sample *sample)
{
	char name[sizeof(scrape->verdicts[0].name)];
	unsigned at = 0;

	if (!label_find(sample, "verdict", name, sizeof(name)))
		return;
	while (at < scrape->verdict_count && strcmp(scrape->verdicts[at].name, name) != 0)
		at++;
	if (at == SCRAPE_VERDICTS_MAX)
		return;
	if (at == scrape->verdict_count) {
		memcpy(scrape->verdicts[at].name, name, sizeof(name));
		scrape->verdicts[at].count = 0;
		scrape->verdict_count++;
	}
	scrape->verdicts[at].count += sample->value;
}

/* Bounds rise within a family, and are the same for every runtime. */
static void bucket_add(struct scrape *scrape, const struct sample *sample)
{
	char bound[32];
	unsigned at = 0;

	if (!label_find(sample, "le", bound, sizeof(bound)))
		return;
	/* "+Inf" is one that strtod(3) knows. */
	double seconds = strtod(bound, NULL);

	while (at < scrape->bucket_count && scrape->buckets[at].seconds != seconds)
		at++;
	if (at == SCRAPE_BUCKETS_MAX)
		return;
	if (at == scrape->bucket_count) {
		scrape->buckets[at].seconds = seconds;
		scrape->buckets[at].count = 0;
		scrape->bucket_count++;
	}
	scrape->buckets[at].count += sample->value;
}

static void sample_take(
	struct scrape *scrape, const struct sample *sample, bool *ret_has_executions)
{
	if (has_name(sample, "process_start_time_seconds")) {
		scrape->started = sample->value;
	} else if (has_name(sample, "corral_executions_started_total")) {
		scrape->executions += sample->value;
		*ret_has_executions = true;
	} else if (has_name(sample, "corral_executions_total")) {
		verdict_add(scrape, sample);
	} else if (has_name(sample, "corral_execution_duration_seconds_bucket")) {
		bucket_add(scrape, sample);
	}
}

int scrape_read(const char *text, struct scrape *ret_scrape, struct error *error)
{
	struct scrape scrape = { .started = 0 };
	bool has_executions = false;

	while (*text) {
		size_t size = strcspn(text, "\n");
		char line[512];
		struct sample sample;

		if (size < sizeof(line)) {
			memcpy(line, text, size);
			line[size] = '\0';
			if (sample_read(line, &sample))
				sample_take(&scrape, &sample, &has_executions);
		}
		text += size + (text[size] == '\n');
	}
	if (!has_executions || !scrape.verdict_count || !scrape.bucket_count)
		return error_set(error, -EBADMSG,
			"the daemon's metrics lack executions, verdicts or durations: it is of"
			" another version");
	*ret_scrape = scrape;
	return 0;
}

bool scrape_is_same_life(const struct scrape *before, const struct scrape *now)
{
	return before->started == now->started && now->executions >= before->executions;
}

double scrape_quantile(const struct scrape *before, const struct scrape *now, double fraction)
{
	unsigned count = now->bucket_count, at = 0;
	double passed = 0, low = 0, all, wanted;

	if (before->bucket_count != count || !count)
		return NAN;
	all = now->buckets[count - 1].count - before->buckets[count - 1].count;
	wanted = all * fraction;
	if (!(all > 0))
		return NAN;
	for (; at < count; at++) {
		double upto = now->buckets[at].count - before->buckets[at].count;
		double high = now->buckets[at].seconds;

		if (isinf(high))
			return low;
		if (upto >= wanted)
			return upto > passed ? low + (high - low) * (wanted - passed) /
							(upto - passed)
					     : high;
		passed = upto;
		low = high;
	}
	return low;
}

double scrape_rate(const struct scrape *before, const struct scrape *now, double count_before,
	double count_now)
{
	double seconds = (double)(now->when_nsec - before->when_nsec) / (double)NSEC_PER_SEC;

	return seconds > 0 ? (count_now - count_before) / seconds : 0;
}

double scrape_verdict(const struct scrape *scrape, const char *name)
{
	for (unsigned i = 0; i < scrape->verdict_count; i++)
		if (strcmp(scrape->verdicts[i].name, name) == 0)
			return scrape->verdicts[i].count;
	return 0;
}
