// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/api.c: the table of paths, who may call them, and the short answers.
 */
#include "pool/http/api.h"

#include "base/json_writer.h"
#include "base/memory.h"
#include "pool/metrics.h"
#include "pool/report.h"
#include "pool/http/server_private.h"

#include <cjson/cJSON.h>
#include <string.h>

#define METRICS_BYTES (256u * 1024u)
#define JSON "application/json"

struct route {
	enum http_method method;
	const char *path;
	void (*handle)(struct connection *connection, const struct http_request *request);
	bool is_open; /* to those without a token: says nothing of anybody */
};

static void json_answer(struct connection *connection, unsigned status, cJSON *object)
{
	char *text = object ? cJSON_PrintUnformatted(object) : NULL;

	cJSON_Delete(object);
	if (!text) {
		connection_refuse(connection, 503, "there is no memory for the answer");
		return;
	}
	connection_answer(connection, status, JSON, text, strlen(text));
}

static void health(struct connection *connection, const struct http_request *request)
{
	struct server *server = connection->shard->server;
	bool draining = atomic_load(&server->draining);
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "status", draining ? "draining" : "ok");
	json_answer(connection, draining ? 503 : 200, object);
}

static void pool_show(struct connection *connection, const struct http_request *request)
{
	struct pool_status status;
	cJSON *object = cJSON_CreateObject(), *templates, *python;

	pool_status(connection->shard->server->pool, &status);
	cJSON_AddStringToObject(object, "version", CORRAL_VERSION);
	cJSON_AddNumberToObject(object, "shards", status.shards);
	cJSON_AddNumberToObject(object, "queued", status.queued);
	cJSON_AddNumberToObject(object, "executions", (double)status.executions);
	cJSON_AddNumberToObject(object, "births", (double)status.births);
	cJSON_AddNumberToObject(object, "cells", (double)status.cells);
	cJSON_AddNumberToObject(object, "rewinds", (double)status.rewinds);
	cJSON_AddNumberToObject(object, "rewind_failures", (double)status.rewind_failures);
	cJSON_AddNumberToObject(object, "rewind_mismatches", (double)status.rewind_mismatches);
	cJSON_AddNumberToObject(object, "birth_failures", (double)status.birth_failures);
	cJSON_AddNumberToObject(object, "template_restarts", (double)status.template_restarts);
	cJSON_AddNumberToObject(object, "template_renewals", (double)status.template_renewals);
	cJSON_AddNumberToObject(object, "quarantined", (double)status.quarantined);
	templates = cJSON_AddObjectToObject(object, "templates");
	python = cJSON_AddObjectToObject(templates, "python");
	cJSON_AddNumberToObject(python, "total", status.total);
	cJSON_AddNumberToObject(python, "busy", status.busy);
	cJSON_AddNumberToObject(python, "idle", status.idle);
	cJSON_AddNumberToObject(python, "resetting", status.resetting);
	cJSON_AddNumberToObject(python, "dead", status.dead);
	report_layers(cJSON_AddObjectToObject(object, "layers"), &status);
	if (status.last_failure[0])
		cJSON_AddStringToObject(object, "last_failure", status.last_failure);
	json_answer(connection, 200, object);
}

static void metrics_show(struct connection *connection, const struct http_request *request)
{
	bool openmetrics = strstr(request->accept, "application/openmetrics-text");
	char *text = memory_alloc(METRICS_BYTES);
	size_t size = text ? pool_metrics_print(connection->shard->server->pool, openmetrics, text,
				     METRICS_BYTES)
			   : METRICS_BYTES;

	if (size >= METRICS_BYTES) {
		memory_free(text);
		connection_refuse(connection, 503, "there is no memory for the metrics");
		return;
	}
	connection_answer(connection, 200,
		openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			    : "text/plain; version=0.0.4; charset=utf-8",
		text, size);
}

static const struct route routes[] = {
	{ METHOD_POST, "/v1/execute", api_execute, false },
	{ METHOD_GET, "/v1/executions", executions_show, false },
	{ METHOD_GET, "/v1/executions/{id}", execution_show, false },
	{ METHOD_DELETE, "/v1/executions/{id}", execution_cancel, false },
	/* Asks by itself who calls: a token is not enough. */
	{ METHOD_POST, "/v1/drain", api_drain, true },
	{ METHOD_GET, "/v1/pool", pool_show, false },
	{ METHOD_GET, "/v1/health", health, true },
	{ METHOD_GET, "/metrics", metrics_show, false },
};

/* The mode of a unix socket's file says who may call; TCP clients bring the token. */
static bool is_allowed(struct connection *connection, const struct http_request *request)
{
	static const char scheme[] = "Bearer ";
	const struct token *token;

	if (!connection->is_tcp)
		return true;
	if (strncasecmp(request->authorization, scheme, sizeof(scheme) - 1) != 0)
		return false;
	token = tokens_find(&server_tuning(connection->shard)->tokens,
		request->authorization + sizeof(scheme) - 1);
	if (token)
		connection_is_holders(connection, token);
	return token;
}

/* A path that ends with {id} takes one more part, whatever it is. */
static bool is_path(const struct http_request *request, const char *path)
{
	size_t size = strcspn(request->target, "?"), plain = strcspn(path, "{");

	if (size < plain || memcmp(request->target, path, plain) != 0)
		return false;
	if (!path[plain])
		return size == plain;
	return size > plain && !memchr(request->target + plain, '/', size - plain);
}

bool api_admits_body(struct connection *connection, const struct http_request *request)
{
	return is_allowed(connection, request);
}

void api_refuse_stranger(struct connection *connection)
{
	connection_refuse(connection, 401,
		"give the token of this server as 'Authorization: Bearer TOKEN'");
}

void api_handle(struct connection *connection, const struct http_request *request)
{
	bool has_path = false;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];

		if (!is_path(request, route->path))
			continue;
		has_path = true;
		if (route->method != request->method &&
		    !(route->method == METHOD_GET && request->method == METHOD_HEAD))
			continue;
		if (route->is_open || is_allowed(connection, request))
			route->handle(connection, request);
		else
			api_refuse_stranger(connection);
		return;
	}
	if (has_path)
		connection_refuse(connection, 405, "this path does not take that method");
	else
		connection_refuse(connection, 404, "there is no such path; see docs/api.md");
}

/* Without any memory: that there is none is told as well. */
void connection_refuse(struct connection *connection, unsigned status, const char *reason)
{
	struct json_writer writer = { .text = connection->refusal,
		.size = REFUSAL_BYTES, .is_fixed = true };
	const char *text;

	json_open(&writer, NULL, '{');
	json_open(&writer, "error", '{');
	json_number(&writer, "status", status);
	json_string(&writer, "message", reason);
	json_close(&writer, '}');
	json_close(&writer, '}');
	text = json_written(&writer);
	connection_answer(
		connection, status, JSON, connection->refusal, text ? strlen(text) : 0);
}
