// SPDX-License-Identifier: Apache-2.0
/*
 * bench/noisy_neighbour.c: what does one tenant's flood do to another's latency?
 *
 *	noisy_neighbour [SECONDS [ROUNDS [WORKERS [one]]]]
 *
 * The victim submits print(1+1) 100 times a second, on the clock (open loop; latency from the
 * moment the clock named to `done`): alone, and beside each kind of flood of another tenant, which
 * keeps 200 executions outstanding (closed loop): short ones, burners of 1 s of CPU, writers of
 * output. The phases of SECONDS each are interleaved, ROUNDS times over. With `one` both are the
 * same tenant and no worker is reserved: what the pool would do if it told nobody from anybody.
 *
 * The victim's own clock runs before everything else (SCHED_FIFO): it stands for a client that is
 * not on this machine.
 */
#include "base/clock.h"
#include "bench/harness.h"

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VICTIM_NSEC (10 * NSEC_PER_MSEC)
#define VICTIMS_MAX 1024u /* outstanding; more than that is a pool that serves it no more */
#define FLOOD_OUTSTANDING 200u
#define WORKERS_STANDARD 64u
#define RESERVE_PART 8u

struct phase {
	const char *name, *code; /* of the flood; NULL: the victim is alone */
	struct histogram latency;
	uint64_t flood_done, nsec, victims, failed;
};

struct victim {
	struct execution execution;
	uint64_t due_nsec;
	bool busy; /* guarded by the lock */
};

static struct phase phases[] = {
	{ .name = "alone" },
	{ .name = "short", .code = "print(1+1)" },
	{ .name = "burners",
		.code = "import time\nwhile time.process_time() < 1: pass" },
	{ .name = "output", .code = "for i in range(16): print('x' * 65535)" },
};

#define PHASES (sizeof(phases) / sizeof(phases[0]))

static struct {
	struct pool *pool;
	struct phase *phase;
	uint64_t flood_tenant, victim_tenant;
	struct execution floods[FLOOD_OUTSTANDING];
	struct victim victims[VICTIMS_MAX];
	unsigned running; /* guarded by the lock, like what phases count */
	bool over;
	pthread_mutex_t lock;
	pthread_cond_t changed;
} bench = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void ended(void)
{
	if (--bench.running == 0)
		pthread_cond_signal(&bench.changed);
}

static void flood_submit(struct execution *execution);

static void flood_done(struct execution *execution)
{
	bool over;

	pthread_mutex_lock(&bench.lock);
	over = bench.over;
	if (!over)
		bench.phase->flood_done++;
	else
		ended();
	pthread_mutex_unlock(&bench.lock);
	if (!over)
		flood_submit(execution);
}

static void flood_submit(struct execution *execution)
{
	execution_init(execution);
	execution->tenant = bench.flood_tenant;
	execution->code = bench.phase->code;
	execution->code_bytes = strlen(bench.phase->code);
	limits_set(&execution->limits, LIMIT_OUTPUT, 4 << 20);
	limits_set(&execution->limits, LIMIT_TIMEOUT, 600 * NSEC_PER_SEC);
	execution->output = harness_output_ignored;
	execution->done = flood_done;
	if (pool_submit(bench.pool, execution) < 0)
		errx(1, "the pool takes no execution of the flood");
}

static void victim_done(struct execution *execution)
{
	struct victim *victim = execution->user;
	uint64_t taken = clock_now_nsec() - victim->due_nsec;

	pthread_mutex_lock(&bench.lock);
	histogram_add(&bench.phase->latency, taken);
	if (execution->result.verdict != VERDICT_OK)
		bench.phase->failed++;
	victim->busy = false;
	ended();
	pthread_mutex_unlock(&bench.lock);
}

static void victim_submit(uint64_t due_nsec)
{
	struct victim *victim = NULL;

	pthread_mutex_lock(&bench.lock);
	for (unsigned i = 0; i < VICTIMS_MAX && !victim; i++)
		if (!bench.victims[i].busy)
			victim = &bench.victims[i];
	if (victim) {
		victim->busy = true;
		bench.running++;
		bench.phase->victims++;
	}
	pthread_mutex_unlock(&bench.lock);
	if (!victim)
		errx(1, "%u executions of the victim wait", VICTIMS_MAX);
	execution_init(&victim->execution);
	victim->due_nsec = due_nsec;
	victim->execution.tenant = bench.victim_tenant;
	victim->execution.code = "print(1+1)";
	victim->execution.code_bytes = 10;
	victim->execution.output = harness_output_ignored;
	victim->execution.done = victim_done;
	victim->execution.user = victim;
	if (pool_submit(bench.pool, &victim->execution) < 0)
		errx(1, "the pool takes no execution of the victim");
}

/* Everything of this phase has been answered: what still ran of the flood is cancelled. */
static void phase_end(void)
{
	pthread_mutex_lock(&bench.lock);
	bench.over = true;
	pthread_mutex_unlock(&bench.lock);
	if (bench.phase->code)
		for (unsigned i = 0; i < FLOOD_OUTSTANDING; i++)
			pool_cancel(bench.pool, &bench.floods[i]);
	pthread_mutex_lock(&bench.lock);
	while (bench.running)
		pthread_cond_wait(&bench.changed, &bench.lock);
	pthread_mutex_unlock(&bench.lock);
}

static void phase_run(struct phase *phase, unsigned seconds, unsigned workers)
{
	uint64_t begin, end;

	harness_pool_fill(bench.pool, workers);
	bench.phase = phase;
	bench.over = false;
	bench.running = phase->code ? FLOOD_OUTSTANDING : 0;
	for (unsigned i = 0; phase->code && i < FLOOD_OUTSTANDING; i++)
		flood_submit(&bench.floods[i]);
	begin = clock_now_nsec();
	end = begin + seconds * NSEC_PER_SEC;
	for (uint64_t due = begin + VICTIM_NSEC; due < end; due += VICTIM_NSEC) {
		clock_wait_until(due);
		victim_submit(due);
	}
	clock_wait_until(end);
	phase->nsec += clock_now_nsec() - begin;
	phase_end();
}

static struct pool *pool_open(unsigned workers, bool one)
{
	struct pool_config config;

	pool_config_init(&config);
	config.workers = workers;
	config.reserve = one ? 0 : workers / RESERVE_PART;
	return harness_pool_open(&config);
}

static void phase_print(const struct phase *phase)
{
	double p99 = (double)histogram_quantile(&phase->latency, 0.99);

	harness_json_quantiles(phase->name, &phase->latency);
	if (!phase->code)
		return;
	printf(",\"%s_ratio_p99\":%.2f,\"%s_flood_per_second\":%.1f", phase->name,
		p99 / (double)histogram_quantile(&phases[0].latency, 0.99), phase->name,
		(double)phase->flood_done * 1e9 / (double)phase->nsec);
}

int main(int argc, char **argv)
{
	unsigned seconds = harness_number(argc, argv, 1, 5, 1, 3600);
	unsigned rounds = harness_number(argc, argv, 2, 3, 1, 1000);
	unsigned workers = harness_number(argc, argv, 3, WORKERS_STANDARD, 1, POOL_WORKERS_MAX);
	bool one = argc > 4 && strcmp(argv[4], "one") == 0;
	struct sched_param first = { .sched_priority = 1 };
	uint64_t failed = 0;

	harness_json_begin("noisy_neighbour");
	bench.pool = pool_open(workers, one);
	bench.victim_tenant = 1;
	bench.flood_tenant = one ? 1 : 2;
	/* After the pool's threads, which would inherit it. */
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		warn("the victim's clock runs among the others");
	for (size_t i = 0; i < PHASES; i++)
		histogram_init(&phases[i].latency);
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < PHASES; i++)
			phase_run(&phases[i], seconds, workers);
	pool_stop(bench.pool);
	printf(",\"workers\":%u,\"tenants\":%u,\"seconds\":%u,\"rounds\":%u", workers,
		one ? 1 : 2, seconds, rounds);
	for (size_t i = 0; i < PHASES; i++) {
		phase_print(&phases[i]);
		failed += phases[i].failed;
	}
	printf(",\"failed\":%llu}\n", (unsigned long long)failed);
	return failed ? 1 : 0;
}
