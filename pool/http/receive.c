// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/receive.c: what a client sends: bytes in, requests out of them, one at a time.
 *
 * One receive stays armed for as long as a connection lives, and takes memory only while something
 * comes: a silent connection holds no buffer. What comes before its turn (a pipeline) is copied,
 * since the buffer is lent, and the receive is cancelled: the rest waits in the socket, at the
 * sender's cost. Until the cancel takes effect the kernel can fill all buffers once more; that
 * bounds the copy. When it is used up the receive is armed again.
 *
 * A client that sends no more (a half-close) still gets its answers. One that is gone has its
 * execution cancelled: an armed receive tells of it, else a watch. A unix socket knows the two
 * apart. TCP does not: both are a FIN; only what is sent to one who is gone comes back as a reset.
 * So "100 Continue" is sent, which every client of HTTP/1.1 ignores (RFC 9110, 15.2).
 */
#include "base/memory.h"
#include "pool/http/server_private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define AHEAD_BYTES_MIN 1024u
/* What the buffers hold when the first too early byte is seen, and when the cancel takes effect. */
#define AHEAD_BYTES_MAX (2u * LOOP_BUFFERS * LOOP_BUFFER_BYTES)

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* --- Operations ------------------------------------------------------------------------------- */

void connection_receive(struct connection *connection)
{
	struct server_shard *shard = connection->shard;

	if (connection->receiving || connection->closing)
		return;
	connection->receive_op = loop_receive(shard->loop,
		server_op(shard->server, SERVER_OP_RECEIVE), connection, connection->fd);
	connection->receiving = connection->receive_op != 0;
	if (!connection->receiving)
		connection_close(connection);
}

static void receive_pause(struct connection *connection)
{
	if (!connection->receiving || connection->pausing)
		return;
	connection->pausing = true;
	loop_cancel(connection->shard->loop, connection->receive_op);
}

/* Where no receive would tell of the client's end. */
static void watch_arm(struct connection *connection)
{
	struct server_shard *shard = connection->shard;

	if (connection->watching || connection->receiving || connection->closing)
		return;
	connection->watch_op = loop_watch(shard->loop, server_op(shard->server, SERVER_OP_WATCH),
		connection, connection->fd);
	connection->watching = connection->watch_op != 0;
}

/* --- What came too early ---------------------------------------------------------------------- */

void connection_ahead_free(struct connection *connection)
{
	memory_free(connection->ahead);
	connection->ahead = NULL;
	connection->ahead_size = connection->ahead_used = connection->ahead_taken = 0;
}

static bool ahead_grow(struct connection *connection, size_t wanted)
{
	size_t size = connection->ahead_size ? connection->ahead_size : AHEAD_BYTES_MIN;
	char *grown;

	if (wanted > AHEAD_BYTES_MAX)
		return false;
	while (size < wanted)
		size *= 2;
	if (size == connection->ahead_size)
		return true;
	grown = memory_grow(connection->ahead, size);
	if (!grown)
		return false;
	connection->ahead = grown;
	connection->ahead_size = size;
	return true;
}

static void ahead_keep(struct connection *connection, const char *bytes, size_t size)
{
	receive_pause(connection);
	/* Behind the last request nothing is read. */
	if (connection->is_last || connection->closing)
		return;
	if (!ahead_grow(connection, connection->ahead_used + size)) {
		connection_close(connection);
		return;
	}
	memcpy(connection->ahead + connection->ahead_used, bytes, size);
	connection->ahead_used += size;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Small, and into an empty socket: what does not go now is not worth waiting for. */
static bool continue_send(struct connection *connection)
{
	return send(connection->fd, continue_line, sizeof(continue_line) - 1,
		       MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(continue_line) - 1;
}

static void request_complete(struct connection *connection)
{
	const struct http_request *request = http_reader_request(connection->reader);

	connection->state = CONNECTION_HANDLING;
	connection->is_last |= !request->keep_alive;
	loop_timer_disarm(connection->shard->loop, &connection->timer);
	watch_arm(connection);
	api_handle(connection, request);
}

/* One deadline for the head, one for the body, each from its begin: trickling renews neither. */
static void phase_timer_set(struct connection *connection, bool had_begun, bool had_head)
{
	const struct server_tuning *tuning = server_tuning(connection->shard);

	if (!had_head && http_reader_has_head(connection->reader))
		connection_timer_set(connection, tuning->body_nsec_max);
	else if (!had_begun && http_reader_has_begun(connection->reader))
		connection_timer_set(connection, tuning->head_nsec_max);
}

/* Reads to the end of a request, or of the bytes. Returns how many were taken. */
static size_t bytes_read(struct connection *connection, const char *bytes, size_t size)
{
	struct error error = { .sentence = "" };
	enum http_progress progress;
	bool had_begun, had_head;
	size_t at = 0, taken;
	unsigned status;

	while (at < size && !connection->closing) {
		had_begun = http_reader_has_begun(connection->reader);
		had_head = http_reader_has_head(connection->reader);
		progress = http_reader_take(
			connection->reader, bytes + at, size - at, &taken, &status, &error);
		if (!had_head && (progress == HTTP_MORE || progress == HTTP_CONTINUE) &&
		    http_reader_has_head(connection->reader) &&
		    !api_admits_body(connection, http_reader_request(connection->reader))) {
			connection->is_last = true;
			api_refuse_stranger(connection);
			return size;
		}
		switch (progress) {
		case HTTP_MORE:
			break;
		case HTTP_CONTINUE:
			if (!continue_send(connection))
				connection_close(connection);
			break;
		case HTTP_COMPLETE:
			request_complete(connection);
			return at + taken;
		case HTTP_REFUSED:
			connection->is_last = true;
			connection_refuse(connection, status, error.sentence);
			return size;
		}
		at += taken;
		if (!connection->closing)
			phase_timer_set(connection, had_begun, had_head);
	}
	return at;
}

static void ahead_read(struct connection *connection)
{
	connection->in_hands = true;
	connection->ahead_taken += bytes_read(connection,
		connection->ahead + connection->ahead_taken,
		connection->ahead_used - connection->ahead_taken);
	if (connection->ahead_taken == connection->ahead_used)
		connection_ahead_free(connection);
	connection->in_hands = false;
}

void connection_request_next(struct connection *connection)
{
	http_reader_next(connection->reader);
	connection->state = CONNECTION_READING;
	connection_timer_set(connection, server_tuning(connection->shard)->idle_nsec_max);
	if (connection->ahead)
		ahead_read(connection);
	if (connection->state == CONNECTION_READING) {
		if (connection->has_ended)
			connection_close(connection);
		else
			connection_receive(connection);
	}
	connection_closed_when_quiet(connection);
}

/* --- Results ---------------------------------------------------------------------------------- */

static void bytes_came(struct connection *connection, const char *bytes, size_t size)
{
	size_t taken = 0;

	connection->in_hands = true;
	if (connection->state == CONNECTION_READING)
		taken = bytes_read(connection, bytes, size);
	if (taken < size)
		ahead_keep(connection, bytes + taken, size - taken);
	connection->in_hands = false;
}

static void receive_over(struct connection *connection, int32_t result)
{
	bool was_paused = connection->pausing;

	connection->pausing = false;
	if (connection->closing)
		return;
	connection->has_ended = result == 0;
	if (was_paused && result == -ECANCELED) {
		if (connection->state == CONNECTION_READING)
			connection_receive(connection);
		else
			watch_arm(connection);
	} else if (result < 0 || connection->state == CONNECTION_READING) {
		connection_close(connection);
	} else {
		watch_arm(connection);
	}
}

void connection_received(void *owner, int32_t result, const char *bytes, bool more)
{
	struct connection *connection = owner;

	connection->receiving = more;
	if (!more)
		receive_over(connection, result);
	else if (!connection->closing)
		bytes_came(connection, bytes, (size_t)result);
	connection_closed_when_quiet(connection);
}

/* An answer that has begun tells as well whether anybody is there. */
static void client_probe(struct connection *connection)
{
	if (connection->was_probed || connection->state != CONNECTION_HANDLING ||
	    connection->exchange.head_sent || connection->sending ||
	    !http_reader_request(connection->reader)->has_chunks)
		return;
	connection->was_probed = true;
	continue_send(connection);
}

void connection_watched(void *owner, int32_t result, const char *bytes, bool more)
{
	struct connection *connection = owner;

	connection->watching = more;
	if (result > 0 && result & (POLLHUP | POLLERR))
		connection_close(connection);
	else if (result > 0 && connection->is_tcp && !connection->closing)
		client_probe(connection);
	connection_closed_when_quiet(connection);
}
