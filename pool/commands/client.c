// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/client.c: a connection for one exchange.
 *
 * It reads while it still sends: a daemon that refuses a request by its head answers and closes
 * before it has read the rest, and that answer must not be lost to a failed send.
 */
#include "pool/commands/client.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/quantity.h"
#include "pool/http/answer_reader.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEAD_BYTES_MAX 512u
#define RECEIVE_BYTES 65536u

struct exchange {
	int fd;
	const char *unsent;
	size_t unsent_bytes;
	struct http_answer_reader *reader;
	uint64_t deadline_nsec;
};

const char *client_socket_path(const char *given)
{
	const char *named = getenv("CORRAL_SOCKET");

	if (given)
		return given;
	return named && *named ? named : CLIENT_SOCKET_STANDARD;
}

/* --- The connection -------------------------------------------------------------------------- */

static int unreachable(const char *path, int result, struct error *error)
{
	const char *advice = "";

	if (result == -ENOENT || result == -ECONNREFUSED)
		advice = "; start it with 'corral serve', or name its socket with --socket";
	else if (result == -EACCES)
		advice = "; its socket is for root and the socket's group";
	return error_set(error, result, "cannot reach the daemon at %s: %s%s", path,
		result == -EAGAIN ? "it accepts nobody" : error_text(result), advice);
}

int client_connect(const char *path, int *ret_fd, struct error *error)
{
	/* For connect(2), which waits as long as the daemon's backlog is full. */
	const struct timeval patience = { .tv_sec = CLIENT_CONNECT_SECONDS_MAX };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int result;

	/* An empty path would be an abstract name. */
	if (!path[0] || strlen(path) >= sizeof(address.sun_path))
		return unreachable(path, path[0] ? -ENAMETOOLONG : -ENOENT, error);
	memcpy(address.sun_path, path, strlen(path) + 1);
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return unreachable(path, -errno, error);
	do
		result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return unreachable(path, -errno, error);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* --- The exchange ---------------------------------------------------------------------------- */

/* What cannot be sent is not wanted; whether there is an answer all the same, reading tells. */
static void request_send(struct exchange *exchange)
{
	ssize_t n = send(exchange->fd, exchange->unsent, exchange->unsent_bytes,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0) {
		exchange->unsent += n;
		exchange->unsent_bytes -= (size_t)n;
	} else if (errno != EAGAIN && errno != EINTR) {
		exchange->unsent_bytes = 0;
	}
}

/* 1: the answer is complete; 0: more must come; or an error with its sentence. */
static int answer_receive(struct exchange *exchange, struct error *error)
{
	static char bytes[RECEIVE_BYTES];
	ssize_t n = recv(exchange->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		return http_answer_reader_take(exchange->reader, bytes, (size_t)n, error);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return http_answer_reader_end(exchange->reader, error);
}

static int milliseconds_until(uint64_t deadline_nsec)
{
	uint64_t now = clock_now_nsec();
	uint64_t left = deadline_nsec > now ? (deadline_nsec - now) / NSEC_PER_MSEC + 1 : 0;

	return left > INT_MAX ? INT_MAX : (int)left;
}

/* 0 when the answer is complete. */
static int exchange_run(struct exchange *exchange, struct error *error)
{
	for (;;) {
		struct pollfd ready = { .fd = exchange->fd,
			.events = (short)(POLLIN | (exchange->unsent_bytes ? POLLOUT : 0)) };
		int patience = milliseconds_until(exchange->deadline_nsec);
		int result;

		if (patience == 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, patience) <= 0)
			continue;
		if (exchange->unsent_bytes && (ready.revents & POLLOUT))
			request_send(exchange);
		if (!(ready.revents & ~POLLOUT))
			continue;
		result = answer_receive(exchange, error);
		if (result != 0)
			return result < 0 ? result : 0;
	}
}

/* --- The whole ------------------------------------------------------------------------------- */

/* The request's bytes, the caller's, or NULL without memory. */
static char *request_print(const struct client_request *request, size_t *ret_size)
{
	char *bytes = malloc(HEAD_BYTES_MAX + request->body_bytes);
	size_t size;

	if (!bytes)
		return NULL;
	size = (size_t)snprintf(bytes, HEAD_BYTES_MAX,
		"%s %s HTTP/1.1\r\nHost: corral\r\nConnection: close\r\n", request->method,
		request->target);
	if (request->body)
		size += (size_t)snprintf(bytes + size, HEAD_BYTES_MAX - size,
			"Content-Type: application/json\r\nContent-Length: %zu\r\n",
			request->body_bytes);
	size += (size_t)snprintf(bytes + size, HEAD_BYTES_MAX - size, "\r\n");
	if (request->body)
		memcpy(bytes + size, request->body, request->body_bytes);
	*ret_size = size + request->body_bytes;
	return bytes;
}

int client_refused(unsigned status, const char *body, size_t size, struct error *error)
{
	cJSON *document = body ? cJSON_ParseWithLength(body, size) : NULL;
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(document, "error"), "message");

	if (cJSON_IsString(message))
		error_set(error, 0, "the daemon refused (%u): %s", status, message->valuestring);
	else
		error_set(error, 0, "the daemon refused with status %u and no reason", status);
	cJSON_Delete(document);
	return -EREMOTEIO;
}

static int answer_judge(struct http_answer_reader *reader, char **ret_body, size_t *ret_size,
	struct error *error)
{
	unsigned status = http_answer_status(reader);
	size_t size;

	AUTO_FREE char *body = http_answer_body_take(reader, &size);

	if (status != 200 && status != 202)
		return client_refused(status, body, size, error);
	if (!body)
		return error_set(error, -EBADMSG, "the daemon's answer is empty");
	*ret_body = body;
	*ret_size = size;
	body = NULL;
	return 0;
}

int client_ask(const struct client_request *request, char **ret_body, size_t *ret_size,
	struct error *error)
{
	AUTO_FD fd = -1;
	AUTO_FREE char *bytes = NULL;
	struct exchange exchange = { .deadline_nsec = clock_now_nsec() + request->answer_nsec_max };
	char time[32];
	int result = client_connect(request->socket_path, &fd, error);

	if (result < 0)
		return result;
	bytes = request_print(request, &exchange.unsent_bytes);
	exchange.fd = fd;
	exchange.unsent = bytes;
	exchange.reader = http_answer_reader_new(CLIENT_ANSWER_BYTES_MAX);
	if (bytes && exchange.reader)
		result = exchange_run(&exchange, error);
	else
		result = error_set(error, -ENOMEM, "there is no memory to ask the daemon");
	if (result == -ETIMEDOUT)
		error_set(error, result, "the daemon at %s did not answer within %s",
			request->socket_path,
			quantity_print_duration(request->answer_nsec_max, time, sizeof(time)));
	if (result == 0)
		result = answer_judge(exchange.reader, ret_body, ret_size, error);
	http_answer_reader_free(exchange.reader);
	return result;
}

void client_limits_add(struct cJSON *request, const struct limits *given)
{
	cJSON *object = NULL;

	for (int i = 0; i < LIMIT_COUNT; i++) {
		bool is_time = limit_types[i].unit == LIMIT_UNIT_NSEC;

		if (!given->values[i])
			continue;
		if (!object)
			object = cJSON_AddObjectToObject(request, "limits");
		/* Times in seconds. */
		cJSON_AddNumberToObject(object, limit_types[i].name,
			(double)given->values[i] / (is_time ? 1e9 : 1));
	}
}
