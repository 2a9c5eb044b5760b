// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench_daemon.c: the load of bench_load.c, over HTTP, from one thread with one loop.
 *
 * The load runs on the CPUs that it measures, so it is made to cost little: requests are printed
 * once, a connection is kept for each stream, sending is one system call, and of an answer nothing
 * is read but its verdict. Latency counts from before the request is sent (closed loop) or from
 * when it was due (open loop) until the last byte of the answer is there.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/own.h"
#include "pool/commands/bench.h"
#include "pool/commands/client.h"
#include "pool/http/answer_reader.h"
#include "ring/loop.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define INPUT_BYTES 16384u
#define ANSWER_BYTES_MAX (64u << 20)
#define OPS_PER_STREAM 2u
#define PATIENCE_NSEC (60 * NSEC_PER_SEC) /* for the last answers, above an execution's timeout */
#define STATUS_NSEC_MAX (10 * NSEC_PER_SEC)

struct request {
	char *bytes;
	size_t size;
};

struct stream {
	int fd;           /* -1: not connected yet */
	struct list node; /* of the idle */
	unsigned program;
	uint64_t due_nsec;
	size_t sent;
	struct http_answer_reader *reader;
	char *input;
};

static struct {
	struct bench *bench;
	struct loop *loop;
	struct request *requests;
	struct stream *streams;
	unsigned stream_count;
	struct list idle;
	unsigned running, next_program;
	uint64_t next_arrival, end_nsec;
	struct loop_timer clock;
	bool over;
	int failure;
	struct error error;
} load;

enum { OP_RECEIVE, OP_SEND, OP_COUNT_OF_LOAD };

/* --- The requests ----------------------------------------------------------------------------- */

/* The daemon has its own standard ones. */
static void limits_given(const struct bench_program *program, struct limits *ret_limits)
{
	struct limits standard;

	limits_init(&standard);
	*ret_limits = program->limits;
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (ret_limits->values[i] == standard.values[i])
			ret_limits->values[i] = 0;
}

static int request_print(
	const struct bench_program *program, struct request *ret_request, struct error *error)
{
	const char *runtime = load.bench->options.config.runtime;
	cJSON *document = cJSON_CreateObject();
	struct limits limits;

	if (!utf8_is_valid(program->code, program->code_bytes)) {
		cJSON_Delete(document);
		return error_set(error, -EILSEQ,
			"%s is no UTF-8 text, and a request carries nothing else", program->name);
	}
	cJSON_AddStringToObject(document, "code", program->code);
	if (strcmp(runtime, "python") != 0)
		cJSON_AddStringToObject(document, "runtime", runtime);
	limits_given(program, &limits);
	client_limits_add(document, &limits);
	AUTO_FREE char *body = cJSON_PrintUnformatted(document);
	int size = body ? asprintf(&ret_request->bytes,
				  "POST /v1/execute HTTP/1.1\r\nHost: corral\r\n"
				  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				  strlen(body), body)
			: -1;

	cJSON_Delete(document);
	if (size < 0)
		return error_set(error, -ENOMEM, "no memory for the request of %s", program->name);
	ret_request->size = (size_t)size;
	return 0;
}

static int requests_print(struct bench *bench, struct error *error)
{
	int result = 0;

	load.requests = calloc(bench->program_count, sizeof(*load.requests));
	if (!load.requests)
		return error_set(error, -ENOMEM, "no memory for %u requests",
			bench->program_count);
	for (unsigned i = 0; i < bench->program_count && result == 0; i++)
		result = request_print(&bench->programs[i], &load.requests[i], error);
	return result;
}

/* --- A stream --------------------------------------------------------------------------------- */

static void load_fail(int result)
{
	if (load.failure == 0)
		load.failure = result;
	loop_stop(load.loop);
}

static int stream_connect(struct stream *stream)
{
	int result = client_connect(load.bench->options.socket, &stream->fd, &load.error);

	if (result < 0)
		return result;
	stream->reader = http_answer_reader_new(ANSWER_BYTES_MAX);
	stream->input = malloc(INPUT_BYTES);
	return stream->reader && stream->input
		? 0
		: error_set(&load.error, -ENOMEM, "no memory for a connection");
}

static void receive_arm(struct stream *stream)
{
	loop_recv(load.loop, OP_RECEIVE, stream, stream->fd, stream->input, INPUT_BYTES);
}

/* The rest of a request, where the socket's buffer did not take it whole. */
static void rest_send(struct stream *stream)
{
	const struct request *request = &load.requests[stream->program];

	loop_send(load.loop, OP_SEND, stream, stream->fd, request->bytes + stream->sent,
		request->size - stream->sent);
}

static void stream_begin(struct stream *stream, uint64_t due_nsec)
{
	const struct request *request;
	ssize_t n;
	int result = stream->fd < 0 ? stream_connect(stream) : 0;

	if (result < 0) {
		load_fail(result);
		return;
	}
	stream->program = load.next_program++ % load.bench->program_count;
	stream->due_nsec = due_nsec;
	request = &load.requests[stream->program];
	n = send(stream->fd, request->bytes, request->size, MSG_DONTWAIT | MSG_NOSIGNAL);
	stream->sent = n > 0 ? (size_t)n : 0;
	/* A daemon that has closed is heard of by receiving. */
	if (stream->sent < request->size && (n >= 0 || errno == EAGAIN))
		rest_send(stream);
	receive_arm(stream);
}

/* Of a stream that was idle. */
static void stream_start(struct list *node, uint64_t due_nsec)
{
	load.running++;
	stream_begin(list_owner(node, struct stream, node), due_nsec);
}

static void stream_end(struct stream *stream)
{
	list_push(&load.idle, &stream->node);
	if (--load.running == 0 && load.over)
		loop_stop(load.loop);
}

static void request_sent(void *owner, int32_t result)
{
	struct stream *stream = owner;

	if (result <= 0)
		return;
	stream->sent += (size_t)result;
	if (stream->sent < load.requests[stream->program].size)
		rest_send(stream);
}

/*
 * Of {"id":…,"verdict":"ok",…}: in that order, so a program's own text stands behind it, and in a
 * JSON string the quotes would not stand like this.
 */
static unsigned answer_verdict(const char *body, size_t size)
{
	static const char key[] = "\"verdict\":\"";
	const char *begin = body ? memmem(body, size, key, sizeof(key) - 1) : NULL;
	const char *end;

	if (!begin)
		return BENCH_VERDICTS;
	begin += sizeof(key) - 1;
	end = memchr(begin, '"', size - (size_t)(begin - body));
	return end ? bench_verdict_place(begin, (size_t)(end - begin)) : BENCH_VERDICTS;
}

static bool answer_tells_rewind(const char *body, size_t size)
{
	static const char field[] = "\"reset\":\"rewind\"";

	return memmem(body, size, field, sizeof(field) - 1);
}

static void answer_count(struct stream *stream)
{
	unsigned status = http_answer_status(stream->reader), place;
	uint64_t nsec = clock_now_nsec() - stream->due_nsec;
	bool was_refused = status == 429 || status == 503 || status == 504;
	size_t size;
	const char *body = http_answer_body(stream->reader, &size);

	if (was_refused) {
		load.bench->refused++;
	} else if (status != 200) {
		load_fail(client_refused(status, body, size, &load.error));
		return;
	} else {
		place = answer_verdict(body, size);
		if (place == BENCH_VERDICTS) {
			load_fail(error_set(&load.error, -EBADMSG,
				"the daemon's answer has no verdict that is known here"));
			return;
		}
		bench_tally_add(load.bench, 0, stream->program, place,
			answer_tells_rewind(body, size), nsec);
		atomic_fetch_add(&load.bench->answered, 1);
	}
	http_answer_reader_next(stream->reader);
	/* As in an embedded pool, a stream that is turned away ends. */
	if (load.over || was_refused || load.bench->options.rate > 0)
		stream_end(stream);
	else
		stream_begin(stream, clock_now_nsec());
}

static void answer_received(void *owner, int32_t result)
{
	struct stream *stream = owner;
	int progress;

	if (result <= 0)
		progress = http_answer_reader_end(stream->reader, &load.error);
	else
		progress = http_answer_reader_take(
			stream->reader, stream->input, (size_t)result, &load.error);
	if (progress < 0)
		load_fail(progress);
	else if (progress == 0)
		receive_arm(stream);
	else
		answer_count(stream);
}

static const struct loop_op_type op_types[OP_COUNT_OF_LOAD] = {
	[OP_RECEIVE] = { "receive", answer_received },
	[OP_SEND] = { "send", request_sent },
};

/* --- The clock -------------------------------------------------------------------------------- */

static void load_over(void)
{
	uint64_t timeout = load.bench->options.config.limits.values[LIMIT_TIMEOUT];

	load.over = true;
	if (load.running == 0)
		loop_stop(load.loop);
	else
		loop_timer_arm(load.loop, &load.clock, load.end_nsec + timeout + PATIENCE_NSEC);
}

static uint64_t arrival_nsec(uint64_t number)
{
	return load.bench->begin_nsec +
	       (uint64_t)((double)number * (1e9 / load.bench->options.rate));
}

/* Open loop: all that is due by now, whatever came back. */
static void arrivals_begin(uint64_t now)
{
	uint64_t due;

	while ((due = arrival_nsec(load.next_arrival)) <= now && due < load.end_nsec) {
		struct list *node = list_pop(&load.idle);

		load.next_arrival++;
		if (node)
			stream_start(node, due);
		else
			load.bench->refused++;
	}
	loop_timer_arm(load.loop, &load.clock, due < load.end_nsec ? due : load.end_nsec);
}

static void clock_fired(void *owner)
{
	uint64_t now = clock_now_nsec();

	if (load.over)
		load_fail(error_set(&load.error, -ETIMEDOUT,
			"%u answers of the daemon did not come in time", load.running));
	else if (now >= load.end_nsec)
		load_over();
	else
		arrivals_begin(now);
}

/* --- The whole -------------------------------------------------------------------------------- */

static int streams_make(struct bench *bench, struct error *error)
{
	struct rlimit files;

	load.stream_count =
		bench->options.rate > 0 ? BENCH_CONNECTIONS_MAX : bench->options.streams;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load.streams = calloc(load.stream_count, sizeof(*load.streams));
	if (!load.streams)
		return error_set(error, -ENOMEM, "no memory for %u streams", load.stream_count);
	list_init(&load.idle);
	for (unsigned i = load.stream_count; i > 0; i--) {
		load.streams[i - 1].fd = -1;
		list_push(&load.idle, &load.streams[i - 1].node);
	}
	return bench_tallies_make(bench, 1, error);
}

static int load_run(struct bench *bench, struct error *error)
{
	int result;

	loop_timer_init(&load.clock, clock_fired, NULL);
	bench->begin_nsec = clock_now_nsec();
	load.end_nsec = bench->begin_nsec + (uint64_t)(bench->options.seconds * 1e9);
	if (bench->options.rate > 0) {
		arrivals_begin(bench->begin_nsec);
	} else {
		loop_timer_arm(load.loop, &load.clock, load.end_nsec);
		for (struct list *node; load.failure == 0 && (node = list_pop(&load.idle));)
			stream_start(node, clock_now_nsec());
	}
	result = loop_run(load.loop);
	bench->end_nsec = clock_now_nsec();
	if (result < 0)
		return error_set(error, result, "io_uring failed: %s", error_text(result));
	return load.failure < 0 ? error_set(error, load.failure, "%s", load.error.sentence) : 0;
}

static void load_free(struct bench *bench)
{
	loop_free(load.loop);
	for (unsigned i = 0; load.streams && i < load.stream_count; i++) {
		fd_close(&load.streams[i].fd);
		http_answer_reader_free(load.streams[i].reader);
		free(load.streams[i].input);
	}
	free(load.streams);
	for (unsigned i = 0; load.requests && i < bench->program_count; i++)
		free(load.requests[i].bytes);
	free(load.requests);
}

static uint64_t figure(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

static void layers_read(const cJSON *layers, struct layer_status *status)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(layers, layer_name(i));
		const char *word = cJSON_IsString(item) ? item->valuestring : "";

		status[i].state = strcmp(word, layer_state_name(LAYER_ENFORCED)) == 0
			? LAYER_ENFORCED
			: strcmp(word, layer_state_name(LAYER_DEGRADED)) == 0 ? LAYER_DEGRADED
									     : LAYER_ABSENT;
	}
}

/* What GET /v1/pool says, as an embedded pool would. */
static int status_read(const struct bench *bench, struct pool_status *ret_status,
	struct error *error)
{
	const struct client_request request = {
		.socket_path = bench->options.socket,
		.method = "GET",
		.target = "/v1/pool",
		.answer_nsec_max = STATUS_NSEC_MAX,
	};
	AUTO_FREE char *body = NULL;
	size_t size;
	int result = client_ask(&request, &body, &size, error);
	cJSON *pool = result == 0 ? cJSON_ParseWithLength(body, size) : NULL;
	const cJSON *runtime;

	*ret_status = (struct pool_status){
		.shards = (unsigned)figure(pool, "shards"),
		.executions = figure(pool, "executions"),
		.births = figure(pool, "births"),
		.rewinds = figure(pool, "rewinds"),
		.rewind_failures = figure(pool, "rewind_failures"),
		.rewind_mismatches = figure(pool, "rewind_mismatches"),
		.birth_failures = figure(pool, "birth_failures"),
		.template_restarts = figure(pool, "template_restarts"),
	};
	cJSON_ArrayForEach(runtime, cJSON_GetObjectItemCaseSensitive(pool, "templates"))
	{
		ret_status->total += (unsigned)figure(runtime, "total");
		ret_status->idle += (unsigned)figure(runtime, "idle");
		ret_status->busy += (unsigned)figure(runtime, "busy");
		ret_status->resetting += (unsigned)figure(runtime, "resetting");
		ret_status->dead += (unsigned)figure(runtime, "dead");
	}
	layers_read(cJSON_GetObjectItemCaseSensitive(pool, "layers"), ret_status->layers);
	cJSON_Delete(pool);
	return result;
}

int bench_daemon_load(struct bench *bench, struct error *error)
{
	struct loop_config config = { .types = op_types, .type_count = OP_COUNT_OF_LOAD };
	int result;

	load.bench = bench;
	result = requests_print(bench, error);
	if (result == 0)
		result = streams_make(bench, error);
	if (result == 0) {
		config.ops_max = load.stream_count * OPS_PER_STREAM + 1;
		result = loop_new(&load.loop, &config);
		if (result < 0)
			error_set(error, result, "cannot set up io_uring: %s", error_text(result));
	}
	if (result == 0)
		result = load_run(bench, error);
	if (result == 0)
		result = status_read(bench, &bench->daemon, error);
	load_free(bench);
	return result;
}
