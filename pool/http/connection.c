// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/connection.c: one client, from its acceptance to its end, and the answers to it.
 *
 * At any moment a connection reads, waits for its execution, or answers. How bytes come, and what
 * is done with those that come too early, is receive.c's.
 *
 * Each phase has its deadline. Closing waits for the operations that run and for the exchange: only
 * then may the kernel and the pool no longer hold our memory.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/own.h"
#include "pool/http/server_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void connection_timer_set(struct connection *connection, uint64_t nsec)
{
	loop_timer_arm(connection->shard->loop, &connection->timer, clock_now_nsec() + nsec);
}

static void timer_fired(void *owner)
{
	struct connection *connection = owner;

	/* In the middle of a request the client is told; else there is nobody to tell. */
	if (connection->state == CONNECTION_READING &&
	    http_reader_has_begun(connection->reader)) {
		connection->is_last = true;
		connection_refuse(connection, 408, "the request took too long to arrive");
	} else {
		connection_close(connection);
	}
}

/* --- Birth and death -------------------------------------------------------------------------- */

void connection_open(struct server_shard *shard, int fd, bool is_tcp)
{
	struct connection *connection =
		list_owner(list_pop(&shard->free), struct connection, node);

	connection->fd = fd;
	connection->is_tcp = is_tcp;
	connection->header = NULL;
	connection->state = CONNECTION_READING;
	connection->closing = connection->is_last = false;
	connection->has_ended = connection->was_probed = false;
	loop_timer_init(&connection->timer, timer_fired, connection);
	loop_timer_init(&connection->flush, stream_flush, connection);
	connection->reader = http_reader_open(
		shard->readers + (size_t)(connection - shard->connections) * http_reader_bytes(),
		server_tuning(shard)->body_bytes_max);
	list_append(&shard->open, &connection->node);
	connection->tenant = 0;
	connection->tenant_name[0] = '\0';
	if (!is_tcp && !connection_is_users(connection)) {
		connection_close(connection);
		return;
	}
	connection_timer_set(connection, server_tuning(shard)->idle_nsec_max);
	connection_receive(connection);
}

static void output_free(struct connection *connection)
{
	if (connection->output != connection->refusal)
		memory_free(connection->output);
	connection->output = NULL;
}

void connection_release(struct connection *connection)
{
	fd_close(&connection->fd);
	http_reader_close(connection->reader);
	if (connection->exchange.running)
		api_execute_clear(connection);
	stream_close(connection);
	connection_ahead_free(connection);
	output_free(connection);
}

void connection_closed_when_quiet(struct connection *connection)
{
	struct server_shard *shard = connection->shard;

	if (!connection->closing || connection->receiving || connection->sending ||
	    connection->watching || connection->exchange.running || connection->in_hands)
		return;
	connection_release(connection);
	connection->closing = false;
	list_remove(&connection->node);
	list_append(&shard->free, &connection->node);
	connection_left(shard);
}

void connection_close(struct connection *connection)
{
	struct loop *loop = connection->shard->loop;

	if (connection->closing || connection->fd < 0)
		return;
	connection->closing = true;
	loop_timer_disarm(loop, &connection->timer);
	loop_timer_disarm(loop, &connection->flush);
	shutdown(connection->fd, SHUT_RDWR);
	if (connection->receiving)
		loop_cancel(loop, connection->receive_op);
	if (connection->sending)
		loop_cancel(loop, connection->send_op);
	if (connection->watching)
		loop_cancel(loop, connection->watch_op);
	if (connection->exchange.running) {
		stream_abandon(connection);
		pool_cancel(connection->shard->server->pool, &connection->exchange.execution);
	}
	connection_closed_when_quiet(connection);
}

void connection_drain(struct connection *connection)
{
	connection->is_last = true;
	if (connection->state == CONNECTION_READING && !http_reader_has_begun(connection->reader))
		connection_close(connection);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static const char *status_phrase(unsigned status)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" }, { 202, "Accepted" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 409, "Conflict" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

static const char *status_headers(unsigned status)
{
	switch (status) {
	case 401:
		return "WWW-Authenticate: Bearer\r\n";
	case 429:
	case 503:
		return "Retry-After: 1\r\n";
	default:
		return "";
	}
}

static void send_arm(struct connection *connection)
{
	struct server_shard *shard = connection->shard;

	connection->send_op = loop_send(shard->loop, server_op(shard->server, SERVER_OP_SEND),
		connection, connection->fd, connection->output + connection->output_sent,
		connection->output_bytes - connection->output_sent);
	connection->sending = connection->send_op != 0;
	if (!connection->sending)
		connection_close(connection);
}

void connection_answer(struct connection *connection, unsigned status, const char *content_type,
	char *body, size_t body_bytes)
{
	bool is_refusal = body == connection->refusal;
	AUTO_MEMORY char *owned = is_refusal ? NULL : body;
	bool head_only = http_reader_request(connection->reader)->method == METHOD_HEAD;
	char head[HEAD_BYTES];
	int size;

	if (connection->closing)
		return;
	if (atomic_load(&connection->shard->server->draining))
		connection->is_last = true;
	size = snprintf(head, sizeof(head),
		"HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n", status,
		status_phrase(status), content_type, body_bytes, status_headers(status),
		connection->header ? connection->header : "",
		connection->is_last ? "Connection: close\r\n" : "");
	connection->header = NULL;
	if (head_only)
		body_bytes = 0;
	connection->output = is_refusal ? body : memory_grow(owned, (size_t)size + body_bytes);
	if (!connection->output) {
		connection_close(connection);
		return;
	}
	owned = NULL;
	memmove(connection->output + size, connection->output, body_bytes);
	memcpy(connection->output, head, (size_t)size);
	connection->output_bytes = (size_t)size + body_bytes;
	connection->output_sent = 0;
	connection->state = CONNECTION_ANSWERING;
	connection_timer_set(connection, server_tuning(connection->shard)->answer_nsec_max);
	send_arm(connection);
}

void connection_answer_copy(struct connection *connection, unsigned status,
	const char *content_type, const char *body, size_t body_bytes)
{
	char *copy = memory_alloc(body_bytes);

	if (copy)
		memcpy(copy, body, body_bytes);
	if (copy || connection->closing)
		connection_answer(connection, status, content_type, copy, body_bytes);
	else
		connection_close(connection);
}

void connection_sent(void *owner, int32_t result)
{
	struct connection *connection = owner;

	connection->sending = false;
	if (result <= 0 || connection->closing) {
		connection_close(connection);
		connection_closed_when_quiet(connection);
		return;
	}
	connection->output_sent += (size_t)result;
	if (connection->output_sent < connection->output_bytes) {
		connection_timer_set(connection, server_tuning(connection->shard)->answer_nsec_max);
		send_arm(connection);
		return;
	}
	output_free(connection);
	connection_answered(connection);
}

void connection_answered(struct connection *connection)
{
	if (connection->is_last)
		connection_close(connection);
	else
		connection_request_next(connection);
}

bool connection_is_here(const struct connection *connection)
{
	const struct server_shard *shard = connection->shard;

	return pool_service_here(shard->server->pool) == (int)shard->number;
}

void connection_post(struct connection *connection)
{
	struct server_shard *shard = connection->shard;

	pthread_mutex_lock(&shard->inbox_lock);
	if (list_is_empty(&connection->exchange.node))
		list_append(&shard->inbox, &connection->exchange.node);
	pthread_mutex_unlock(&shard->inbox_lock);
	pool_service_wake(shard->server->pool, shard->number);
}

void connection_attend(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	bool over;

	pthread_mutex_lock(&exchange->lock);
	over = exchange->over;
	pthread_mutex_unlock(&exchange->lock);
	if (over && exchange->running) {
		exchange->running = false;
		api_execute_answer(connection);
		connection_closed_when_quiet(connection);
		return;
	}
	if (exchange->running && atomic_exchange(&exchange->cancel_asked, false))
		pool_cancel(connection->shard->server->pool, &exchange->execution);
	if (exchange->streaming)
		stream_attend(connection);
}
