// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/stream.c: an answer that is sent while its program runs, as lines or as raw frames.
 *
 * What comes is gathered until the loop's turn ends and then sent as one chunk; one send is under
 * way at a time. When too much waits behind it, so does the program.
 *
 * Frames of large records are sent from where the worker wrote them. The execution lends those
 * records until it is resumed, and it is resumed only when their send is over: sent, failed or
 * cancelled. So the kernel never reads memory that was unmapped or given to another. The headers
 * around them are ours. Whoever lends may be another shard's thread; its memory is as good.
 *
 * An abandoned stream takes everything and keeps nothing: an execution that waited for a connection
 * that is gone would wait for ever.
 */
#include "base/memory.h"
#include "pool/http/server_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STREAM_BYTES_MAX (128u * 1024u) /* that wait to be sent; then the program does */

int stream_open(struct connection *connection)
{
	stream_close(connection); /* of an answer that was refused after all */
	connection->exchange.stream = memory_alloc(sizeof(struct stream));
	if (!connection->exchange.stream)
		return -ENOMEM;
	*connection->exchange.stream = (struct stream){ .lent_count = 0 };
	return 0;
}

void stream_close(struct connection *connection)
{
	struct stream *stream = connection->exchange.stream;

	if (!stream)
		return;
	events_clear(&stream->events);
	bytes_clear(&stream->frames);
	bytes_clear(&stream->sent);
	memory_free(stream);
	connection->exchange.stream = NULL;
}

/* --- What comes: on the execution's thread ---------------------------------------------------- */

/* What else comes in this turn of the loop goes with it. */
static void stream_post(struct connection *connection)
{
	if (!connection_is_here(connection))
		connection_post(connection);
	else if (!connection->flush.place && !connection->sending && !connection->closing &&
		loop_timer_arm(connection->shard->loop, &connection->flush, 0) < 0)
		stream_attend(connection);
}

static void frame_take(struct stream *stream, enum frame_kind kind, const void *bytes, size_t size)
{
	if (!frame_add(&stream->frames, kind, bytes, size))
		stream->events.short_of_memory = true;
}

bool stream_output(
	struct connection *connection, enum output_kind kind, const void *bytes, size_t size)
{
	struct exchange *exchange = &connection->exchange;
	struct stream *stream = exchange->stream;
	bool paused, abandoned;

	pthread_mutex_lock(&exchange->lock);
	abandoned = exchange->abandoned;
	if (!abandoned && exchange->raw)
		frame_take(stream, frame_kind_of(kind), bytes, size);
	else if (!abandoned)
		events_add(&stream->events, kind, bytes, size);
	exchange->paused |=
		!abandoned && stream->events.lines.used + stream->frames.used > STREAM_BYTES_MAX;
	paused = exchange->paused;
	pthread_mutex_unlock(&exchange->lock);
	if (!abandoned)
		stream_post(connection);
	return !paused;
}

unsigned stream_vector(
	struct connection *connection, const struct output_record *records, unsigned count)
{
	struct exchange *exchange = &connection->exchange;

	pthread_mutex_lock(&exchange->lock);
	if (exchange->abandoned)
		count = 0;
	memcpy(exchange->stream->lent, records, count * sizeof(*records));
	exchange->stream->lent_count = count;
	pthread_mutex_unlock(&exchange->lock);
	if (count)
		stream_post(connection);
	return count;
}

void stream_gap(struct connection *connection, enum output_kind kind, uint64_t dropped_bytes)
{
	struct exchange *exchange = &connection->exchange;
	struct stream *stream = exchange->stream;
	char line[96];

	if (!dropped_bytes)
		return;
	snprintf(line, sizeof(line), "{\"dropped\":\"%s\",\"bytes\":%" PRIu64 "}",
		kind == OUTPUT_STDERR ? "stderr" : "stdout", dropped_bytes);
	pthread_mutex_lock(&exchange->lock);
	if (exchange->abandoned)
		;
	else if (!exchange->raw)
		events_end(&stream->events, line);
	else if (!frame_add_gap(&stream->frames, kind, dropped_bytes))
		stream->events.short_of_memory = true;
	pthread_mutex_unlock(&exchange->lock);
}

/* --- What is sent: on the connection's thread ------------------------------------------------- */

static void part_add(struct stream *stream, const void *bytes, size_t size)
{
	stream->parts[stream->message.msg_iovlen++] = (struct iovec){ (void *)bytes, size };
}

/* Records of one stream that follow each other make one frame. Returns the bytes of all frames. */
static size_t lent_add(struct stream *stream)
{
	size_t total = 0;

	for (unsigned first = 0, next; first < stream->lent_count; first = next) {
		enum output_kind kind = stream->lent[first].kind;
		size_t size = 0;

		for (next = first; next < stream->lent_count; next++) {
			if (stream->lent[next].kind != kind)
				break;
			size += stream->lent[next].size;
		}
		frame_header(stream->headers[first], frame_kind_of(kind), size);
		part_add(stream, stream->headers[first], FRAME_HEADER_BYTES);
		for (unsigned i = first; i < next; i++)
			for (unsigned part = 0; part < stream->lent[i].part_count; part++)
				part_add(stream, stream->lent[i].parts[part].iov_base,
					stream->lent[i].parts[part].iov_len);
		total += FRAME_HEADER_BYTES + size;
	}
	return total;
}

static void send_arm(struct connection *connection)
{
	struct server_shard *shard = connection->shard;

	connection_timer_set(connection, server_tuning(shard)->answer_nsec_max);
	connection->send_op = loop_sendmsg(shard->loop,
		server_op(shard->server, SERVER_OP_STREAM), connection, connection->fd,
		&connection->exchange.stream->message);
	connection->sending = connection->send_op != 0;
	if (connection->sending)
		return;
	connection->exchange.stream->lent_sent = false;
	connection_close(connection);
}

/* HTTP's head, if this is the first send, and the size of the chunk. */
static void lead_print(struct connection *connection, size_t bytes, bool has_chunks)
{
	struct exchange *exchange = &connection->exchange;
	struct stream *stream = exchange->stream;
	size_t used = 0;

	if (!exchange->head_sent)
		used = (size_t)snprintf(stream->lead, sizeof(stream->lead),
			"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s%s\r\n",
			exchange->raw ? "application/octet-stream" : "application/x-ndjson",
			has_chunks ? "Transfer-Encoding: chunked\r\n" : "",
			connection->is_last ? "Connection: close\r\n" : "");
	if (bytes && has_chunks)
		used += (size_t)snprintf(
			stream->lead + used, sizeof(stream->lead) - used, "%zx\r\n", bytes);
	exchange->head_sent = true;
	stream->parts[0] = (struct iovec){ stream->lead, used };
}

/*
 * One send: the head if it is the first, lines or frames as one chunk, and the end if they are the
 * last. HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
 */
static void stream_send(struct connection *connection, bool last)
{
	bool has_chunks = http_reader_request(connection->reader)->has_chunks;
	struct stream *stream = connection->exchange.stream;
	const char *trail;
	size_t bytes = stream->sent.used;

	connection->is_last |= !has_chunks || atomic_load(&connection->shard->server->draining);
	stream->message = (struct msghdr){ .msg_iov = stream->parts, .msg_iovlen = 1 };
	part_add(stream, stream->sent.start, bytes);
	if (stream->lent_sent)
		bytes += lent_add(stream);
	lead_print(connection, bytes, has_chunks);
	if (bytes)
		trail = last ? "\r\n0\r\n\r\n" : "\r\n";
	else
		trail = last ? "0\r\n\r\n" : "";
	if (has_chunks)
		part_add(stream, trail, strlen(trail));
	stream->last_sent = last;
	send_arm(connection);
}

/* Sends what waits. True: the program waited, too, and is to be resumed by the caller. */
static bool waiting_send(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	struct stream *stream = exchange->stream;
	bool paused;

	if (connection->closing || connection->sending || !stream)
		return false;
	loop_timer_disarm(connection->shard->loop, &connection->flush);
	pthread_mutex_lock(&exchange->lock);
	bytes_swap(exchange->raw ? &stream->frames : &stream->events.lines, &stream->sent);
	stream->lent_sent = stream->lent_count > 0;
	paused = exchange->paused;
	exchange->paused = false;
	pthread_mutex_unlock(&exchange->lock);
	if (stream->sent.used || stream->lent_sent || exchange->last_line)
		stream_send(connection, exchange->last_line);
	return paused;
}

void stream_attend(struct connection *connection)
{
	if (waiting_send(connection))
		pool_resume(connection->shard->server->pool, &connection->exchange.execution);
}

void stream_flush(void *owner)
{
	struct connection *connection = owner;

	if (waiting_send(connection))
		pool_service_resume(
			connection->shard->server->pool, &connection->exchange.execution);
}

int stream_end(struct connection *connection, const char *document)
{
	struct exchange *exchange = &connection->exchange;
	struct stream *stream = exchange->stream;
	bool done;

	pthread_mutex_lock(&exchange->lock);
	done = exchange->raw
		? frame_add(&stream->frames, FRAME_RESULT, document, strlen(document))
		: events_end(&stream->events, document);
	pthread_mutex_unlock(&exchange->lock);
	if (!done)
		return -ENOMEM;
	exchange->last_line = true;
	stream_attend(connection);
	return 0;
}

bool stream_is_short(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	bool is_short;

	pthread_mutex_lock(&exchange->lock);
	is_short = exchange->stream && exchange->stream->events.short_of_memory;
	pthread_mutex_unlock(&exchange->lock);
	return is_short;
}

/* Nothing of what was lent is being sent any more. True if something was. */
static bool lent_return(struct exchange *exchange)
{
	bool lent;

	pthread_mutex_lock(&exchange->lock);
	lent = exchange->stream->lent_count > 0;
	exchange->stream->lent_count = 0;
	pthread_mutex_unlock(&exchange->lock);
	exchange->stream->lent_sent = false;
	return lent;
}

void stream_abandon(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	bool waits;

	pthread_mutex_lock(&exchange->lock);
	exchange->abandoned = true;
	waits = exchange->paused;
	exchange->paused = false;
	pthread_mutex_unlock(&exchange->lock);
	/* Lent to a send that is under way, the records come back when it is over. */
	if (exchange->stream && !exchange->stream->lent_sent)
		waits |= lent_return(exchange);
	if (waits)
		pool_resume(connection->shard->server->pool, &exchange->execution);
}

/* What is left of the message behind these bytes. False: nothing is. */
static bool message_advance(struct msghdr *message, size_t bytes)
{
	while (message->msg_iovlen && bytes >= message->msg_iov->iov_len) {
		bytes -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (!message->msg_iovlen)
		return false;
	message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + bytes;
	message->msg_iov->iov_len -= bytes;
	return true;
}

void stream_sent(void *owner, int32_t result)
{
	struct connection *connection = owner;
	struct exchange *exchange = &connection->exchange;
	struct pool *pool = connection->shard->server->pool;
	bool waits;

	connection->sending = false;
	if (result <= 0 || connection->closing) {
		if (exchange->stream->lent_sent && lent_return(exchange))
			pool_resume(pool, &exchange->execution);
		connection_close(connection);
		connection_closed_when_quiet(connection);
		return;
	}
	if (message_advance(&exchange->stream->message, (size_t)result)) {
		send_arm(connection);
		return;
	}
	exchange->stream->sent.used = 0;
	if (exchange->stream->last_sent) {
		exchange->streaming = false;
		stream_close(connection);
		connection_answered(connection);
		return;
	}
	loop_timer_disarm(connection->shard->loop, &connection->timer);
	waits = exchange->stream->lent_sent && lent_return(exchange);
	waits |= waiting_send(connection);
	/* Last: the execution may be over and answered before this returns. */
	if (waits)
		pool_service_resume(pool, &exchange->execution);
}
