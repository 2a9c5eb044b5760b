// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/run.c: corral run: one execution in an embedded pool of one worker.
 *
 * Output streams through as it comes; the exit code tells the verdict, with one sentence on stderr.
 * The shard's thread may not block, so what it brings passes through a small buffer that the main
 * thread empties into our own stdout and stderr; a slow reader fills it, then the worker's ring,
 * and then the program waits, while its deadline does not.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/own.h"
#include "pool/commands/command.h"
#include "pool/commands/program.h"
#include "pool/commands/program_artifacts.h"
#include "pool/commands/program_files.h"
#include "pool/report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define OUTLET_BYTES (4 * OUTPUT_CHUNK_BYTES_MAX)

/* Between the shard's thread and this one. */
struct outlet {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char bytes[OUTLET_BYTES];
	struct {
		int fd;
		size_t size;
	} chunks[64]; /* in order, back to back in bytes */
	unsigned chunk_count;
	size_t used;
	bool done, waiting; /* the shard waits for room */
};

struct run {
	struct program program;
	struct pool_config config;
	struct pool *pool;
	struct execution execution;
	struct outlet outlet;
	struct capture capture;
	struct artifacts artifacts;
};

static struct run run;

/* --- The command line ------------------------------------------------------------------------ */

static error_t run_option(int key, char *argument, struct argp_state *state)
{
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp_child run_children[] = { { &program_argp, 0, NULL, 0 }, { 0 } };

static const struct argp run_argp = {
	.parser = run_option,
	.doc = "Runs one program in a sandbox. " PROGRAM_EXIT_CODES,
	.children = run_children,
};

/* --- Standard input -------------------------------------------------------------------------- */

/* Our stdin may be a terminal, or open for writing: the program gets a pipe, never the thing
 * itself. */
static void *stdin_pump(void *argument)
{
	AUTO_FD out = (int)(intptr_t)argument;
	char bytes[16384];

	for (;;) {
		ssize_t n = read(0, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(out, bytes + done, (size_t)(n - done));
			if (w < 0 && errno == EINTR)
				w = 0;
			else if (w < 0)
				return NULL;
		}
	}
}

static int stdin_connect(struct execution *execution)
{
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	execution->stdin_fd = ends[0];
	if (pthread_create(&thread, NULL, stdin_pump, (void *)(intptr_t)ends[1]) != 0)
		return -EAGAIN;
	/* It may sit in read(0) for ever; it ends with the process. */
	pthread_detach(thread);
	return 0;
}

/* --- Output ---------------------------------------------------------------------------------- */

static bool output_captured(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	capture_add(&run.capture, kind, bytes, size);
	return true;
}

static void gap_captured(struct execution *execution, enum output_kind kind, uint64_t dropped_bytes)
{
	capture_add_gap(&run.capture, kind, dropped_bytes);
}

static bool output_passed_on(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	struct outlet *outlet = &run.outlet;
	bool room;

	if (kind != OUTPUT_STDOUT && kind != OUTPUT_STDERR)
		return true;
	pthread_mutex_lock(&outlet->lock);
	memcpy(outlet->bytes + outlet->used, bytes, size);
	outlet->used += size;
	outlet->chunks[outlet->chunk_count].fd = kind == OUTPUT_STDOUT ? 1 : 2;
	outlet->chunks[outlet->chunk_count++].size = size;
	/* Room for one more chunk, and for the tails at the end. */
	room = outlet->used <= OUTLET_BYTES - 2 * OUTPUT_CHUNK_BYTES_MAX &&
		outlet->chunk_count < sizeof(outlet->chunks) / sizeof(outlet->chunks[0]) - 8;
	outlet->waiting = !room;
	pthread_cond_signal(&outlet->changed);
	pthread_mutex_unlock(&outlet->lock);
	return room;
}

static void gap_passed_on(
	struct execution *execution, enum output_kind kind, uint64_t dropped_bytes)
{
	char line[64];
	int n = snprintf(
		line, sizeof(line), "\n[%llu bytes left out]\n", (unsigned long long)dropped_bytes);

	if (dropped_bytes)
		output_passed_on(execution, kind, line, (size_t)n);
}

static void workspace_left(struct execution *execution, int workspace)
{
	artifacts_read(&run.artifacts, workspace);
}

static void run_done(struct execution *execution)
{
	pthread_mutex_lock(&run.outlet.lock);
	run.outlet.done = true;
	pthread_cond_signal(&run.outlet.changed);
	pthread_mutex_unlock(&run.outlet.lock);
}

/* Takes what is there and writes it outside the lock. False when our reader has gone. */
static bool outlet_write(struct outlet *outlet)
{
	static struct outlet taken;
	const char *bytes = taken.bytes;
	bool well = true;

	memcpy(taken.bytes, outlet->bytes, outlet->used);
	memcpy(taken.chunks, outlet->chunks, sizeof(taken.chunks));
	taken.chunk_count = outlet->chunk_count;
	taken.waiting = outlet->waiting;
	outlet->used = outlet->chunk_count = 0;
	outlet->waiting = false;
	pthread_mutex_unlock(&outlet->lock);
	for (unsigned i = 0; i < taken.chunk_count; i++) {
		well = well &&
			command_write(taken.chunks[i].fd, bytes, taken.chunks[i].size) == 0;
		bytes += taken.chunks[i].size;
	}
	if (taken.waiting)
		pool_resume(run.pool, &run.execution);
	pthread_mutex_lock(&outlet->lock);
	return well;
}

static void outlet_serve(struct outlet *outlet)
{
	pthread_mutex_lock(&outlet->lock);
	while (!outlet->done || outlet->chunk_count) {
		if (!outlet->chunk_count)
			pthread_cond_wait(&outlet->changed, &outlet->lock);
		else if (!outlet_write(outlet) && !outlet->done)
			pool_cancel(run.pool, &run.execution);
	}
	pthread_mutex_unlock(&outlet->lock);
}

/* --- The run --------------------------------------------------------------------------------- */

/* SIGINT and SIGTERM end the program, not us: its verdict is still told. */
static void *signals_wait(void *argument)
{
	sigset_t *signals = argument;
	int signal_number;

	for (;;) {
		sigwait(signals, &signal_number);
		pthread_mutex_lock(&run.outlet.lock);
		if (!run.outlet.done)
			pool_cancel(run.pool, &run.execution);
		pthread_mutex_unlock(&run.outlet.lock);
	}
	return NULL;
}

/* What is missing is said; the exit code stays the program's. */
static void artifacts_write(void)
{
	struct error error;

	for (unsigned i = 0; i < run.artifacts.count; i++) {
		const struct artifact *artifact = &run.artifacts.list[i];

		if (program_artifact_write(
			    &run.program, i, artifact->bytes, artifact->size, &error) < 0)
			fprintf(stderr, "corral run: %s\n", error.sentence);
	}
}

static int result_tell(void)
{
	char sentence[256];

	artifacts_write();
	if (run.program.json) {
		AUTO_MEMORY char *text = report_result(NULL, &run.execution.result, &run.capture);

		printf("%s\n", text ? text : "{}");
		fflush(stdout);
	} else if (verdict_sentence(&run.execution.result, sentence, sizeof(sentence))[0]) {
		fprintf(stderr, "corral run: %s\n", sentence);
	}
	return verdict_exit_code(&run.execution.result);
}

static void execution_prepare(char *code, size_t code_bytes)
{
	struct execution *execution = &run.execution;

	execution->code = code;
	execution->code_bytes = code_bytes;
	execution->environment = run.program.environment.bytes;
	execution->environment_bytes = run.program.environment.used;
	execution->arguments = run.program.arguments.bytes;
	execution->arguments_bytes = run.program.arguments.used;
	execution->directory = run.program.directory;
	execution->left = run.artifacts.count ? workspace_left : NULL;
	execution->limits = run.program.limits;
	execution->stream = !run.program.json;
	execution->want_result = run.program.json;
	execution->output = run.program.json ? output_captured : output_passed_on;
	execution->gap = run.program.json ? gap_captured : gap_passed_on;
	execution->done = run_done;
}

static int files_connect(struct error *error)
{
	struct program_files files;
	int result = program_files_read(&run.program,
		(size_t)run.program.limits.values[LIMIT_FILES], &files, error);

	if (result < 0)
		return result;
	if (files.count)
		result = parcel_pack(files.list, files.count, &run.execution.files_fd);
	program_files_free(&files);
	if (result < 0)
		return error_set(error, result, "cannot pack the files: %s", error_text(result));
	return 0;
}

static int run_embedded(struct error *error)
{
	static sigset_t signals;
	pthread_t thread;
	int result;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	result = pool_start(&run.pool, &run.config, error);
	if (result < 0)
		return result;
	/* The code itself came from stdin: nothing is left there for the program. */
	if (!program_is_stdin(&run.program))
		result = stdin_connect(&run.execution);
	if (result == 0)
		result = pool_submit(run.pool, &run.execution);
	if (result < 0)
		return error_set(error, result, "cannot start the program: %s",
			result == -EOPNOTSUPP ? POOL_NO_SYSCALLS_LIMIT : error_text(result));
	if (pthread_create(&thread, NULL, signals_wait, &signals) == 0)
		pthread_detach(thread);
	outlet_serve(&run.outlet);
	return 0;
}

int command_run(int argc, char **argv)
{
	struct error error = { .sentence = "" };
	char *code = NULL;
	size_t code_bytes = 0;
	int result;

	pool_config_init(&run.config);
	run.config.workers = run.config.shards = 1;
	run.config.reset = RESET_REPLACE;
	run.program.limits = run.config.limits;
	run.program.runtime = run.config.runtime;
	execution_init(&run.execution);
	pthread_mutex_init(&run.outlet.lock, NULL);
	pthread_cond_init(&run.outlet.changed, NULL);
	argp_parse(&run_argp, argc, argv, ARGP_IN_ORDER, NULL, &run.program);
	run.config.limits = run.program.limits;
	run.config.runtime = run.program.runtime;
	result = program_code_read(&run.program, &code, &code_bytes, &error);
	if (result == 0)
		result = files_connect(&error);
	if (result == 0)
		result = program_artifacts_name(&run.program, &run.artifacts, &error);
	if (result == 0) {
		execution_prepare(code, code_bytes);
		result = run_embedded(&error);
	}
	if (result < 0)
		command_failed("run", error.sentence);
	pool_stop(run.pool);
	result = result < 0 ? EXIT_OURS : result_tell();
	artifacts_clear(&run.artifacts);
	fd_close(&run.execution.stdin_fd);
	fd_close(&run.execution.files_fd);
	capture_clear(&run.capture);
	free(code);
	return result;
}
