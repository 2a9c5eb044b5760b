// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/execute.c: POST /v1/execute: a body becomes an execution, its end an answer.
 *
 * The connection's own shard runs it if that can; else another does, and what comes back comes
 * through the shard's inbox, so that all but the callbacks happens on one thread. They write to the
 * exchange's capture, which nobody else touches while the execution runs, or to its stream.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/own.h"
#include "pool/report.h"
#include "pool/http/remember.h"
#include "pool/http/server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define CAPTURE_BYTES_MAX (16u << 20)    /* of output that an answer brings in one piece */

void exchange_cancel(void *user)
{
	struct connection *connection = user;

	atomic_store(&connection->exchange.cancel_asked, true);
	connection_post(connection);
}

static bool output_taken(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	struct connection *connection = execution->user;

	if (connection->exchange.streaming && (kind == OUTPUT_STDOUT || kind == OUTPUT_STDERR))
		return stream_output(connection, kind, bytes, size);
	capture_add(&connection->exchange.capture, kind, bytes, size);
	return true;
}

static unsigned output_lent(
	struct execution *execution, const struct output_record *records, unsigned count)
{
	return stream_vector(execution->user, records, count);
}

static void output_gap(struct execution *execution, enum output_kind kind, uint64_t dropped_bytes)
{
	struct connection *connection = execution->user;

	if (connection->exchange.streaming)
		stream_gap(connection, kind, dropped_bytes);
	else
		capture_add_gap(&connection->exchange.capture, kind, dropped_bytes);
}

static void workspace_left(struct execution *execution, int workspace)
{
	struct connection *connection = execution->user;

	artifacts_read(&connection->exchange.artifacts, workspace);
}

static void execution_done(struct execution *execution)
{
	struct connection *connection = execution->user;
	struct exchange *exchange = &connection->exchange;

	pthread_mutex_lock(&exchange->lock);
	exchange->over = true;
	pthread_mutex_unlock(&exchange->lock);
	if (connection_is_here(connection))
		connection_attend(connection);
	else
		connection_post(connection);
}

/* A file without a name, read from its start. */
static int stdin_open(const struct request *request, int *ret_fd)
{
	size_t done = 0;

	AUTO_FD fd = memfd_create("corral-stdin", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (done < request->stdin_bytes) {
		ssize_t n = pwrite(fd, request->stdin_text + done, request->stdin_bytes - done,
			(off_t)done);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

void api_execute_clear(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;

	capture_clear(&exchange->capture);
	artifacts_clear(&exchange->artifacts);
	fd_close(&exchange->execution.stdin_fd);
	request_free(&exchange->request);
}

static void request_apply(const struct request *request, struct execution *execution)
{
	execution->code = request->code;
	execution->code_bytes = request->code_bytes;
	execution->environment = request->environment;
	execution->environment_bytes = request->environment_bytes;
	execution->arguments = request->arguments;
	execution->arguments_bytes = request->arguments_bytes;
	execution->directory = request->directory;
	if (request->files_given)
		execution->files_fd = request->files_fd;
	execution->limits = request->limits;
	execution->queue_nsec_max = request->queue_nsec_max;
	execution->reset = request->reset;
	execution->stream = request->stream;
	execution->want_result = true;
}

/* An answer in one piece is held in memory until the end; a stream is not. */
static void output_bound(struct request *request)
{
	uint64_t *output = &request->limits.values[LIMIT_OUTPUT];

	if (request->stream || *output <= CAPTURE_BYTES_MAX)
		return;
	*output = CAPTURE_BYTES_MAX;
	if (request->note_count < LIMIT_COUNT)
		error_set(&request->notes[request->note_count++], 0,
			"without \"stream\" limits.output is at most 16M; using that");
}

static void queue_full(struct connection *connection)
{
	char reason[96];

	snprintf(reason, sizeof(reason), "the queue of %s is full; try again later",
		connection->tenant_name);
	connection_refuse(connection, 429, reason);
}

static void system_refused(struct connection *connection, int error)
{
	char reason[160];

	snprintf(reason, sizeof(reason), "the execution could not be prepared: %s; try again later",
		error_text(error));
	connection_refuse(connection, 503, reason);
}

static void submit_refused(struct connection *connection, int error)
{
	remember_drop(connection);
	api_execute_clear(connection);
	stream_close(connection);
	if (error == -EAGAIN)
		queue_full(connection);
	else if (error == -EMSGSIZE)
		connection_refuse(connection, 413,
			"code, env and args are longer than 1 MiB together");
	else if (error == -EOPNOTSUPP)
		connection_refuse(connection, 400, POOL_NO_SYSCALLS_LIMIT);
	else if (error == -ESHUTDOWN)
		connection_refuse(connection, 503, "the daemon is stopping");
	else
		system_refused(connection, error);
}

static unsigned parse_status(int result)
{
	switch (result) {
	case -E2BIG:
		return 413;
	case -ENOMEM:
		return 503;
	default:
		return 400;
	}
}

/* With parameters (charset=utf-8) or without. */
static bool is_json(const char *content_type)
{
	size_t size = strcspn(content_type, "; \t");

	return size == 16 && strncasecmp(content_type, "application/json", size) == 0 &&
		strchr(";", content_type[size + strspn(content_type + size, " \t")]);
}

static void exchange_prepare(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	struct execution *execution = &exchange->execution;

	output_bound(&exchange->request);
	exchange->head_sent = exchange->last_line = exchange->paused = exchange->over = false;
	exchange->abandoned = false;
	atomic_store(&exchange->cancel_asked, false);
	execution_init(execution);
	request_apply(&exchange->request, execution);
	execution->output = output_taken;
	execution->vector = exchange->raw ? output_lent : NULL;
	execution->gap = output_gap;
	execution->left = exchange->request.artifacts ? workspace_left : NULL;
	execution->done = execution_done;
	execution->user = connection;
	execution->tenant = connection_tenant(connection);
}

static void exchange_submit(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	const struct request *asked = &exchange->request;
	int result = asked->stream ? stream_open(connection) : 0;

	if (result == 0)
		result = artifacts_name(
			&exchange->artifacts, asked->artifacts, asked->artifacts_bytes);
	if (result == 0 && exchange->request.stdin_text)
		result = stdin_open(&exchange->request, &exchange->execution.stdin_fd);
	if (result == 0) {
		exchange->running = true;
		exchange->streaming = exchange->request.stream;
		result = pool_submit(connection->shard->server->pool, &exchange->execution);
	}
	if (result < 0) {
		exchange->running = exchange->streaming = false;
		submit_refused(connection, result);
	}
}

void api_execute(struct connection *connection, const struct http_request *request)
{
	struct exchange *exchange = &connection->exchange;
	struct error error = { .sentence = "" };
	int result;

	if (atomic_load(&connection->shard->server->draining)) {
		connection_refuse(connection, 503, "the daemon is draining");
		return;
	}
	if (!is_json(request->content_type)) {
		connection_refuse(connection, 415, "send the request as application/json");
		return;
	}
	if (!remember_look(connection, request))
		return;
	result = request_parse(request->body ? request->body : "", request->body_bytes,
		&server_tuning(connection->shard)->limits, &exchange->request, &error);
	if (result < 0) {
		connection_refuse(connection, parse_status(result), error.sentence);
		return;
	}
	exchange->raw = strcasestr(request->accept, "application/octet-stream") != NULL;
	exchange->request.stream |= exchange->raw;
	exchange_prepare(connection);
	if (remember_begin(connection))
		exchange_submit(connection);
	else
		api_execute_clear(connection);
}

/* As long as it said that it would. */
static bool has_waited(const struct execution *execution)
{
	return execution->queue_nsec_max &&
	       clock_now_nsec() - execution->submitted_nsec >= execution->queue_nsec_max;
}

/* What is missing is said, by the last note if there are that many. */
static void note_add(struct request *request, const char *sentence)
{
	if (request->note_count == LIMIT_COUNT)
		request->note_count--;
	error_set(&request->notes[request->note_count++], 0, "%s", sentence);
}

static void shortage_note(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;

	if (exchange->capture.short_of_memory || stream_is_short(connection))
		note_add(&exchange->request,
			"the daemon had no memory for a part of the output, which is left out");
	if (exchange->artifacts.left_out)
		note_add(&exchange->request,
			"artifacts are at most 16M together: what did not fit, or found no memory, "
			"is null");
}

static char *answer_text(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;

	shortage_note(connection);
	const struct report_labels labels = { .id = exchange->id,
		.notes = exchange->request.notes,
		.note_count = exchange->request.note_count,
		.artifacts = &exchange->artifacts };

	return report_result(&labels, &exchange->execution.result, &exchange->capture);
}

static void rejected_answer(struct connection *connection)
{
	const struct execution *execution = &connection->exchange.execution;
	char reason[256];

	connection->exchange.streaming = false;
	stream_close(connection);
	verdict_sentence(&execution->result, reason, sizeof(reason));
	if (has_waited(execution))
		connection_refuse(connection, 504, reason);
	else
		queue_full(connection);
}

/* What was asked for then is not what anybody said; the record tells. */
static void leaving_tell(struct connection *connection)
{
	struct result *result = &connection->exchange.execution.result;

	if (connection->closing && result->verdict == VERDICT_CANCELLED)
		snprintf(result->reason, sizeof(result->reason),
			"its client has gone, or stopped reading");
}

/* Of an answer that has begun, only its end can tell. */
static void memory_refused(struct connection *connection)
{
	connection->exchange.streaming = false;
	if (connection->exchange.head_sent)
		connection_close(connection);
	else
		connection_refuse(connection, 503, "there is no memory for the answer");
}

static void result_answer(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	char *text;

	leaving_tell(connection);
	text = answer_text(connection);
	remember_end(connection, text);
	if (connection->closing) {
		exchange->streaming = false;
		memory_free(text);
	} else if (!text) {
		memory_refused(connection);
	} else if (exchange->streaming) {
		connection->state = CONNECTION_ANSWERING;
		if (stream_end(connection, text) < 0)
			memory_refused(connection);
		memory_free(text);
	} else {
		connection_answer(connection, 200, "application/json", text, strlen(text));
		/* The turn goes on with the worker's end and with births; the client need not. */
		loop_flush(connection->shard->loop);
	}
}

void api_execute_answer(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;

	if (exchange->execution.result.verdict != VERDICT_REJECTED) {
		result_answer(connection);
	} else {
		remember_drop(connection);
		/* Closing or not: nothing of a stream was sent. */
		rejected_answer(connection);
	}
	api_execute_clear(connection);
}
