// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/answer_reader.c: llhttp's callbacks for answers, each with a bound.
 *
 * A callback that refuses leaves the errno and the sentence in the reader, and fails; llhttp then
 * stops. An interim answer (1xx) is passed over: the one that counts follows it.
 */
#include "pool/http/answer_reader.h"

#include <errno.h>
#include <llhttp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MIN 4096u

struct http_answer_reader {
	llhttp_t parser;
	llhttp_settings_t settings;
	unsigned status;
	char *body;
	size_t body_bytes, body_size, body_bytes_max;
	size_t head_bytes;
	int refused; /* the errno */
	struct error error;
	bool complete;
};

static int too_long(struct http_answer_reader *reader)
{
	reader->refused = error_set(&reader->error, -EFBIG,
		"the daemon's answer is longer than %zu bytes; bound the program's output",
		reader->body_bytes_max);
	return -1;
}

static int on_head(llhttp_t *parser, const char *bytes, size_t size)
{
	struct http_answer_reader *reader = parser->data;

	reader->head_bytes += size;
	if (reader->head_bytes <= HTTP_ANSWER_HEAD_BYTES_MAX)
		return 0;
	reader->refused = error_set(&reader->error, -EFBIG,
		"the head of the daemon's answer is longer than %u bytes",
		HTTP_ANSWER_HEAD_BYTES_MAX);
	return -1;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http_answer_reader *reader = parser->data;

	if (parser->http_major != 1) {
		reader->refused = error_set(&reader->error, -EBADMSG,
			"the daemon's answer is HTTP/%u, not HTTP/1.1", parser->http_major);
		return -1;
	}
	reader->status = parser->status_code;
	if ((parser->flags & F_CONTENT_LENGTH) && parser->content_length > reader->body_bytes_max)
		return too_long(reader);
	return 0;
}

static int on_body(llhttp_t *parser, const char *bytes, size_t size)
{
	struct http_answer_reader *reader = parser->data;
	size_t wanted, room = reader->body_size ? reader->body_size : BODY_BYTES_MIN;

	if (size > reader->body_bytes_max - reader->body_bytes)
		return too_long(reader);
	wanted = reader->body_bytes + size + 1;
	while (room < wanted)
		room *= 2;
	if (room > reader->body_size) {
		char *body = realloc(reader->body, room);

		if (!body) {
			reader->refused = error_set(&reader->error, -ENOMEM,
				"there is no memory for the daemon's answer");
			return -1;
		}
		reader->body = body;
		reader->body_size = room;
	}
	memcpy(reader->body + reader->body_bytes, bytes, size);
	reader->body_bytes += size;
	reader->body[reader->body_bytes] = '\0';
	return 0;
}

static int on_complete(llhttp_t *parser)
{
	struct http_answer_reader *reader = parser->data;

	if (reader->status < 200)
		return 0;
	reader->complete = true;
	return HPE_PAUSED;
}

struct http_answer_reader *http_answer_reader_new(size_t body_bytes_max)
{
	struct http_answer_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->body_bytes_max = body_bytes_max;
	llhttp_settings_init(&reader->settings);
	reader->settings.on_status = on_head;
	reader->settings.on_header_field = on_head;
	reader->settings.on_header_value = on_head;
	reader->settings.on_headers_complete = on_headers_complete;
	reader->settings.on_chunk_extension_name = on_head;
	reader->settings.on_chunk_extension_value = on_head;
	reader->settings.on_body = on_body;
	reader->settings.on_message_complete = on_complete;
	llhttp_init(&reader->parser, HTTP_RESPONSE, &reader->settings);
	reader->parser.data = reader;
	return reader;
}

void http_answer_reader_free(struct http_answer_reader *reader)
{
	if (!reader)
		return;
	free(reader->body);
	free(reader);
}

int http_answer_reader_take(
	struct http_answer_reader *reader, const char *bytes, size_t size, struct error *error)
{
	enum llhttp_errno result = llhttp_execute(&reader->parser, bytes, size);
	const char *reason = llhttp_get_error_reason(&reader->parser);

	if (reader->complete)
		return 1;
	if (result == HPE_OK)
		return 0;
	if (reader->refused < 0)
		return error_set(error, reader->refused, "%s", reader->error.sentence);
	return error_set(error, -EBADMSG, "the daemon's answer is no HTTP/1.1: %s",
		reason && *reason ? reason : "it cannot be read");
}

int http_answer_reader_end(struct http_answer_reader *reader, struct error *error)
{
	llhttp_finish(&reader->parser);
	if (reader->complete)
		return 1;
	return error_set(error, -ECONNRESET, "the daemon closed the connection %s its answer",
		reader->head_bytes ? "in the middle of" : "before");
}

unsigned http_answer_status(const struct http_answer_reader *reader)
{
	return reader->status;
}

char *http_answer_body_take(struct http_answer_reader *reader, size_t *ret_size)
{
	char *body = reader->body;

	*ret_size = reader->body_bytes;
	reader->body = NULL;
	reader->body_bytes = reader->body_size = 0;
	return body;
}

const char *http_answer_body(const struct http_answer_reader *reader, size_t *ret_size)
{
	*ret_size = reader->body_bytes;
	return reader->body_bytes ? reader->body : NULL;
}

void http_answer_reader_next(struct http_answer_reader *reader)
{
	llhttp_init(&reader->parser, HTTP_RESPONSE, &reader->settings);
	reader->parser.data = reader;
	reader->status = 0;
	reader->body_bytes = reader->head_bytes = 0;
	reader->refused = 0;
	reader->complete = false;
}
