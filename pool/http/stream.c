// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/stream.c: an answer that is sent while its program runs.
 *
 * One send is under way at a time; what comes meanwhile waits in the exchange's events, and when
 * too much of it waits, so does the program.
 */
#include "base/own.h"
#include "pool/http/server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One send: the head if it is the first, the lines as one chunk, and the end if they are the last.
 * HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
 */
static void stream_send(struct connection *connection, const char *lines, size_t bytes, bool last)
{
	bool has_chunks = http_reader_request(connection->reader)->has_chunks;
	char head[256] = "", size[24] = "";

	connection->is_last |= !has_chunks || atomic_load(&connection->shard->server->draining);
	if (!connection->exchange.head_sent)
		snprintf(head, sizeof(head),
			"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n%s%s\r\n",
			has_chunks ? "Transfer-Encoding: chunked\r\n" : "",
			connection->is_last ? "Connection: close\r\n" : "");
	if (bytes && has_chunks)
		snprintf(size, sizeof(size), "%zx\r\n", bytes);
	connection->output = malloc(strlen(head) + strlen(size) + bytes + 8);
	if (!connection->output) {
		connection_close(connection);
		return;
	}
	char *at = stpcpy(stpcpy(connection->output, head), size);

	memcpy(at, lines, bytes);
	at += bytes;
	if (has_chunks)
		at = stpcpy(stpcpy(at, bytes ? "\r\n" : ""), last ? "0\r\n\r\n" : "");
	connection->exchange.head_sent = true;
	connection->output_bytes = (size_t)(at - connection->output);
	connection->output_sent = 0;
	connection_timer_set(connection, server_tuning(connection->shard)->answer_nsec_max);
	connection_send(connection);
}

void stream_go_on(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	bool paused, last = exchange->last_line;
	size_t bytes;

	if (connection->closing || connection->sending)
		return;
	pthread_mutex_lock(&exchange->lock);
	AUTO_FREE char *lines = events_take(&exchange->events, &bytes);
	paused = exchange->paused;
	exchange->paused = false;
	pthread_mutex_unlock(&exchange->lock);
	if (last)
		exchange->streaming = false;
	if (lines || last)
		stream_send(connection, lines ? lines : "", bytes, last);
	if (paused)
		pool_resume(connection->shard->server->pool, &exchange->execution);
}
