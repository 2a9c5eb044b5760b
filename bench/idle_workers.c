// SPDX-License-Identifier: Apache-2.0
/*
 * bench/idle_workers.c: what does an idle worker cost, and does a crowd slow a one-shot?
 *
 *	idle_workers [WORKERS [SECONDS]]
 *
 * Two pools, one after the other: 100 workers, and WORKERS of them. And, as a yardstick of what a
 * crowd of that many processes costs on this kernel whoever made it, 100 workers again beside so
 * many plain forks of this program, which wait for a signal. Cost: what MemAvailable lost
 * between before the pool and the full, settled pool, so that kernel memory counts; divided by the
 * workers. The machine must be quiet: what others take meanwhile counts too. Latency: a closed loop
 * of one stream, `print(1+1)`, from submission to answer; and beside it that of the executions in
 * which the kernel's DAMON did not run (harness.h).
 */
#include "bench/harness.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CROWD_SMALL 100u
#define CROWD_STANDARD 5000u
#define CODE "print(1+1)"

struct crowd {
	unsigned workers;
	uint64_t bytes_before, bytes_after;
	uint64_t rss_bytes; /* of the daemon's part, which is this process */
	struct harness_latency latency;
};

static void crowd_measure(struct crowd *crowd, unsigned workers, unsigned seconds)
{
	struct pool *pool;

	crowd->workers = workers;
	crowd->bytes_before = harness_available_bytes();
	pool = harness_pool_start(workers);
	crowd->bytes_after = harness_available_bytes();
	crowd->rss_bytes = harness_rss_bytes();
	harness_stream(pool, CODE, seconds, &crowd->latency);
	pool_stop(pool);
}

/* Two processes a worker, as in a pool. */
static void bystanders_start(pid_t *pids, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			err(1, "cannot fork bystander %u", i);
		if (pids[i] > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void bystanders_end(const pid_t *pids, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < count; i++)
		waitpid(pids[i], NULL, 0);
}

static void bystanders_measure(struct crowd *crowd, unsigned workers, unsigned seconds)
{
	unsigned count = workers > CROWD_SMALL ? 2 * (workers - CROWD_SMALL) : 0;
	pid_t *pids = calloc(count ? count : 1, sizeof(*pids));

	if (!pids)
		err(1, "no memory for %u bystanders", count);
	bystanders_start(pids, count);
	crowd_measure(crowd, CROWD_SMALL, seconds);
	bystanders_end(pids, count);
	free(pids);
}

static double bytes_each(const struct crowd *crowd)
{
	return ((double)crowd->bytes_before - (double)crowd->bytes_after) / crowd->workers;
}

static void crowd_print(const char *name, const struct crowd *crowd)
{
	printf(",\"%s\":{\"workers\":%u,\"kib_each\":%.0f,\"daemon_rss_mib\":%.1f,"
	       "\"executions\":%llu",
		name, crowd->workers, bytes_each(crowd) / 1024,
		(double)crowd->rss_bytes / (1 << 20), (unsigned long long)crowd->latency.all.count);
	harness_json_quantiles("latency_usec", &crowd->latency.all);
	harness_json_quantiles("undisturbed_usec", &crowd->latency.undisturbed);
	printf(",\"undisturbed\":%llu,\"damon_msec\":%.1f,\"steal_msec\":%.0f}",
		(unsigned long long)crowd->latency.undisturbed.count,
		(double)crowd->latency.scanner_nsec / 1e6,
		(double)crowd->latency.steal_nsec / 1e6);
}

static double ratio(const struct histogram *many, const struct histogram *few, double quantile)
{
	return (double)histogram_quantile(many, quantile) /
	       (double)histogram_quantile(few, quantile);
}

int main(int argc, char **argv)
{
	unsigned workers = harness_number(argc, argv, 1, CROWD_STANDARD, 1, POOL_WORKERS_MAX);
	unsigned seconds = harness_number(argc, argv, 2, 4, 1, 3600);
	static struct crowd few, many, beside;

	harness_json_begin("idle_workers");
	crowd_measure(&few, CROWD_SMALL, seconds);
	bystanders_measure(&beside, workers, seconds);
	crowd_measure(&many, workers, seconds);
	crowd_print("few", &few);
	crowd_print("many", &many);
	crowd_print("beside_bystanders", &beside);
	printf(",\"p50_ratio\":%.2f,\"p99_ratio\":%.2f,\"undisturbed_p99_ratio\":%.2f"
	       ",\"bystanders_p99_ratio\":%.2f}\n",
		ratio(&many.latency.all, &few.latency.all, 0.5),
		ratio(&many.latency.all, &few.latency.all, 0.99),
		ratio(&many.latency.undisturbed, &few.latency.undisturbed, 0.99),
		ratio(&beside.latency.all, &few.latency.all, 0.99));
	return 0;
}
