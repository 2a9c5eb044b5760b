// SPDX-License-Identifier: Apache-2.0
/*
 * bench/soak.c: does anything pile up, execution after execution?
 *
 *	soak [EXECUTIONS [ordinary|all|quick [replace|auto|rewind]]]
 *
 * Runs the programs of bench/programs/python in turn, 100,000 of them, two at a time a CPU: the
 * ordinary ones; with `all` the hostile ones too, under their limits; with `quick` those of the
 * ordinary ones that took less than most while the pool warmed up. What the daemon and the kernel
 * hold is counted four times: before the pool, when the pool has warmed up (the first 5 %), at the
 * end with all workers idle again, and when the pool is gone. Exit code 1 if the last two show more
 * than the first two. Latencies from submission to the end, of the first quarter and of the last,
 * tell whether it gets slower.
 */
#include "base/clock.h"
#include "bench/census.h"
#include "bench/harness.h"
#include "pool/commands/bench.h"

#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAMS "bench/programs/python"
#define STREAMS_PER_CPU 2u
#define WARM_PART 20u

struct latency_sum {
	uint64_t nsec, count;
};

static struct {
	struct bench bench;
	struct bench_program *chosen[BENCH_PROGRAMS_MAX];
	unsigned chosen_count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct latency_sum spent[BENCH_PROGRAMS_MAX]; /* by the programs that were loaded */
	struct histogram first, last; /* quarters of the executions that count */
	uint64_t ended, counted;      /* of them; how many there will be, 0 while it warms up */
	uint64_t left; /* to be submitted */
	unsigned running;
	unsigned long long executions, unexpected;
	char surprise[128]; /* the last unexpected one: its name and verdict */
} soak = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static bool program_submit(struct execution *execution);

static void latency_note(const struct execution *execution, const struct bench_program *program)
{
	uint64_t nsec = execution->result.ended_nsec - execution->submitted_nsec;
	struct latency_sum *spent = &soak.spent[program - soak.bench.programs];

	spent->nsec += nsec;
	spent->count++;
	if (!soak.counted)
		return;
	if (soak.ended < soak.counted / 4)
		histogram_add(&soak.first, nsec);
	else if (soak.ended >= soak.counted - soak.counted / 4)
		histogram_add(&soak.last, nsec);
	soak.ended++;
}

static void program_done(struct execution *execution)
{
	const struct bench_program *program = execution->user;
	char verdict[32];

	verdict_name(&execution->result, verdict, sizeof(verdict));
	pthread_mutex_lock(&soak.lock);
	soak.executions++;
	latency_note(execution, program);
	if (strcmp(verdict, program->expected) != 0) {
		soak.unexpected++;
		snprintf(soak.surprise, sizeof(soak.surprise), "%s: %s", program->name, verdict);
	}
	pthread_mutex_unlock(&soak.lock);
	if (program_submit(execution))
		return;
	pthread_mutex_lock(&soak.lock);
	if (--soak.running == 0)
		pthread_cond_signal(&soak.changed);
	pthread_mutex_unlock(&soak.lock);
}

/* False when all that were wanted are under way. */
static bool program_submit(struct execution *execution)
{
	struct bench_program *program = NULL;

	pthread_mutex_lock(&soak.lock);
	if (soak.left)
		program = soak.chosen[soak.left-- % soak.chosen_count];
	pthread_mutex_unlock(&soak.lock);
	if (!program)
		return false;
	execution_init(execution);
	execution->code = program->code;
	execution->code_bytes = program->code_bytes;
	execution->limits = program->limits;
	execution->output = harness_output_ignored;
	execution->done = program_done;
	execution->user = program;
	if (pool_submit(soak.bench.pool, execution) < 0)
		errx(1, "the pool takes no execution");
	return true;
}

static void executions_run(struct execution *executions, unsigned streams, uint64_t count)
{
	soak.left = count;
	soak.running = streams;
	for (unsigned i = 0; i < streams; i++)
		if (!program_submit(&executions[i])) {
			pthread_mutex_lock(&soak.lock);
			soak.running--;
			pthread_mutex_unlock(&soak.lock);
		}
	pthread_mutex_lock(&soak.lock);
	while (soak.running)
		pthread_cond_wait(&soak.changed, &soak.lock);
	pthread_mutex_unlock(&soak.lock);
}

/* Hostile ones are meant to hit a limit, and take long to do so. */
static void programs_choose(bool all)
{
	struct error error;

	soak.bench.options.programs = PROGRAMS;
	limits_init(&soak.bench.options.config.limits);
	if (bench_programs_load(&soak.bench, &error) < 0)
		errx(1, "%s", error.sentence);
	for (unsigned i = 0; i < soak.bench.program_count; i++) {
		struct bench_program *program = &soak.bench.programs[i];

		if (all ||
			(!strstr(program->expected, "limit") &&
				!strstr(program->expected, "timeout")))
			soak.chosen[soak.chosen_count++] = program;
	}
}

static uint64_t mean_of(const struct bench_program *program)
{
	const struct latency_sum *spent = &soak.spent[program - soak.bench.programs];

	return spent->count ? spent->nsec / spent->count : UINT64_MAX;
}

static int by_mean(const void *left, const void *right)
{
	uint64_t a = mean_of(*(struct bench_program *const *)left);
	uint64_t b = mean_of(*(struct bench_program *const *)right);

	return (a > b) - (a < b);
}

static void quick_ones_keep(void)
{
	qsort(soak.chosen, soak.chosen_count, sizeof(soak.chosen[0]), by_mean);
	soak.chosen_count = (soak.chosen_count + 1) / 2;
}

static void pool_begin(const char *policy, unsigned workers)
{
	struct pool_config config;

	pool_config_init(&config);
	config.workers = workers;
	if (policy && reset_policy_parse(policy, &config.reset) < 0)
		errx(1, "the policy is not '%s': give " RESET_POLICY_FORM, policy);
	soak.bench.pool = harness_pool_open(&config);
	harness_pool_fill(soak.bench.pool, workers);
}

static double drift(void)
{
	double first = (double)histogram_quantile(&soak.first, 0.99);

	return first > 0 ? (double)histogram_quantile(&soak.last, 0.99) / first : 0;
}

int main(int argc, char **argv)
{
	unsigned count = harness_number(argc, argv, 1, 100000, 100, 1u << 30);
	unsigned streams = STREAMS_PER_CPU * (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	unsigned workers = 8 * streams;
	struct execution *executions = calloc(streams, sizeof(*executions));
	struct census before, warm, end, after;

	harness_json_begin("soak");
	programs_choose(argc > 2 && strcmp(argv[2], "all") == 0);
	before = census_take();
	pool_begin(argc > 3 ? argv[3] : NULL, workers);
	histogram_init(&soak.first);
	histogram_init(&soak.last);
	executions_run(executions, streams, count / WARM_PART);
	harness_pool_fill(soak.bench.pool, workers);
	if (argc > 2 && strcmp(argv[2], "quick") == 0)
		quick_ones_keep();
	soak.counted = count - count / WARM_PART;
	warm = census_take();
	/* A slot that has run nothing yet still gets its memory group. */
	warm.groups += workers;
	/* One that was rewound keeps its pipes. */
	warm.descriptors += 2 * workers;
	uint64_t begin = clock_now_nsec();

	executions_run(executions, streams, count - count / WARM_PART);
	double seconds = (double)(clock_now_nsec() - begin) / 1e9;

	harness_pool_fill(soak.bench.pool, workers);
	end = census_take();
	pool_stop(soak.bench.pool);
	after = census_take();
	bool flat = census_is_flat(&warm, &end);
	bool clean = after.descriptors <= before.descriptors && after.mounts <= before.mounts &&
		!after.children && !after.groups;

	printf(",\"programs\":%u,\"executions\":%llu,\"unexpected\":%llu,\"surprise\":\"%s\","
	       "\"per_second\":%.0f,\"p99_drift\":%.3f,\"flat\":%s,\"clean\":%s",
		soak.chosen_count, soak.executions, soak.unexpected, soak.surprise,
		(count - count / WARM_PART) / seconds, drift(), flat ? "true" : "false",
		clean ? "true" : "false");
	harness_json_quantiles("first_quarter", &soak.first);
	harness_json_quantiles("last_quarter", &soak.last);
	census_print("before", &before);
	census_print("warm", &warm);
	census_print("end", &end);
	census_print("after", &after);
	printf("}\n");
	free(executions);
	return flat && clean && !soak.unexpected ? 0 : 1;
}
