// SPDX-License-Identifier: Apache-2.0
/*
 * bench/harness.c: a pool, one execution at a time, figures, JSON.
 */
#include "bench/harness.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILL_NSEC_MAX (300 * NSEC_PER_SEC)
#define SETTLE_MSEC 250
#define SETTLE_TURNS_MAX 40
#define SETTLED_BYTES (UINT64_C(2) << 20) /* what other processes may move meanwhile */

struct pool *harness_pool_open(const struct pool_config *config)
{
	struct pool *pool;
	struct error error;

	log_open(LOG_LEVEL_ERROR);
	if (pool_start(&pool, config, &error) < 0)
		errx(1, "%s", error.sentence);
	harness_pool_fill(pool, config->workers);
	return pool;
}

struct pool *harness_pool_start(unsigned workers)
{
	struct pool_config config;

	pool_config_init(&config);
	config.workers = workers;
	return harness_pool_open(&config);
}

void harness_pool_fill(struct pool *pool, unsigned workers)
{
	if (!pool_wait_idle(pool, workers, FILL_NSEC_MAX))
		errx(1, "the pool of %u workers did not fill in time", workers);
}

unsigned harness_number(
	int argc, char **argv, int index, unsigned standard, unsigned min, unsigned max)
{
	char *end;
	unsigned long value;

	if (index >= argc)
		return standard;
	errno = 0;
	value = strtoul(argv[index], &end, 10);
	if (errno || *end || end == argv[index] || value < min || value > max)
		errx(1, "'%s' is no number from %u to %u", argv[index], min, max);
	return (unsigned)value;
}

static void run_done(struct execution *execution)
{
	sem_post(execution->user);
}

void harness_run(struct pool *pool, struct execution *execution)
{
	sem_t done;

	sem_init(&done, 0, 0);
	execution->done = run_done;
	execution->user = &done;
	if (pool_submit(pool, execution) < 0)
		errx(1, "the pool takes no execution");
	while (sem_wait(&done) < 0)
		;
	sem_destroy(&done);
}

/* "cpu  user nice system idle iowait irq softirq steal": proc_stat(5), in ticks. */
static uint64_t steal_nsec(void)
{
	unsigned long long ticks = 0;
	char text[256];

	if (file_read(AT_FDCWD, "/proc/stat", text, sizeof(text)) > 0)
		sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks);
	return ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct stream {
	struct execution execution;
	struct pool *pool;
	struct harness_latency *latency;
	struct harness_scanner scanner;
	uint64_t scanner_before_nsec;
	const char *code;
	uint64_t end_nsec;
	sem_t done;
};

void harness_scanner_find(struct harness_scanner *ret_scanner)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	*ret_scanner = (struct harness_scanner){ .runs = false };
	while (processes && !ret_scanner->runs && (entry = readdir(processes))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		char path[32], name[32];

		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		ret_scanner->runs = pid > 0 && file_read(AT_FDCWD, path, name, sizeof(name)) > 0 &&
				    strncmp(name, "kdamond", 7) == 0 &&
				    clock_getcpuclockid(pid, &ret_scanner->clock) == 0;
	}
	if (processes)
		closedir(processes);
}

uint64_t harness_scanner_nsec(const struct harness_scanner *scanner)
{
	struct timespec time;

	if (!scanner->runs || clock_gettime(scanner->clock, &time) < 0)
		return 0;
	return (uint64_t)time.tv_sec * NSEC_PER_SEC + (uint64_t)time.tv_nsec;
}

static void stream_submit(struct stream *stream);

static void stream_done(struct execution *execution)
{
	struct stream *stream = execution->user;
	uint64_t now = clock_now_nsec(), taken = now - execution->submitted_nsec;

	histogram_add(&stream->latency->all, taken);
	if (harness_scanner_nsec(&stream->scanner) == stream->scanner_before_nsec)
		histogram_add(&stream->latency->undisturbed, taken);
	if (execution->result.verdict != VERDICT_OK)
		errx(1, "an execution did not end well: %s", execution->result.reason);
	if (now >= stream->end_nsec)
		sem_post(&stream->done);
	else
		stream_submit(stream);
}

static void stream_submit(struct stream *stream)
{
	struct execution *execution = &stream->execution;

	execution_init(execution);
	execution->code = stream->code;
	execution->code_bytes = strlen(stream->code);
	execution->output = harness_output_ignored;
	execution->done = stream_done;
	execution->user = stream;
	stream->scanner_before_nsec = harness_scanner_nsec(&stream->scanner);
	if (pool_submit(stream->pool, execution) < 0)
		errx(1, "the pool takes no execution");
}

void harness_stream(
	struct pool *pool, const char *code, double seconds, struct harness_latency *ret_latency)
{
	struct stream stream = { .pool = pool, .latency = ret_latency, .code = code };

	histogram_init(&ret_latency->all);
	histogram_init(&ret_latency->undisturbed);
	harness_scanner_find(&stream.scanner);
	ret_latency->scanner_nsec = harness_scanner_nsec(&stream.scanner);
	ret_latency->steal_nsec = steal_nsec();
	sem_init(&stream.done, 0, 0);
	stream.end_nsec = clock_now_nsec() + (uint64_t)(seconds * 1e9);
	stream_submit(&stream);
	while (sem_wait(&stream.done) < 0)
		;
	sem_destroy(&stream.done);
	ret_latency->scanner_nsec =
		harness_scanner_nsec(&stream.scanner) - ret_latency->scanner_nsec;
	ret_latency->steal_nsec = steal_nsec() - ret_latency->steal_nsec;
}

bool harness_output_ignored(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	return true;
}

void harness_pause(unsigned msec)
{
	poll(NULL, 0, (int)msec);
}

/* A line "Key:   123 kB" of a file of /proc. */
static uint64_t kib_of(const char *path, const char *key)
{
	static char text[8192];
	unsigned long long kib;
	const char *line;

	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0 || !(line = strstr(text, key)) ||
		sscanf(line + strlen(key), " %llu", &kib) != 1)
		errx(1, "%s does not tell %s", path, key);
	return kib;
}

uint64_t harness_available_bytes(void)
{
	uint64_t now = kib_of("/proc/meminfo", "MemAvailable:") * 1024, last;
	unsigned turns = 0;

	do {
		last = now;
		harness_pause(SETTLE_MSEC);
		now = kib_of("/proc/meminfo", "MemAvailable:") * 1024;
	} while ((now > last ? now - last : last - now) > SETTLED_BYTES &&
		++turns < SETTLE_TURNS_MAX);
	return now;
}

uint64_t harness_rss_bytes(void)
{
	return kib_of("/proc/self/status", "VmRSS:") * 1024;
}

void harness_json_begin(const char *name)
{
	double load = 0;
	struct utsname system;
	cpu_set_t cpus;

	if (uname(&system) < 0 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ||
		getloadavg(&load, 1) < 1)
		err(1, "the machine does not tell what it is");
	printf("{\"bench\":\"%s\",\"kernel\":\"%s\",\"cpus\":%d,\"load\":%.2f", name,
		system.release, CPU_COUNT(&cpus), load);
}

void harness_json_quantiles(const char *name, const struct histogram *histogram)
{
	printf(",\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name,
		(double)histogram_quantile(histogram, 0.5) / 1e3,
		(double)histogram_quantile(histogram, 0.9) / 1e3,
		(double)histogram_quantile(histogram, 0.99) / 1e3, (double)histogram->max / 1e3);
}
