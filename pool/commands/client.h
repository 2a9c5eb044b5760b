// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/client.h: one question to the daemon over its unix socket, and its answer.
 *
 * For commands: it blocks, it says in one sentence why there is no answer, and it never waits
 * without a bound.
 */
#pragma once

#include "base/error.h"
#include "pool/limits.h"

#include <stddef.h>
#include <stdint.h>

#define CLIENT_SOCKET_STANDARD "/run/corral/corral.sock"
#define CLIENT_ANSWER_BYTES_MAX (256u << 20)
#define CLIENT_CONNECT_SECONDS_MAX 10

struct cJSON;

struct client_request {
	const char *socket_path;
	const char *method;       /* "GET" */
	const char *target;       /* "/v1/pool" */
	const char *body;         /* JSON; NULL: none */
	size_t body_bytes;
	uint64_t answer_nsec_max; /* from here to the end of the answer */
};

/* Where the daemon listens: `given`, else $CORRAL_SOCKET, else the standard path. */
const char *client_socket_path(const char *given);

/*
 * Asks and waits. 0: the daemon answered with status 200 or 202, and the body, with a NUL behind
 * its end, is the caller's. Or a sentence and: what connect(2) said, -EREMOTEIO (the daemon
 * refused; the sentence holds its reason), -ETIMEDOUT, -ECONNRESET, -EBADMSG, -EFBIG, -ENOMEM. A
 * caller that goes away while it waits cancels what it asked for.
 */
int client_ask(const struct client_request *request, char **ret_body, size_t *ret_size,
	struct error *error);

/* A connection, the caller's. Waits CLIENT_CONNECT_SECONDS_MAX where the daemon has none free. */
int client_connect(const char *path, int *ret_fd, struct error *error);

/* The sentence of an answer that is none of 200: its {"error":{"message":…}}. -EREMOTEIO. */
int client_refused(unsigned status, const char *body, size_t size, struct error *error);

/* The "limits" of a request to /v1/execute: those that are not 0. */
void client_limits_add(struct cJSON *request, const struct limits *given);
