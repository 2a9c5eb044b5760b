// SPDX-License-Identifier: Apache-2.0
/*
 * bench/timeout_lateness.c: how late does an endless program end, when many of them run at once?
 *
 *	timeout_lateness [SECONDS [PROGRAMS]]
 *
 * Rounds of PROGRAMS executions of `while True: pass`, all at one time, with timeouts spread evenly
 * over 500 to 1,500 ms by a fixed seed. Lateness from the deadline (result.due_nsec): until the
 * shard noticed (result.ended_nsec), and until the caller was told (`done`).
 */
#include "base/clock.h"
#include "bench/harness.h"

#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAMS_STANDARD 200u
#define PROGRAMS_MAX 2000u
#define CODE "while True:\n    pass\n"
#define TIMEOUT_NSEC_MIN (500 * NSEC_PER_MSEC)
#define TIMEOUT_NSEC_SPREAD (1000 * NSEC_PER_MSEC)
#define SEED 20

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned running;
	struct histogram noticed, told;
	unsigned long long executions, early, others; /* others: ended not by their timeout */
} tally = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void program_done(struct execution *execution)
{
	const struct result *result = &execution->result;
	uint64_t now = clock_now_nsec();

	pthread_mutex_lock(&tally.lock);
	tally.executions++;
	if (result->verdict != VERDICT_TIMEOUT) {
		tally.others++;
	} else if (result->ended_nsec < result->due_nsec) {
		tally.early++;
	} else {
		histogram_add(&tally.noticed, result->ended_nsec - result->due_nsec);
		histogram_add(&tally.told, now - result->due_nsec);
	}
	if (--tally.running == 0)
		pthread_cond_signal(&tally.changed);
	pthread_mutex_unlock(&tally.lock);
}

static void round_run(struct pool *pool, struct execution *executions, unsigned count)
{
	tally.running = count;
	for (unsigned i = 0; i < count; i++) {
		struct execution *execution = &executions[i];
		uint64_t spread = (uint64_t)(drand48() * (double)TIMEOUT_NSEC_SPREAD);

		execution_init(execution);
		execution->code = CODE;
		execution->code_bytes = strlen(CODE);
		execution->output = harness_output_ignored;
		execution->done = program_done;
		limits_set(&execution->limits, LIMIT_TIMEOUT, TIMEOUT_NSEC_MIN + spread);
		if (pool_submit(pool, execution) < 0)
			errx(1, "the pool takes no execution");
	}
	pthread_mutex_lock(&tally.lock);
	while (tally.running)
		pthread_cond_wait(&tally.changed, &tally.lock);
	pthread_mutex_unlock(&tally.lock);
}

int main(int argc, char **argv)
{
	unsigned seconds = harness_number(argc, argv, 1, 10, 1, 3600);
	unsigned programs = harness_number(argc, argv, 2, PROGRAMS_STANDARD, 1, PROGRAMS_MAX);
	struct execution *executions = calloc(programs, sizeof(*executions));
	uint64_t end = clock_now_nsec() + seconds * NSEC_PER_SEC;
	struct pool *pool;

	if (!executions)
		errx(1, "no memory for %u executions", programs);
	harness_json_begin("timeout_lateness");
	histogram_init(&tally.noticed);
	histogram_init(&tally.told);
	srand48(SEED);
	pool = harness_pool_start(programs);
	do {
		round_run(pool, executions, programs);
		harness_pool_fill(pool, programs);
	} while (clock_now_nsec() < end);
	pool_stop(pool);
	free(executions);
	printf(",\"programs\":%u,\"executions\":%llu,\"early\":%llu,\"other_verdicts\":%llu",
		programs, tally.executions, tally.early, tally.others);
	harness_json_quantiles("noticed_usec", &tally.noticed);
	harness_json_quantiles("told_usec", &tally.told);
	printf("}\n");
	return tally.early || tally.others ? 1 : 0;
}
