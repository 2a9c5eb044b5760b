// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/remember.h: what stays of an exchange: the record of its execution, and for an
 * Idempotency-Key its answer. Each on the connection's own thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct http_request;

/* Whether the request's Idempotency-Key let it through; else it is answered or refused. */
bool remember_look(struct connection *connection, const struct http_request *request);

/*
 * Gives the exchange's execution, which was initialised, its id and its record, and takes the key.
 * False: it is answered or refused, and there is neither.
 */
bool remember_begin(struct connection *connection);

/* It has ended with this document, which may be NULL; before it is sent. */
void remember_end(struct connection *connection, const char *text);

/* It never ran: no record, and the key is as new. */
void remember_drop(struct connection *connection);
