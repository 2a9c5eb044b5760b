// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/request_reader.h: one HTTP/1.1 request, from bytes as they come (RFC 9112).
 *
 * llhttp finds the parts; here they are bounded, and what a server of ours needs of them is kept.
 * Whatever a client sends, memory grows by its announced or sent body alone, up to the given bound.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_TARGET_BYTES 1024u
#define HTTP_VALUE_BYTES 256u       /* of a header that we read */
#define HTTP_HEAD_BYTES_MAX 16384u  /* request line and headers together */

enum http_method { METHOD_GET, METHOD_POST, METHOD_DELETE, METHOD_HEAD, METHOD_OTHER };

struct http_request {
	enum http_method method;
	char target[HTTP_TARGET_BYTES];         /* as sent: the path, perhaps a query behind '?' */
	char content_type[HTTP_VALUE_BYTES];    /* "" where not given, as the next three */
	char authorization[HTTP_VALUE_BYTES];
	char accept[HTTP_VALUE_BYTES];
	char idempotency_key[HTTP_VALUE_BYTES];
	unsigned idempotency_keys;              /* how often that header was given */
	bool idempotency_key_is_cut;            /* it is longer */
	bool keep_alive;
	bool has_chunks;                        /* HTTP/1.1: answers may come in chunks */
	bool wants_continue;                    /* sent "Expect: 100-continue" */
	char *body;                             /* NUL behind its end; NULL: none */
	size_t body_bytes;
};

struct http_reader;

/*
 * Reads requests of one connection, in a place of so many bytes that the caller gives and keeps.
 * `body_bytes_max` bounds a body, which is a block of base/memory.h.
 */
size_t http_reader_bytes(void);
struct http_reader *http_reader_open(void *place, size_t body_bytes_max);
void http_reader_close(struct http_reader *reader); /* frees the body */

/* The same in a block of its own; NULL without memory. */
struct http_reader *http_reader_new(size_t body_bytes_max);
void http_reader_free(struct http_reader *reader);

enum http_progress {
	HTTP_MORE,     /* all was taken, the request is not complete */
	HTTP_CONTINUE, /* the head is complete, and the client waits for "100 Continue" */
	HTTP_COMPLETE, /* http_reader_request() */
	HTTP_REFUSED,  /* *ret_status and the sentence say why; the connection cannot go on */
};

/*
 * Takes bytes, up to the end of a request; *ret_taken says how many. The rest belongs to the next
 * request, after http_reader_next().
 */
enum http_progress http_reader_take(struct http_reader *reader, const char *bytes, size_t size,
	size_t *ret_taken, unsigned *ret_status, struct error *error);

/* Whether any byte of a request was taken: the end of the connection here is no clean one. */
bool http_reader_has_begun(const struct http_reader *reader);

/* Whether the head is complete: what is missing is the body. */
bool http_reader_has_head(const struct http_reader *reader);

/* The complete request; valid until http_reader_next(). */
const struct http_request *http_reader_request(const struct http_reader *reader);

void http_reader_next(struct http_reader *reader);
