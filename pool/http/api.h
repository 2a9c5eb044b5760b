// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/api.h: what the daemon's paths mean. docs/api.md tells it to users.
 */
#pragma once

#include <stdbool.h>

struct connection;
struct http_request;

/* By the head alone, before a body is read: strangers are not to fill the memory with theirs. */
bool api_admits_body(struct connection *connection, const struct http_request *request);
void api_refuse_stranger(struct connection *connection);

/* A complete request; it is answered now or, when its execution is over, later. */
void api_handle(struct connection *connection, const struct http_request *request);

/* POST /v1/execute (api_execute.c), and its answer when the execution is over. */
void api_execute(struct connection *connection, const struct http_request *request);
void api_execute_answer(struct connection *connection);
void api_execute_clear(struct connection *connection); /* what the request owns */

/* GET /v1/executions, and GET and DELETE /v1/executions/{id} (execution_routes.c). */
void executions_show(struct connection *connection, const struct http_request *request);
void execution_show(struct connection *connection, const struct http_request *request);
void execution_cancel(struct connection *connection, const struct http_request *request);

/* POST /v1/drain (admin.c). */
void api_drain(struct connection *connection, const struct http_request *request);
