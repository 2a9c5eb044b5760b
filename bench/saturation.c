// SPDX-License-Identifier: Apache-2.0
/*
 * bench/saturation.c: does a pool that is offered twice what it can do keep what it promised?
 *
 *	saturation [SECONDS [WORKERS]]
 *
 * First what it can do: a closed loop of four streams a CPU, for a tenth of the time. Then an open
 * loop at twice that for SECONDS (60), by a clock that runs before everything else (SCHED_FIFO).
 * Each execution is to begin within QUEUE_NSEC_MAX and to end within its timeout; a tenant's queue
 * is short enough for that. What is admitted must be answered in both; what is not must be refused
 * at once (latency from the moment the clock named). What the process holds is read when a tenth is
 * over and at the end. Exit code 1 if a promise was broken, or more than RSS_BYTES_SLACK was kept.
 */
#include "base/clock.h"
#include "bench/harness.h"

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 10u
#define WORKERS_STANDARD 64u
#define QUEUE_MAX 64u
#define STREAMS 8u
#define OUTSTANDING_MAX 4096u
#define QUEUE_NSEC_MAX (2 * NSEC_PER_SEC)
#define TIMEOUT_NSEC (5 * NSEC_PER_SEC)
#define LATE_NSEC_SLACK (200 * NSEC_PER_MSEC) /* of timers on a machine that is full */
#define RSS_BYTES_SLACK (UINT64_C(1) << 20)

struct request {
	struct execution execution;
	struct list node; /* among the free */
	uint64_t due_nsec;
};

/* All but the pool is guarded by the lock. */
static struct {
	struct pool *pool;
	struct request requests[OUTSTANDING_MAX];
	struct list free;
	unsigned running;
	uint64_t submitted, done, refused, late, broken;
	uint64_t closed_until_nsec; /* 0: open loop */
	struct histogram admitted, refusals;
	pthread_mutex_t lock;
	pthread_cond_t changed;
} bench = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static bool request_submit(uint64_t due_nsec);

static void count(const struct request *request, uint64_t now)
{
	const struct result *result = &request->execution.result;
	uint64_t waited = result->usage.queue_usec * NSEC_PER_USEC;

	if (result->verdict == VERDICT_REJECTED && waited < QUEUE_NSEC_MAX) {
		bench.refused++;
		histogram_add(&bench.refusals, now - request->due_nsec);
		return;
	}
	bench.done++;
	histogram_add(&bench.admitted, now - request->due_nsec);
	/* One that waited in vain is told so at its deadline: late, but not broken. */
	if (result->verdict == VERDICT_REJECTED)
		bench.late++;
	if (waited > QUEUE_NSEC_MAX + LATE_NSEC_SLACK ||
	    (result->verdict != VERDICT_REJECTED && result->verdict != VERDICT_OK) ||
	    result->usage.wall_usec * NSEC_PER_USEC > TIMEOUT_NSEC + LATE_NSEC_SLACK)
		bench.broken++;
}

static void request_done(struct execution *execution)
{
	struct request *request = execution->user;
	uint64_t now = clock_now_nsec();
	bool again;

	pthread_mutex_lock(&bench.lock);
	count(request, now);
	again = now < bench.closed_until_nsec;
	list_append(&bench.free, &request->node);
	if (--bench.running == 0)
		pthread_cond_signal(&bench.changed);
	pthread_mutex_unlock(&bench.lock);
	if (again)
		request_submit(now);
}

/* False when more is outstanding than a pool with bounded queues can hold. */
static bool request_submit(uint64_t due_nsec)
{
	struct request *request = NULL;
	struct list *node;

	pthread_mutex_lock(&bench.lock);
	node = list_pop(&bench.free);
	if (node) {
		request = list_owner(node, struct request, node);
		bench.running++;
		bench.submitted++;
	}
	pthread_mutex_unlock(&bench.lock);
	if (!request)
		return false;
	execution_init(&request->execution);
	request->due_nsec = due_nsec;
	request->execution.code = "print(1+1)";
	request->execution.code_bytes = 10;
	request->execution.queue_nsec_max = QUEUE_NSEC_MAX;
	limits_set(&request->execution.limits, LIMIT_TIMEOUT, TIMEOUT_NSEC);
	request->execution.output = harness_output_ignored;
	request->execution.done = request_done;
	request->execution.user = request;
	if (pool_submit(bench.pool, &request->execution) < 0)
		errx(1, "the pool takes no execution");
	return true;
}

static void all_await(void)
{
	pthread_mutex_lock(&bench.lock);
	while (bench.running)
		pthread_cond_wait(&bench.changed, &bench.lock);
	pthread_mutex_unlock(&bench.lock);
}

/* Executions a second. */
static double capacity_measure(uint64_t nsec)
{
	uint64_t begin = clock_now_nsec();
	double rate;

	bench.closed_until_nsec = begin + nsec;
	for (unsigned i = 0; i < STREAMS; i++)
		request_submit(begin);
	all_await();
	rate = (double)bench.done * 1e9 / (double)(clock_now_nsec() - begin);
	bench.closed_until_nsec = 0;
	bench.submitted = bench.done = bench.refused = bench.late = bench.broken = 0;
	histogram_init(&bench.admitted);
	histogram_init(&bench.refusals);
	return rate;
}

/* Returns what the process held when a tenth was over. */
static uint64_t overload(double rate, uint64_t nsec)
{
	uint64_t begin = clock_now_nsec(), rss = 0;

	for (uint64_t i = 0;; i++) {
		uint64_t due = begin + (uint64_t)((double)i * 1e9 / rate);

		if (due >= begin + nsec)
			return rss;
		if (!rss && due >= begin + nsec / PARTS)
			rss = harness_rss_bytes();
		clock_wait_until(due);
		if (!request_submit(due))
			errx(1, "%u executions wait: the queue has no bound", OUTSTANDING_MAX);
	}
}

static struct pool *pool_open(unsigned workers)
{
	struct pool_config config;

	pool_config_init(&config);
	config.workers = workers;
	config.queue_max = QUEUE_MAX;
	return harness_pool_open(&config);
}

int main(int argc, char **argv)
{
	unsigned seconds = harness_number(argc, argv, 1, 60, 1, 36000);
	unsigned workers = harness_number(argc, argv, 2, WORKERS_STANDARD, 1, POOL_WORKERS_MAX);
	uint64_t nsec = seconds * NSEC_PER_SEC, rss_before, rss_after;
	struct sched_param first = { .sched_priority = 1 };
	double capacity;

	harness_json_begin("saturation");
	list_init(&bench.free);
	for (unsigned i = 0; i < OUTSTANDING_MAX; i++)
		list_append(&bench.free, &bench.requests[i].node);
	bench.pool = pool_open(workers);
	/* After the pool's threads, which would inherit it. */
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		warn("the clock runs among the others");
	capacity = capacity_measure(nsec / PARTS);
	rss_before = overload(2 * capacity, nsec);
	rss_after = harness_rss_bytes();
	all_await();
	pool_stop(bench.pool);
	printf(",\"workers\":%u,\"seconds\":%u,\"capacity_per_second\":%.1f,\"offered\":%llu,"
		"\"admitted\":%llu,\"refused\":%llu,\"ended_by_queue_deadline\":%llu,"
		"\"broken\":%llu,\"rss_bytes\":[%llu,%llu]", workers, seconds, capacity,
		(unsigned long long)bench.submitted, (unsigned long long)bench.done,
		(unsigned long long)bench.refused, (unsigned long long)bench.late,
		(unsigned long long)bench.broken, (unsigned long long)rss_before,
		(unsigned long long)rss_after);
	harness_json_quantiles("admitted_usec", &bench.admitted);
	harness_json_quantiles("refusal_usec", &bench.refusals);
	printf("}\n");
	return bench.broken || rss_after > rss_before + RSS_BYTES_SLACK ? 1 : 0;
}
