// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench_load.c: hands executions to the pool and counts what comes back.
 *
 * Closed loop: each stream submits its next execution when the last is done, from the shard's own
 * thread, so the load itself crosses no CPU. Open loop: this thread submits when the clock says so,
 * whatever came back, and latency counts from the moment the clock named: a slow pool cannot hide
 * behind a load that waits for it. Only the shard's thread writes the shard's tallies.
 */
#include "base/clock.h"
#include "pool/commands/bench.h"
#include "pool/shard.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {
	struct execution execution;
	struct list node; /* open loop: in the list of the free */
	unsigned program;
	uint64_t due_nsec;
};

static struct {
	struct bench *bench;
	struct stream *streams;
	unsigned stream_count;
	atomic_uint next_program;
	atomic_uint running;
	atomic_ullong refused;
	atomic_bool over;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list idle;
} load = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static bool output_ignored(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	return true;
}

static unsigned verdict_place(const struct result *result)
{
	return result->verdict == VERDICT_LIMIT ? VERDICT_COUNT + (unsigned)result->limit
						: (unsigned)result->verdict;
}

static void tally_add(struct stream *stream)
{
	const struct execution *execution = &stream->execution;

	bench_tally_add(load.bench, execution->shard->number, stream->program,
		verdict_place(&execution->result),
		strcmp(execution->result.reset, "rewind") == 0,
		clock_now_nsec() - stream->due_nsec);
}

static void stream_free(struct stream *stream)
{
	pthread_mutex_lock(&load.lock);
	list_push(&load.idle, &stream->node);
	atomic_fetch_sub(&load.running, 1);
	pthread_cond_signal(&load.changed);
	pthread_mutex_unlock(&load.lock);
}

static int stream_submit(struct stream *stream, uint64_t due_nsec);

static void stream_done(struct execution *execution)
{
	struct stream *stream = execution->user;

	tally_add(stream);
	if (load.bench->options.rate > 0 || atomic_load(&load.over) ||
	    stream_submit(stream, clock_now_nsec()) < 0)
		stream_free(stream);
}

static int stream_submit(struct stream *stream, uint64_t due_nsec)
{
	unsigned turn = atomic_fetch_add(&load.next_program, 1);
	const struct bench_program *program;
	struct execution *execution = &stream->execution;
	int result;

	stream->program = turn % load.bench->program_count;
	stream->due_nsec = due_nsec;
	program = &load.bench->programs[stream->program];
	execution_init(execution);
	execution->code = program->code;
	execution->code_bytes = program->code_bytes;
	execution->limits = program->limits;
	execution->output = output_ignored;
	execution->done = stream_done;
	execution->user = stream;
	result = pool_submit(load.bench->pool, execution);
	if (result < 0)
		atomic_fetch_add(&load.refused, 1);
	return result;
}

static struct stream *stream_take(void)
{
	struct list *node;

	pthread_mutex_lock(&load.lock);
	node = list_pop(&load.idle);
	if (node)
		atomic_fetch_add(&load.running, 1);
	pthread_mutex_unlock(&load.lock);
	return node ? list_owner(node, struct stream, node) : NULL;
}

static void closed_loop(uint64_t end_nsec)
{
	struct stream *stream;

	for (unsigned i = 0; i < load.bench->options.streams && (stream = stream_take()); i++)
		if (stream_submit(stream, clock_now_nsec()) < 0)
			stream_free(stream);
	clock_wait_until(end_nsec);
}

static void open_loop(uint64_t begin_nsec, uint64_t end_nsec)
{
	double interval = 1e9 / load.bench->options.rate;

	for (uint64_t i = 0;; i++) {
		uint64_t due = begin_nsec + (uint64_t)((double)i * interval);
		struct stream *stream;

		if (due >= end_nsec)
			return;
		clock_wait_until(due);
		stream = stream_take();
		if (!stream)
			atomic_fetch_add(&load.refused, 1);
		else if (stream_submit(stream, due) < 0)
			stream_free(stream);
	}
}

static int streams_prepare(struct bench *bench, struct error *error)
{
	load.bench = bench;
	load.stream_count =
		bench->options.rate > 0 ? BENCH_OUTSTANDING_MAX : bench->options.streams;
	load.streams = calloc(load.stream_count, sizeof(*load.streams));
	if (!load.streams)
		return error_set(error, -ENOMEM, "no memory for %u streams", load.stream_count);
	list_init(&load.idle);
	for (unsigned i = load.stream_count; i > 0; i--)
		list_push(&load.idle, &load.streams[i - 1].node);
	return bench_tallies_make(bench, pool_shards(bench->pool), error);
}

int bench_load(struct bench *bench, struct error *error)
{
	int result = streams_prepare(bench, error);

	if (result < 0)
		return result;
	bench->begin_nsec = clock_now_nsec();
	uint64_t end = bench->begin_nsec + (uint64_t)(bench->options.seconds * 1e9);

	if (bench->options.rate > 0)
		open_loop(bench->begin_nsec, end);
	else
		closed_loop(end);
	atomic_store(&load.over, true);
	/* Throughput is counted until the last execution that was begun is done. */
	pthread_mutex_lock(&load.lock);
	while (atomic_load(&load.running))
		pthread_cond_wait(&load.changed, &load.lock);
	pthread_mutex_unlock(&load.lock);
	bench->end_nsec = clock_now_nsec();
	bench->refused = atomic_load(&load.refused);
	free(load.streams);
	return 0;
}
