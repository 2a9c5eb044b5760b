// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/execution_routes.c: executions by their names: GET and DELETE /v1/executions/{id}, and
 * the list of those that live.
 *
 * An answer that was kept goes out as it is, inside of what is said about it: no JSON is made or
 * read again.
 */
#include "base/memory.h"
#include "base/own.h"
#include "pool/http/server_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define VIEW_BYTES_MAX 320u
#define ID_GIVEN_BYTES (EXECUTION_ID_BYTES + 1) /* a longer id stays too long */
#define JSON "application/json"

/* RFC 3339 in quotes, or null. */
static const char *moment_print(uint64_t usec, char buffer[40])
{
	time_t seconds = (time_t)(usec / 1000000);
	struct tm parts;
	size_t used;

	if (!usec || !gmtime_r(&seconds, &parts))
		return "null";
	used = strftime(buffer, 40, "\"%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(buffer + used, 40 - used, ".%06uZ\"", (unsigned)(usec % 1000000));
	return buffer;
}

/* Without the brace at its end. */
static size_t view_print(const struct execution_view *view, char buffer[VIEW_BYTES_MAX])
{
	char submitted[40], started[40], ended[40];

	return (size_t)snprintf(buffer, VIEW_BYTES_MAX,
		"{\"id\":\"%s\",\"state\":\"%s\",\"submitted_at\":%s,\"started_at\":%s,"
		"\"ended_at\":%s,\"streamed\":%s",
		view->id, execution_state_name(view->state),
		moment_print(view->submitted_usec, submitted),
		moment_print(view->started_usec, started), moment_print(view->ended_usec, ended),
		view->streamed ? "true" : "false");
}

static void view_answer(
	struct connection *connection, unsigned status, const struct execution_view *view)
{
	size_t answer_bytes = view->answer ? view->answer->bytes_used : 0;
	char *text = memory_alloc(VIEW_BYTES_MAX + 64 + answer_bytes), *at = text;

	if (!text) {
		connection_refuse(connection, 503, "there is no memory for the answer");
		return;
	}
	at += view_print(view, text);
	at = stpcpy(at, view->answer && !view->streamed ? ",\"output_kept\":true,\"answer\":"
							: ",\"output_kept\":false,\"answer\":");
	if (view->answer) {
		memcpy(at, view->answer->bytes, answer_bytes);
		at += answer_bytes;
	} else {
		at = stpcpy(at, "null");
	}
	*at++ = '}';
	connection_answer(connection, status, JSON, text, (size_t)(at - text));
}

static const char *id_of(const struct http_request *request, char id[ID_GIVEN_BYTES])
{
	const char *last = request->target + sizeof("/v1/executions/") - 1;

	snprintf(id, ID_GIVEN_BYTES, "%.*s", (int)strcspn(last, "?"), last);
	return id;
}

static void found_answer(struct connection *connection, int result, unsigned status,
	const struct execution_view *view)
{
	if (result < 0) {
		connection_refuse(connection, 404,
			"there is no such execution, or it was forgotten");
		return;
	}
	view_answer(connection, status, view);
	kept_put(view->answer);
}

void execution_show(struct connection *connection, const struct http_request *request)
{
	char id[ID_GIVEN_BYTES];
	struct execution_view view = { .answer = NULL };

	found_answer(connection,
		executions_look(connection->shard->server->executions, id_of(request, id),
			connection_tenant(connection), &view), 200, &view);
}

void execution_cancel(struct connection *connection, const struct http_request *request)
{
	char id[ID_GIVEN_BYTES];
	struct execution_view view = { .answer = NULL };
	int result = executions_cancel(connection->shard->server->executions, id_of(request, id),
		connection_tenant(connection), &view);

	found_answer(connection, result, view.state == EXECUTION_ENDED ? 200 : 202, &view);
}

void executions_show(struct connection *connection, const struct http_request *request)
{
	struct execution_view views[EXECUTIONS_LISTED_MAX];
	unsigned count = executions_list(connection->shard->server->executions,
		connection_tenant(connection), views, EXECUTIONS_LISTED_MAX);
	char *text = memory_alloc(count * (VIEW_BYTES_MAX + 2) + 32), *at = text;

	if (!text) {
		connection_refuse(connection, 503, "there is no memory for the answer");
		return;
	}
	at = stpcpy(at, "{\"executions\":[");
	for (unsigned i = 0; i < count; i++) {
		at += view_print(&views[i], at);
		at = stpcpy(at, i + 1 < count ? "}," : "}");
	}
	at = stpcpy(at, "]}");
	connection_answer(connection, 200, JSON, text, (size_t)(at - text));
}
