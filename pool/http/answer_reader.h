// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/answer_reader.h: one HTTP/1.1 answer, from bytes as they come (RFC 9112).
 *
 * What a client of ours needs of an answer is its status and its body; headers are read for the
 * body's length alone. Whatever the other end sends, memory grows by the body alone, up to a bound.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

#define HTTP_ANSWER_HEAD_BYTES_MAX 16384u /* status line, headers, and what surrounds chunks */

struct http_answer_reader;

/* Reads one answer. `body_bytes_max` bounds its body. NULL without memory. */
struct http_answer_reader *http_answer_reader_new(size_t body_bytes_max);
void http_answer_reader_free(struct http_answer_reader *reader); /* NULL is accepted */

/*
 * Takes what came. 1: the answer is complete, what stands behind it is ignored. 0: more must come.
 * With a sentence: -EBADMSG (no HTTP/1.1), -EFBIG, -ENOMEM; after that the reader is of no use.
 */
int http_answer_reader_take(
	struct http_answer_reader *reader, const char *bytes, size_t size, struct error *error);

/*
 * The other end will send no more: the end of a body without a length. 1: the answer is complete.
 * -ECONNRESET with a sentence: it is not.
 */
int http_answer_reader_end(struct http_answer_reader *reader, struct error *error);

/* Of the complete answer. */
unsigned http_answer_status(const struct http_answer_reader *reader);

/* The same without taking it: valid until http_answer_reader_next(). */
const char *http_answer_body(const struct http_answer_reader *reader, size_t *ret_size);

/* Begins the next answer of the same connection; what was read of the last one is forgotten. */
void http_answer_reader_next(struct http_answer_reader *reader);

/* Its body, now the caller's: NUL behind its end, NULL where the answer has none. */
char *http_answer_body_take(struct http_answer_reader *reader, size_t *ret_size);
