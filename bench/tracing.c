// SPDX-License-Identifier: Apache-2.0
/*
 * bench/tracing.c: what do footprints cost those whom they watch?
 *
 *	tracing [SECONDS [ROUNDS]]
 *
 * A pool with them and one without, in turn, for SECONDS each, ROUNDS times (the programs are the
 * machine's, so the two cannot stand at one time). Two questions to each: how many executions of
 * print(1+1), one stream; and how long a program takes that does nothing but ask the kernel: 10,000
 * stats and opens. Medians over the rounds, and their ratios.
 */
#include "base/clock.h"
#include "bench/harness.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 100u
#define WORKERS 32u
#define SHORT "print(1+1)"
#define CALLING                                                                                   \
	"import os\n"                                                                             \
	"for i in range(5000):\n"                                                                 \
	"    os.stat('/usr')\n"                                                                   \
	"    os.close(os.open('/dev/null', 0))\n"

enum with { WITH, WITHOUT, WITH_COUNT };

static struct {
	double per_second[WITH_COUNT][ROUNDS_MAX];
	double calling_usec[WITH_COUNT][ROUNDS_MAX];
} figures;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* By the clock, from dispatch on. */
static double calling_run(struct pool *pool)
{
	struct execution execution;

	execution_init(&execution);
	execution.code = CALLING;
	execution.code_bytes = strlen(CALLING);
	execution.output = harness_output_ignored;
	harness_run(pool, &execution);
	if (execution.result.verdict != VERDICT_OK)
		errx(1, "the calling program did not end well");
	return (double)execution.result.usage.wall_usec;
}

static void side_measure(enum with with, unsigned round, unsigned seconds)
{
	struct harness_latency latency;
	struct pool_config config;
	struct pool *pool;
	double calling[9];

	pool_config_init(&config);
	config.workers = WORKERS;
	/* Without footprints nobody is rewound. */
	config.reset = RESET_REPLACE;
	config.without_bpf = with == WITHOUT;
	pool = harness_pool_open(&config);
	if (with == WITH) {
		struct pool_status status;

		pool_status(pool, &status);
		if (status.layers[LAYER_BPF_TRACING].state != LAYER_ENFORCED)
			errx(1, "there are no footprints on this machine: %s",
				status.layers[LAYER_BPF_TRACING].detail);
	}
	harness_stream(pool, SHORT, seconds, &latency);
	figures.per_second[with][round] =
		(double)histogram_count_to(&latency.all, UINT64_MAX) / seconds;
	for (unsigned i = 0; i < 9; i++)
		calling[i] = calling_run(pool);
	figures.calling_usec[with][round] = median(calling, 9);
	pool_stop(pool);
}

int main(int argc, char **argv)
{
	unsigned seconds = harness_number(argc, argv, 1, 3, 1, 3600);
	unsigned rounds = harness_number(argc, argv, 2, 5, 1, ROUNDS_MAX);
	double per_second[WITH_COUNT], calling_usec[WITH_COUNT];

	harness_json_begin("tracing");
	for (unsigned round = 0; round < rounds; round++)
		for (enum with k = 0; k < WITH_COUNT; k++)
			side_measure(round % 2 ? WITHOUT - k : k, round, seconds);
	for (enum with k = 0; k < WITH_COUNT; k++) {
		per_second[k] = median(figures.per_second[k], rounds);
		calling_usec[k] = median(figures.calling_usec[k], rounds);
	}
	printf(",\"rounds\":%u,\"per_second\":%.0f,\"per_second_without\":%.0f,\"ratio\":%.3f"
	       ",\"calling_usec\":%.0f,\"calling_usec_without\":%.0f,\"calling_ratio\":%.3f}\n",
		rounds, per_second[WITH], per_second[WITHOUT],
		per_second[WITH] / per_second[WITHOUT], calling_usec[WITH],
		calling_usec[WITHOUT], calling_usec[WITH] / calling_usec[WITHOUT]);
	return 0;
}
