// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench_report.c: the figures of a bench: a table for people, a line of JSON for
 * programs.
 */
#include "base/clock.h"
#include "base/own.h"
#include "base/quantity.h"
#include "pool/commands/bench.h"
#include "pool/report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

static void status_ask(const struct bench *bench, struct pool_status *ret_status)
{
	if (bench->pool)
		pool_status(bench->pool, ret_status);
	else
		*ret_status = bench->daemon;
}

static double elapsed_seconds(const struct bench *bench)
{
	return (double)(bench->end_nsec - bench->begin_nsec) / 1e9;
}

static const char *quantile(
	const struct bench_tally *tally, double fraction, char *buffer, size_t size)
{
	return quantity_print_duration(histogram_quantile(&tally->latency, fraction), buffer, size);
}

static void verdicts_print(const struct bench_tally *tally)
{
	char name[32];

	for (unsigned v = 0; v < BENCH_VERDICTS; v++)
		if (tally->verdicts[v])
			printf(" %s %" PRIu64, bench_verdict_name(v, name, sizeof(name)),
				tally->verdicts[v]);
}

static void line_print(const struct bench *bench, const char *name, const struct bench_tally *tally)
{
	char p50[24], p90[24], p99[24];

	printf("%-28s %8" PRIu64 " %8.1f/s  %9s %9s %9s ", name, tally->executions,
		(double)tally->executions / elapsed_seconds(bench),
		quantile(tally, 0.5, p50, sizeof(p50)), quantile(tally, 0.9, p90, sizeof(p90)),
		quantile(tally, 0.99, p99, sizeof(p99)));
	verdicts_print(tally);
	if (tally->errors)
		printf("  %" PRIu64 " UNEXPECTED", tally->errors);
	printf("\n");
}

static void pool_print(const struct bench *bench)
{
	struct pool_status status;

	status_ask(bench, &status);
	printf("\npool: %u workers on %u CPUs: %u idle, %u busy, %u resetting, %u dead; "
	       "%" PRIu64 " executions, %" PRIu64 " births, %" PRIu64 " failed births, %" PRIu64
	       " rewinds, %" PRIu64 " failed rewinds, %" PRIu64 " mismatches, %" PRIu64
	       " template restarts\n",
		status.total, status.shards, status.idle, status.busy, status.resetting,
		status.dead, status.executions, status.births, status.birth_failures,
		status.rewinds, status.rewind_failures, status.rewind_mismatches,
		status.template_restarts);
	if (status.last_failure[0])
		printf("last failure: %s\n", status.last_failure);
	printf("layers:\n");
	for (int i = 0; i < LAYER_COUNT; i++)
		printf("  %-12s %-9s %s\n", layer_name(i), layer_state_name(status.layers[i].state),
			status.layers[i].detail);
}

void bench_report_people(const struct bench *bench)
{
	static struct bench_tally tally;

	printf("%-28s %8s %10s  %9s %9s %9s  %s\n", "program", "runs", "rate", "p50", "p90", "p99",
		"verdicts");
	for (unsigned i = 0; bench->options.programs && i < bench->program_count; i++) {
		bench_tally_sum(bench, (int)i, &tally);
		line_print(bench, bench->programs[i].name, &tally);
	}
	bench_tally_sum(bench, -1, &tally);
	line_print(bench, bench->options.programs ? "all" : "code", &tally);
	if (bench->refused)
		printf("%" PRIu64 " submissions found every queue full, or no free connection\n",
			bench->refused);
	pool_print(bench);
}

void bench_report_json(const struct bench *bench)
{
	static struct bench_tally tally;
	static const struct {
		const char *name;
		double fraction;
	} quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 },
		{ "max", 1 } };
	cJSON *object = cJSON_CreateObject();
	struct pool_status status;
	char name[32];

	status_ask(bench, &status);
	bench_tally_sum(bench, -1, &tally);
	cJSON_AddNumberToObject(object, "executions", (double)tally.executions);
	cJSON_AddNumberToObject(object, "errors", (double)(tally.errors + bench->refused));
	cJSON *verdicts = cJSON_AddObjectToObject(object, "verdicts");

	for (unsigned v = 0; v < BENCH_VERDICTS; v++)
		if (tally.verdicts[v])
			cJSON_AddNumberToObject(verdicts, bench_verdict_name(v, name, sizeof(name)),
				(double)tally.verdicts[v]);
	cJSON_AddNumberToObject(
		object, "per_second", (double)tally.executions / elapsed_seconds(bench));
	cJSON *latency = cJSON_AddObjectToObject(object, "latency_usec");

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		cJSON_AddNumberToObject(latency, quantiles[i].name,
			(double)histogram_quantile(&tally.latency, quantiles[i].fraction) / 1e3);
	cJSON_AddNumberToObject(object, "workers", status.total);
	/* An open loop has no streams. */
	cJSON_AddNumberToObject(
		object, "streams", bench->options.rate > 0 ? 0 : bench->options.streams);
	cJSON *reset = cJSON_AddObjectToObject(object, "reset");

	cJSON_AddNumberToObject(reset, "rewound", (double)tally.rewound);
	cJSON_AddNumberToObject(
		reset, "replaced", (double)(tally.executions - tally.rewound));
	report_layers(cJSON_AddObjectToObject(object, "layers"), &status);
	AUTO_FREE char *text = cJSON_PrintUnformatted(object);

	printf("%s\n", text ? text : "{}");
	cJSON_Delete(object);
}
