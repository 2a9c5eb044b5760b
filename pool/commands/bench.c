// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench.c: corral bench: an embedded pool under load, or the daemon.
 */
#include "base/clock.h"
#include "pool/commands/bench.h"
#include "pool/commands/config_private.h"
#include "pool/commands/command.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OPTION_SOCKET 0x2000
#define OPTION_WITHOUT 0x2001
#define OPTION_RESET 0x2002
#define OPTION_VERIFY 0x2003
#define FILL_NSEC_MAX (300 * NSEC_PER_SEC)
#define PROGRESS_NSEC NSEC_PER_SEC

static double number_parse(
	struct argp_state *state, const char *option, const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= max))
		argp_error(state, "--%s cannot be '%s': give a number from %g to %g", option, text,
			min, max);
	return value;
}

static enum reset_policy reset_parse(struct argp_state *state, const char *argument)
{
	enum reset_policy policy = RESET_REPLACE;

	if (reset_policy_parse(argument, &policy) < 0)
		argp_error(state, "--reset %s: give " RESET_POLICY_FORM, argument);
	return policy;
}

/* What only an embedded pool can be told; a daemon is as it was started. */
static void pool_option(
	struct argp_state *state, int key, const char *argument, struct pool_config *config)
{
	switch (key) {
	case 'w':
		config->workers =
			(unsigned)number_parse(state, "workers", argument, 1, POOL_WORKERS_MAX);
		break;
	case 'h':
		config->shards =
			(unsigned)number_parse(state, "shards", argument, 1, POOL_SHARDS_MAX);
		break;
	case OPTION_WITHOUT:
		if (strcmp(argument, "bpf") != 0)
			argp_error(state, "--without %s: only bpf can be left out", argument);
		config->without_bpf = true;
		break;
	case OPTION_RESET:
		config->reset = reset_parse(state, argument);
		break;
	case OPTION_VERIFY:
		config->verify = true;
		break;
	case 'i':
		config->imports = argument;
		break;
	}
}

static error_t bench_option(int key, char *argument, struct argp_state *state)
{
	struct bench_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->config.limits;
		return 0;
	case OPTION_SOCKET:
		options->socket = argument;
		return 0;
	case 'r':
		options->config.runtime = argument;
		return 0;
	case 'c':
		options->code = argument;
		return 0;
	case 'p':
		options->programs = argument;
		return 0;
	case 's':
		options->streams =
			(unsigned)number_parse(state, "streams", argument, 1, BENCH_STREAMS_MAX);
		return 0;
	case 'S':
		options->seconds = number_parse(state, "seconds", argument, 0.1, 86400);
		return 0;
	case 'R':
		options->rate = number_parse(state, "rate", argument, 0.01, 1e6);
		return 0;
	case 'w':
	case 'h':
	case OPTION_WITHOUT:
	case OPTION_RESET:
	case OPTION_VERIFY:
	case 'i':
		options->shapes_pool = true;
		pool_option(state, key, argument, &options->config);
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option; code is given with --code", argument);
		return 0;
	case ARGP_KEY_END:
		if (options->code && options->programs)
			argp_error(state, "give --code or --programs, not both");
		if (options->socket && options->shapes_pool)
			argp_error(state, "--workers, --shards, --imports, --reset, --verify and "
					  "--without are the daemon's own: give them without "
					  "--socket");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option bench_options[] = {
	{ "socket", OPTION_SOCKET, "PATH", 0,
		"Through the daemon on PATH, over kept HTTP connections, one a stream", 1 },
	{ "runtime", 'r', "NAME", 0, "What runs it (python)", 1 },
	{ "code", 'c', "CODE", 0, "Run CODE (print(1+1))", 1 },
	{ "programs", 'p', "DIR", 0, "Run the *.py of DIR in turn", 1 },
	{ "streams", 's', "N", 0, "Closed loop: executions under way at one time (1)", 1 },
	{ "rate", 'R', "N", 0, "Open loop: N executions a second, latency from the due time", 1 },
	{ "seconds", 'S', "S", 0, "How long (5)", 1 },
	{ "workers", 'w', "N", 0, "Workers kept ready (32, or twice the streams)", 1 },
	{ "shards", 'h', "N", 0, "Shards, each on a CPU of its own (all CPUs)", 1 },
	{ "imports", 'i', "NAMES", 0,
		"Modules to have imported in every worker, instead of the usual ones", 1 },
	{ "without", OPTION_WITHOUT, "bpf", 0, "Without footprints, as where there is no BPF", 1 },
	{ "reset", OPTION_RESET, "HOW", 0,
		"What becomes of a worker: replace, rewind, or auto: rewind for the same tenant "
		"(auto)", 1 },
	{ "verify", OPTION_VERIFY, 0, 0,
		"Prove of each rewound worker that it is what it was: slow", 1 },
	{ "json", 'j', 0, 0, "Print one line of JSON", 1 },
	{ 0 },
};

static const struct argp_child bench_children[] = { { &limits_argp, 0, NULL, 2 }, { 0 } };

static const struct argp bench_argp = {
	.options = bench_options,
	.parser = bench_option,
	.doc = "Runs code in an embedded pool, or through the daemon, and tells throughput and "
	       "latency. Limits that are not given are, with --socket, the daemon's.",
	.children = bench_children,
};

/* --- The progress line ------------------------------------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool over;
	struct bench *bench;
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void progress_print(uint64_t *last_count, bool is_terminal)
{
	struct pool_status status = { .executions = atomic_load(&progress.bench->answered) };

	if (!progress.bench->pool) {
		fprintf(stderr, "%s%8" PRIu64 " executions, %6" PRIu64 "/s%s",
			is_terminal ? "\r" : "", status.executions,
			status.executions - *last_count, is_terminal ? "  " : "\n");
		*last_count = status.executions;
		return;
	}
	pool_status(progress.bench->pool, &status);
	fprintf(stderr,
		"%s%8" PRIu64 " executions, %6" PRIu64 "/s, %u idle, %u busy, %u resetting%s",
		is_terminal ? "\r" : "", status.executions, status.executions - *last_count,
		status.idle, status.busy, status.resetting, is_terminal ? "  " : "\n");
	*last_count = status.executions;
}

static void *progress_show(void *argument)
{
	bool is_terminal = isatty(2);
	uint64_t count = 0, due = clock_now_nsec();

	pthread_mutex_lock(&progress.lock);
	while (!progress.over) {
		due += PROGRESS_NSEC;
		struct timespec at = { .tv_sec = (time_t)(due / NSEC_PER_SEC),
			.tv_nsec = (long)(due % NSEC_PER_SEC) };

		if (pthread_cond_timedwait(&progress.ended, &progress.lock, &at) == ETIMEDOUT)
			progress_print(&count, is_terminal);
	}
	pthread_mutex_unlock(&progress.lock);
	if (is_terminal)
		fprintf(stderr, "\n");
	return NULL;
}

static bool progress_begin(struct bench *bench, pthread_t *ret_thread)
{
	pthread_condattr_t attributes;

	progress.bench = bench;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.ended, &attributes);
	pthread_condattr_destroy(&attributes);
	return pthread_create(ret_thread, NULL, progress_show, NULL) == 0;
}

static void progress_end(pthread_t thread)
{
	pthread_mutex_lock(&progress.lock);
	progress.over = true;
	pthread_cond_signal(&progress.ended);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(thread, NULL);
}

/* --- The bench -------------------------------------------------------------------------------- */

static int pool_fill(struct bench *bench, struct error *error)
{
	unsigned workers = bench->options.config.workers;
	int result = pool_start(&bench->pool, &bench->options.config, error);

	if (result == 0 && !pool_wait_idle(bench->pool, workers, FILL_NSEC_MAX))
		result = error_set(
			error, -ETIME, "the pool of %u workers did not fill in time", workers);
	return result;
}

static int bench_run(struct bench *bench, struct error *error)
{
	pthread_t thread;
	bool shown = false;
	int result = bench_programs_load(bench, error);

	if (result == 0 && !bench->options.socket)
		result = pool_fill(bench, error);
	if (result < 0)
		return result;
	if (!bench->options.json)
		shown = progress_begin(bench, &thread);
	result = bench->options.socket ? bench_daemon_load(bench, error)
				       : bench_load(bench, error);
	if (shown)
		progress_end(thread);
	return result;
}

static void bench_free(struct bench *bench)
{
	pool_stop(bench->pool);
	for (unsigned i = 0; i < bench->program_count; i++)
		free(bench->programs[i].code);
	free(bench->programs);
	free(bench->tallies);
}

int command_bench(int argc, char **argv)
{
	struct bench bench = { .options = { .streams = 1, .seconds = 5 } };
	struct error error;
	static struct bench_tally tally;
	int result;

	pool_config_init(&bench.options.config);
	bench.options.config.workers = 0;
	argp_parse(&bench_argp, argc, argv, 0, NULL, &bench.options);
	if (!bench.options.config.workers)
		bench.options.config.workers =
			bench.options.streams > 16 ? 2 * bench.options.streams : 32;
	if (!bench.options.code && !bench.options.programs)
		bench.options.code = "print(1+1)";
	result = bench_run(&bench, &error);
	if (result < 0) {
		command_failed("bench", error.sentence);
		bench_free(&bench);
		return EXIT_OURS;
	}
	if (bench.options.json)
		bench_report_json(&bench);
	else
		bench_report_people(&bench);
	bench_tally_sum(&bench, -1, &tally);
	result = tally.errors || bench.refused ? 1 : 0;
	bench_free(&bench);
	return result;
}
