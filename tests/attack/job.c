// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/job.c: submits, waits, and compares what came with what was promised.
 *
 * Whatever the program does, one verdict must come within a second of the deadline (P3), and `done`
 * be called once.
 */
#include "tests/attack/job.h"

#include "base/clock.h"
#include "base/own.h"
#include "pool/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SPEAK_NSEC_MAX (10 * NSEC_PER_SEC)
#define VERDICT_LATE_NSEC_MAX (NSEC_PER_SEC)
#define QUEUE_NSEC_MAX (5 * NSEC_PER_SEC)

static bool job_output(struct execution *execution, enum output_kind kind, const void *bytes,
	size_t size)
{
	struct job *job = execution->user;

	capture_add(&job->capture, kind, bytes, size);
	pthread_mutex_lock(&job->lock);
	job->spoke = true;
	if (execution->slot)
		job->slot = (int)execution->slot->number;
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&job->lock);
	return true;
}

static void job_done(struct execution *execution)
{
	struct job *job = execution->user;

	pthread_mutex_lock(&job->lock);
	job->done++;
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&job->lock);
}

int job_start(struct job *job, struct pool *pool, const struct program *program,
	const struct expectation *expectation, uint64_t tenant, bool open_stdin)
{
	pthread_condattr_t monotonic;
	int ends[2];

	*job = (struct job){ .slot = -1, .stdin_writer = -1 };
	snprintf(job->environment, sizeof(job->environment), "ATTACK_VARIANT=%s",
		expectation->variant);
	pthread_mutex_init(&job->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&job->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	execution_init(&job->execution);
	job->execution.code = program->code;
	job->execution.code_bytes = program->code_bytes;
	job->execution.environment = job->environment;
	job->execution.environment_bytes = strlen(job->environment) + 1;
	job->execution.limits = expectation->limits;
	job->execution.tenant = tenant;
	job->execution.stream = expectation->stream;
	job->execution.output = job_output;
	job->execution.done = job_done;
	job->execution.user = job;
	if (program->carried[0]) {
		job->execution.stdin_fd = open(program->carried, O_RDONLY | O_CLOEXEC);
		if (job->execution.stdin_fd < 0)
			return -errno;
	} else if (open_stdin) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		job->execution.stdin_fd = ends[0];
		job->stdin_writer = ends[1];
		job->execution.stream = true;
	}
	return pool_submit(pool, &job->execution);
}

void job_close_stdin(struct job *job)
{
	fd_close(&job->stdin_writer);
}

static bool job_wait_until(struct job *job, bool (*is_so)(const struct job *job), uint64_t nsec)
{
	uint64_t due = clock_now_nsec() + nsec;
	struct timespec at = {
		.tv_sec = (time_t)(due / NSEC_PER_SEC),
		.tv_nsec = (long)(due % NSEC_PER_SEC),
	};
	int result = 0;
	bool so;

	pthread_mutex_lock(&job->lock);
	while (!(so = is_so(job)) && result == 0)
		result = pthread_cond_timedwait(&job->changed, &job->lock, &at);
	pthread_mutex_unlock(&job->lock);
	return so;
}

static bool has_spoken(const struct job *job)
{
	return job->spoke || job->done;
}

static bool has_ended(const struct job *job)
{
	return job->done > 0;
}

bool job_wait_spoken(struct job *job)
{
	return job_wait_until(job, has_spoken, SPEAK_NSEC_MAX);
}

bool job_wait(struct job *job, struct pool *pool)
{
	bool ended = job_wait_until(job, has_ended, job->execution.limits.values[LIMIT_TIMEOUT] +
		VERDICT_LATE_NSEC_MAX + QUEUE_NSEC_MAX);

	if (!ended) {
		/* For the sake of the programs behind it. */
		pool_cancel(pool, &job->execution);
		if (!job_wait_until(job, has_ended, QUEUE_NSEC_MAX))
			return false;
		job->never_ended = true;
	}
	fd_close(&job->execution.stdin_fd);
	return true;
}

static const char *text_of(struct job *job, enum output_kind kind)
{
	struct capture_part *part = &job->capture.parts[kind];

	capture_add(&job->capture, kind, "", 1);
	if (!part->bytes)
		return "";
	part->used--;
	part->bytes[part->used] = '\0';
	return part->bytes;
}

const char *job_stdout(struct job *job)
{
	return text_of(job, OUTPUT_STDOUT);
}

const char *job_error(struct job *job)
{
	const char *words = text_of(job, OUTPUT_ERROR_MESSAGE);

	return words[0] ? words : job->execution.result.reason;
}

void job_forget_output(struct job *job)
{
	unsigned hash = 2166136261u; /* FNV-1a */

	for (int kind = OUTPUT_STDOUT; kind <= OUTPUT_STDERR; kind++)
		for (size_t i = 0; i < job->capture.parts[kind].used; i++)
			hash = (hash ^ (uint8_t)job->capture.parts[kind].bytes[i]) * 16777619u;
	job->digest = hash;
	capture_clear(&job->capture);
}

static bool is_one_of(const char *word, const char *list)
{
	size_t length = strlen(word);

	for (const char *item = list; item; item = strchr(item, '|')) {
		item += *item == '|';
		if (strncmp(item, word, length) == 0 && (!item[length] || item[length] == '|'))
			return true;
	}
	return false;
}

static bool last_line_is(const char *text, size_t size, const char *wanted)
{
	size_t length = strlen(wanted);

	if (size && text[size - 1] == '\n')
		size--;
	return size >= length && memcmp(text + size - length, wanted, length) == 0 &&
		(size == length || text[size - length - 1] == '\n');
}

static bool verdict_is_as_expected(struct job *job, const struct expectation *expectation)
{
	const struct result *result = &job->execution.result;
	char name[32], *sentence = job->sentence;
	const size_t size = sizeof(job->sentence);
	struct capture_part *words = &job->capture.parts[OUTPUT_ERROR_MESSAGE];

	verdict_name(result, name, sizeof(name));
	if (!is_one_of(name, expectation->verdicts))
		snprintf(sentence, size, "verdict %s (code %d, signal %d) instead of %s. %.*s%s",
			name, result->exit_code, result->signal, expectation->verdicts,
			words->used < 300 ? (int)words->used : 300,
			words->bytes ? words->bytes : "", result->reason);
	else if (expectation->code >= 0 && result->exit_code != expectation->code)
		snprintf(sentence, size, "exit code %d instead of %d", result->exit_code,
			expectation->code);
	else if (expectation->signal >= 0 && result->signal != expectation->signal)
		snprintf(sentence, size, "signal %d instead of %d", result->signal,
			expectation->signal);
	else if (expectation->hit[0] && (result->limit == RESULT_NO_LIMIT ||
		strcmp(limit_types[result->limit].name, expectation->hit) != 0))
		snprintf(sentence, size, "it is not said that the limit %s was met",
			expectation->hit);
	else
		return true;
	return false;
}

static bool figures_are_as_expected(struct job *job, const struct expectation *expectation)
{
	const struct result *result = &job->execution.result;
	const struct usage *usage = &result->usage;
	char *sentence = job->sentence;
	const size_t size = sizeof(job->sentence);

	if (job->never_ended)
		snprintf(sentence, size, "no verdict came until it was cancelled");
	else if (job->done != 1)
		snprintf(sentence, size, "%u verdicts", job->done);
	else if (result->ended_nsec > result->due_nsec + VERDICT_LATE_NSEC_MAX)
		snprintf(sentence, size, "it ended %" PRIu64 " ms after its deadline",
			(result->ended_nsec - result->due_nsec) / NSEC_PER_MSEC);
	else if (usage->wall_usec * NSEC_PER_USEC > expectation->wall_nsec_max)
		snprintf(sentence, size, "it took %" PRIu64 " us", usage->wall_usec);
	else if (usage->cpu_usec * NSEC_PER_USEC > expectation->cpu_nsec_max)
		snprintf(sentence, size, "it is told to have used %" PRIu64 " us of CPU",
			usage->cpu_usec);
	else if (usage->memory_peak_bytes > expectation->memory_bytes_max)
		snprintf(sentence, size, "it is told to have used %" PRIu64 " bytes",
			usage->memory_peak_bytes);
	else
		return true;
	return false;
}

bool job_is_as_expected(struct job *job, const struct expectation *expectation)
{
	const char *text = job_stdout(job);
	size_t size = job->capture.parts[OUTPUT_STDOUT].used;

	if (!figures_are_as_expected(job, expectation) ||
		!verdict_is_as_expected(job, expectation))
		return false;
	if (strncmp(text, expectation->first, strlen(expectation->first)) != 0)
		snprintf(job->sentence, sizeof(job->sentence), "it wrote '%.60s' first, not '%s'",
			text, expectation->first);
	else if (expectation->last[0] && !last_line_is(text, size, expectation->last))
		snprintf(job->sentence, sizeof(job->sentence), "its last line is not '%s'",
			expectation->last);
	else
		return true;
	return false;
}

void job_free(struct job *job)
{
	job_close_stdin(job);
	capture_clear(&job->capture);
	pthread_mutex_destroy(&job->lock);
	pthread_cond_destroy(&job->changed);
}
