// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_fixture.h: a real pool in the test's process, and executions that can be waited
 * for.
 *
 * Callbacks run on a shard's thread and only note; the test's own thread waits and asserts. Nothing
 * waits for time: a wait ends when what it is about has happened, or the harness ends the test.
 */
#pragma once

#include "base/clock.h"
#include "pool/capture.h"
#include "pool/pool_private.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WAIT_NSEC (30 * NSEC_PER_SEC)

/* --- The pool --------------------------------------------------------------------------------- */

static inline struct pool_config pool_configured(unsigned workers)
{
	struct pool_config config;

	pool_config_init(&config);
	config.workers = workers;
	config.shards = 1;
	/* The tests of rewinding ask for it; all others are about what each worker goes through. */
	config.reset = RESET_REPLACE;
	return config;
}

static inline struct pool *pool_started(const struct pool_config *config)
{
	struct pool *pool = NULL;
	struct error error = { .sentence = "" };

	cr_assert_eq(pool_start(&pool, config, &error), 0, "%s", error.sentence);
	cr_assert(pool_wait_idle(pool, config->workers, WAIT_NSEC));
	return pool;
}

static inline struct pool *pool_of(unsigned workers)
{
	struct pool_config config = pool_configured(workers);

	return pool_started(&config);
}

static inline struct pool_status status_of(struct pool *pool)
{
	struct pool_status status;

	pool_status(pool, &status);
	return status;
}

/*
 * Waits until `holds`, which is looked at whenever a worker becomes ready or something fails.
 * False when that took too long.
 */
static inline bool pool_wait(struct pool *pool, bool (*holds)(const struct pool_status *status))
{
	uint64_t due = clock_now_nsec() + WAIT_NSEC;
	struct timespec at = { (time_t)(due / NSEC_PER_SEC), (long)(due % NSEC_PER_SEC) };

	for (int result = 0;;) {
		struct pool_status status = status_of(pool);

		if (holds(&status))
			return true;
		if (result != 0)
			return false;
		pthread_mutex_lock(&pool->lock);
		status = status_of(pool);
		if (!holds(&status))
			result = pthread_cond_timedwait(&pool->changed, &pool->lock, &at);
		pthread_mutex_unlock(&pool->lock);
	}
}

static inline bool all_idle(const struct pool_status *status)
{
	return status->idle == status->total;
}

static inline unsigned descriptors_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* --- Executions ------------------------------------------------------------------------------- */

struct job {
	struct execution execution;
	struct capture capture;
	struct pool *pool;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done, refusing; /* refusing: every byte is taken and no more wanted */
	bool full;           /* it refused, and nobody resumed yet */
	unsigned refusals, gaps;
	uint64_t gap_bytes;
	/* Called on the shard's thread when output comes. */
	void (*noticed)(struct job *job);
};

static inline bool job_output(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	struct job *job = execution->user;
	bool refusing;

	pthread_mutex_lock(&job->lock);
	capture_add(&job->capture, kind, bytes, size);
	refusing = job->refusing;
	job->full |= refusing;
	job->refusals += refusing;
	pthread_cond_broadcast(&job->changed);
	pthread_mutex_unlock(&job->lock);
	if (job->noticed)
		job->noticed(job);
	return !refusing;
}

static inline void job_gap(
	struct execution *execution, enum output_kind kind, uint64_t dropped_bytes)
{
	struct job *job = execution->user;

	pthread_mutex_lock(&job->lock);
	capture_add_gap(&job->capture, kind, dropped_bytes);
	job->gaps++;
	job->gap_bytes += dropped_bytes;
	pthread_mutex_unlock(&job->lock);
}

static inline void job_done(struct execution *execution)
{
	struct job *job = execution->user;

	pthread_mutex_lock(&job->lock);
	job->done = true;
	pthread_cond_broadcast(&job->changed);
	pthread_mutex_unlock(&job->lock);
}

static inline void job_init(struct job *job, struct pool *pool, const char *code)
{
	*job = (struct job){ .pool = pool };
	pthread_mutex_init(&job->lock, NULL);
	pthread_cond_init(&job->changed, NULL);
	execution_init(&job->execution);
	job->execution.code = code;
	job->execution.code_bytes = strlen(code);
	job->execution.output = job_output;
	job->execution.gap = job_gap;
	job->execution.done = job_done;
	job->execution.user = job;
}

static inline void job_fini(struct job *job)
{
	capture_clear(&job->capture);
	pthread_cond_destroy(&job->changed);
	pthread_mutex_destroy(&job->lock);
}

static inline void job_submit(struct job *job)
{
	cr_assert_eq(pool_submit(job->pool, &job->execution), 0);
}

static inline const struct result *job_wait(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	while (!job->done)
		pthread_cond_wait(&job->changed, &job->lock);
	pthread_mutex_unlock(&job->lock);
	return &job->execution.result;
}

static inline const struct result *job_run(struct job *job)
{
	job_submit(job);
	return job_wait(job);
}

/* What was captured, NUL-terminated; valid once the job is done, until the next of the same kind.
 */
static inline const char *job_text(struct job *job, enum output_kind kind)
{
	struct capture_part *part = &job->capture.parts[kind];

	capture_add(&job->capture, kind, "", 1);
	part->used--;
	return part->bytes;
}

static inline bool job_said(struct job *job, const char *text)
{
	const struct capture_part *part = &job->capture.parts[OUTPUT_STDOUT];

	return part->used && memmem(part->bytes, part->used, text, strlen(text));
}

/* Until the text stands in its stdout; false when it ended without. */
static inline bool job_wait_said(struct job *job, const char *text)
{
	bool said;

	pthread_mutex_lock(&job->lock);
	while (!(said = job_said(job, text)) && !job->done)
		pthread_cond_wait(&job->changed, &job->lock);
	pthread_mutex_unlock(&job->lock);
	return said;
}

/* Until its sink is full; false when it ended first. */
static inline bool job_wait_full(struct job *job)
{
	bool full;

	pthread_mutex_lock(&job->lock);
	while (!(full = job->full) && !job->done)
		pthread_cond_wait(&job->changed, &job->lock);
	pthread_mutex_unlock(&job->lock);
	return full;
}

static inline void job_resume(struct job *job, bool refusing)
{
	pthread_mutex_lock(&job->lock);
	job->full = false;
	job->refusing = refusing;
	pthread_mutex_unlock(&job->lock);
	pool_resume(job->pool, &job->execution);
}

static inline const char *job_verdict(struct job *job)
{
	static char name[32];

	return verdict_name(&job->execution.result, name, sizeof(name));
}

/* The whole life of an execution that is expected to end this way. */
static inline void pool_expect(struct pool *pool, const char *code, const char *verdict)
{
	struct job job;

	job_init(&job, pool, code);
	job_run(&job);
	cr_expect_str_eq(job_verdict(&job), verdict, "%s: %s, not %s: %s\n%s", code,
		job_verdict(&job), verdict, job.execution.result.reason,
		job_text(&job, OUTPUT_STDERR));
	job_fini(&job);
}
