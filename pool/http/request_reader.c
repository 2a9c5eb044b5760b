// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/request_reader.c: llhttp's callbacks, each with a bound.
 *
 * A callback that refuses notes the status and the sentence, and fails; llhttp then stops. Headers
 * that nobody reads are counted and dropped. Of a header that is given twice the first counts,
 * but for those that llhttp itself refuses twice (Content-Length).
 *
 * llhttp 8 takes some that RFC 9112 does not: names with spaces or without a letter, values that go
 * on in the next line. Another reader of the same bytes, a proxy say, may see other headers there
 * (request smuggling), so they are refused here.
 */
#include "pool/http/request_reader.h"

#include "base/memory.h"

#include <errno.h>
#include <llhttp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES 24u /* longer than any name that we read */
#define BODY_BYTES_MIN 4096u

struct http_reader {
	llhttp_t parser;
	llhttp_settings_t settings;
	struct http_request request;
	size_t body_bytes_max, body_size;
	size_t head_bytes, target_bytes, value_bytes;
	char name[NAME_BYTES];
	size_t name_bytes;
	char *value;             /* where the current header's value goes; NULL: nowhere */
	const char *value_end;   /* where its next byte should stand; NULL: it has none yet */
	char expect[HTTP_VALUE_BYTES];
	const char *bytes_end;   /* of those that were taken last */
	unsigned status;
	char sentence[160];
	bool begun, has_head, complete;
};

static int refuse(struct http_reader *reader, unsigned status, const char *sentence)
{
	if (!reader->status) {
		reader->status = status;
		snprintf(reader->sentence, sizeof(reader->sentence), "%s", sentence);
	}
	return -1;
}

static int head_count(struct http_reader *reader, size_t size)
{
	reader->head_bytes += size;
	if (reader->head_bytes <= HTTP_HEAD_BYTES_MAX)
		return 0;
	return refuse(reader, 431, "the request line and headers are longer than 16384 bytes");
}

static int on_begin(llhttp_t *parser)
{
	struct http_reader *reader = parser->data;

	reader->begun = true;
	return 0;
}

static int on_url(llhttp_t *parser, const char *bytes, size_t size)
{
	struct http_reader *reader = parser->data;

	if (head_count(reader, size) < 0)
		return -1;
	if (memchr(bytes, '\0', size))
		return refuse(reader, 400, "the request's target holds a NUL byte");
	if (size > HTTP_TARGET_BYTES - 1 - reader->target_bytes)
		return refuse(reader, 414, "the request's target is longer than 1023 bytes");
	memcpy(reader->request.target + reader->target_bytes, bytes, size);
	reader->target_bytes += size;
	return 0;
}

/* RFC 9110, 5.6.2: what a name is made of. */
static bool is_token(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] <= ' ' || bytes[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", bytes[i]))
			return false;
	return true;
}

static int on_name(llhttp_t *parser, const char *bytes, size_t size)
{
	struct http_reader *reader = parser->data;
	size_t room = NAME_BYTES - 1 - reader->name_bytes;

	if (head_count(reader, size) < 0)
		return -1;
	if (!is_token(bytes, size))
		return refuse(reader, 400, "a header's name holds what no name may");
	/* A name that does not fit is none of ours; cut, it must not become one. */
	if (size > room) {
		memset(reader->name, '?', NAME_BYTES - 1);
		reader->name_bytes = NAME_BYTES - 1;
		return 0;
	}
	memcpy(reader->name + reader->name_bytes, bytes, size);
	reader->name_bytes += size;
	return 0;
}

static char *value_place(struct http_reader *reader)
{
	const struct {
		const char *name;
		char *place;
	} known[] = {
		{ "content-type", reader->request.content_type },
		{ "authorization", reader->request.authorization },
		{ "accept", reader->request.accept },
		{ "idempotency-key", reader->request.idempotency_key },
		{ "expect", reader->expect },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(reader->name, known[i].name) == 0 && !known[i].place[0])
			return known[i].place;
	return NULL;
}

static int on_name_complete(llhttp_t *parser)
{
	struct http_reader *reader = parser->data;

	if (reader->name_bytes == 0)
		return refuse(reader, 400, "a header has no name");
	reader->name[reader->name_bytes] = '\0';
	reader->value_end = NULL;
	reader->value_bytes = 0;
	/* What comes behind the body says nothing about the request (RFC 9110, 6.5.1). */
	reader->value = reader->has_head ? NULL : value_place(reader);
	/* A second one, or one without a value, is its reader's to refuse. */
	if (!reader->has_head && strcasecmp(reader->name, "idempotency-key") == 0)
		reader->request.idempotency_keys++;
	reader->name_bytes = 0;
	return 0;
}

/* A key may be refused without its connection. */
static int value_refuse(struct http_reader *reader)
{
	if (reader->value != reader->request.idempotency_key)
		return refuse(reader, 431, "a header's value is longer than 255 bytes");
	reader->request.idempotency_key_is_cut = true;
	reader->value = NULL;
	return 0;
}

static int on_value(llhttp_t *parser, const char *bytes, size_t size)
{
	struct http_reader *reader = parser->data;

	if (head_count(reader, size) < 0)
		return -1;
	/* llhttp leaves out the line end between two parts. */
	if (reader->value_end && bytes != reader->value_end)
		return refuse(reader, 400, "a header goes on in the next line");
	reader->value_end = bytes + size;
	if (!reader->value)
		return 0;
	if (size > HTTP_VALUE_BYTES - 1 - reader->value_bytes)
		return value_refuse(reader);
	memcpy(reader->value + reader->value_bytes, bytes, size);
	reader->value_bytes += size;
	reader->value[reader->value_bytes] = '\0';
	return 0;
}

static enum http_method method_of(const llhttp_t *parser)
{
	switch (parser->method) {
	case HTTP_GET:
		return METHOD_GET;
	case HTTP_POST:
		return METHOD_POST;
	case HTTP_DELETE:
		return METHOD_DELETE;
	case HTTP_HEAD:
		return METHOD_HEAD;
	default:
		return METHOD_OTHER;
	}
}

static int body_grow(struct http_reader *reader, size_t wanted)
{
	size_t size = reader->body_size ? reader->body_size : BODY_BYTES_MIN;
	char *body;

	if (wanted > reader->body_bytes_max)
		return refuse(reader, 413, "the body is longer than this server takes");
	while (size <= wanted)
		size *= 2;
	if (size == reader->body_size)
		return 0;
	body = memory_grow(reader->request.body, size);
	if (!body)
		return refuse(reader, 503, "there is no memory for the body");
	reader->request.body = body;
	reader->body_size = size;
	return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http_reader *reader = parser->data;
	struct http_request *request = &reader->request;

	reader->has_head = true;
	request->method = method_of(parser);
	request->keep_alive = llhttp_should_keep_alive(parser);
	request->has_chunks = parser->http_major == 1 && parser->http_minor >= 1;
	if (parser->http_major != 1)
		return refuse(reader, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	if (parser->upgrade)
		return refuse(reader, 501, "no other protocol is spoken here");
	if (reader->expect[0] && strcasecmp(reader->expect, "100-continue") != 0)
		return refuse(reader, 417, "Expect can only be 100-continue");
	request->wants_continue = reader->expect[0] != '\0';
	if ((parser->flags & F_CONTENT_LENGTH) && parser->content_length > reader->body_bytes_max)
		return refuse(reader, 413, "the body is longer than this server takes");
	return request->wants_continue ? HPE_PAUSED : 0;
}

static int on_body(llhttp_t *parser, const char *bytes, size_t size)
{
	struct http_reader *reader = parser->data;
	struct http_request *request = &reader->request;

	if (body_grow(reader, request->body_bytes + size) < 0)
		return -1;
	memcpy(request->body + request->body_bytes, bytes, size);
	request->body_bytes += size;
	request->body[request->body_bytes] = '\0';
	return 0;
}

/* Told at once, and not when so much has come. */
static int on_chunk_header(llhttp_t *parser)
{
	struct http_reader *reader = parser->data;

	if (parser->content_length > reader->body_bytes_max - reader->request.body_bytes)
		return refuse(reader, 413, "the body is longer than this server takes");
	return 0;
}

/* Chunks cost more bytes than they bring: what surrounds them is bounded like the head. */
static int on_chunk_extension(llhttp_t *parser, const char *bytes, size_t size)
{
	return head_count(parser->data, size);
}

static int on_complete(llhttp_t *parser)
{
	struct http_reader *reader = parser->data;

	reader->complete = true;
	return HPE_PAUSED;
}

size_t http_reader_bytes(void)
{
	return sizeof(struct http_reader);
}

struct http_reader *http_reader_open(void *place, size_t body_bytes_max)
{
	struct http_reader *reader = place;

	*reader = (struct http_reader){ .body_bytes_max = 0 };
	reader->body_bytes_max = body_bytes_max;
	llhttp_settings_init(&reader->settings);
	reader->settings.on_message_begin = on_begin;
	reader->settings.on_url = on_url;
	reader->settings.on_header_field = on_name;
	reader->settings.on_header_field_complete = on_name_complete;
	reader->settings.on_header_value = on_value;
	reader->settings.on_headers_complete = on_headers_complete;
	reader->settings.on_chunk_extension_name = on_chunk_extension;
	reader->settings.on_chunk_extension_value = on_chunk_extension;
	reader->settings.on_chunk_header = on_chunk_header;
	reader->settings.on_body = on_body;
	reader->settings.on_message_complete = on_complete;
	llhttp_init(&reader->parser, HTTP_REQUEST, &reader->settings);
	reader->parser.data = reader;
	return reader;
}

void http_reader_close(struct http_reader *reader)
{
	memory_free(reader->request.body);
	reader->request.body = NULL;
}

struct http_reader *http_reader_new(size_t body_bytes_max)
{
	void *place = memory_alloc(sizeof(struct http_reader));

	return place ? http_reader_open(place, body_bytes_max) : NULL;
}

void http_reader_free(struct http_reader *reader)
{
	if (!reader)
		return;
	http_reader_close(reader);
	memory_free(reader);
}

static enum http_progress refused(struct http_reader *reader, unsigned *ret_status,
	struct error *error)
{
	const char *reason = llhttp_get_error_reason(&reader->parser);

	*ret_status = reader->status ? reader->status : 400;
	if (reader->status)
		error_set(error, -EINVAL, "%s", reader->sentence);
	else
		error_set(error, -EINVAL, "the request is no HTTP/1.1: %s",
			reason && *reason ? reason : "it cannot be read");
	return HTTP_REFUSED;
}

enum http_progress http_reader_take(struct http_reader *reader, const char *bytes, size_t size,
	size_t *ret_taken, unsigned *ret_status, struct error *error)
{
	static const char nowhere; /* no byte of a value stands there */
	const char *cut = reader->value_end;
	enum llhttp_errno result;

	/* A value that reached to the end of the last bytes goes on at the start of these. */
	if (cut)
		reader->value_end = cut == reader->bytes_end ? bytes : &nowhere;
	reader->bytes_end = bytes + size;
	result = llhttp_execute(&reader->parser, bytes, size);
	*ret_taken = size;
	if (result == HPE_OK)
		return HTTP_MORE;
	if (result != HPE_PAUSED)
		return refused(reader, ret_status, error);
	*ret_taken = (size_t)(llhttp_get_error_pos(&reader->parser) - bytes);
	llhttp_resume(&reader->parser);
	return reader->complete ? HTTP_COMPLETE : HTTP_CONTINUE;
}

bool http_reader_has_begun(const struct http_reader *reader)
{
	return reader->begun;
}

bool http_reader_has_head(const struct http_reader *reader)
{
	return reader->has_head;
}

const struct http_request *http_reader_request(const struct http_reader *reader)
{
	return &reader->request;
}

void http_reader_next(struct http_reader *reader)
{
	memory_free(reader->request.body);
	reader->request = (struct http_request){ .method = METHOD_OTHER };
	reader->body_size = reader->head_bytes = reader->target_bytes = 0;
	reader->value_bytes = reader->name_bytes = 0;
	reader->value = NULL;
	reader->value_end = NULL;
	reader->expect[0] = '\0';
	reader->begun = reader->has_head = reader->complete = false;
}
