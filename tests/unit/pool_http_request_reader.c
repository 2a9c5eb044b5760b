// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_request_reader.c: requests from bytes, whole, in pieces, one behind the
 * other, and what is refused with which status.
 */
#include "pool/http/request_reader.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 1000u

static struct http_reader *reader;
static struct error error;
static unsigned status;

static void open_reader(void)
{
	reader = http_reader_new(BODY_MAX);
	cr_assert_not_null(reader);
}

static void close_reader(void)
{
	http_reader_free(reader);
}

TestSuite(http_request, .init = open_reader, .fini = close_reader);

static enum http_progress take(const char *bytes, size_t *ret_taken)
{
	return http_reader_take(reader, bytes, strlen(bytes), ret_taken, &status, &error);
}

static const char post[] =
	"POST /v1/execute?x=1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	"ACCEPT: text/plain\r\nAuthorization: Bearer abc\r\nContent-Length: 5\r\n\r\nhello";

static void expect_post(void)
{
	const struct http_request *request = http_reader_request(reader);

	cr_expect_eq(request->method, METHOD_POST);
	cr_expect_str_eq(request->target, "/v1/execute?x=1");
	cr_expect_str_eq(request->content_type, "application/json");
	cr_expect_str_eq(request->accept, "text/plain");
	cr_expect_str_eq(request->authorization, "Bearer abc");
	cr_expect_eq(request->body_bytes, 5);
	cr_expect_str_eq(request->body, "hello");
	cr_expect(request->keep_alive && request->has_chunks && !request->wants_continue);
}

Test(http_request, is_read_whole)
{
	size_t taken;

	cr_assert_eq(take(post, &taken), HTTP_COMPLETE);
	cr_expect_eq(taken, strlen(post));
	expect_post();
}

Test(http_request, is_read_byte_by_byte)
{
	size_t taken;

	for (size_t i = 0; i < strlen(post); i++) {
		char byte[2] = { post[i], '\0' };

		cr_assert_eq(take(byte, &taken),
			i + 1 < strlen(post) ? HTTP_MORE : HTTP_COMPLETE, "at byte %zu", i);
		cr_expect_eq(taken, 1);
		cr_expect(http_reader_has_begun(reader));
	}
	expect_post();
}

/* What llhttp lets pass and another reader could see otherwise. */
Test(http_request, is_refused_with_headers_that_two_could_read_in_two_ways)
{
	static const char *const headers[] = { "A B: c", ": c", "A\x7f: c", "A(b): c",
		"\xc3\xa9: c", "A: b\r\n c", "A: b\r\n\tc: d", "Content-Type: a\r\n b",
		"Content-Length : 1", "Content-Length\x0b: 1" };

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		char head[128];
		size_t taken, size = (size_t)snprintf(head, sizeof(head),
			"GET / HTTP/1.1\r\n%s\r\nX: y\r\n\r\n", headers[i]);

		/* Cut anywhere, it is the same. */
		for (size_t cut = 1; cut <= size; cut++) {
			enum http_progress progress;

			http_reader_free(reader);
			reader = http_reader_new(1000);
			progress = http_reader_take(reader, head, cut, &taken, &status, &error);
			if (progress == HTTP_MORE)
				progress = http_reader_take(
					reader, head + cut, size - cut, &taken, &status, &error);
			cr_expect_eq(progress, HTTP_REFUSED, "%s, cut at %zu", headers[i], cut);
			cr_expect_eq(status, 400);
		}
	}
}

Test(http_request, takes_long_values_in_pieces)
{
	static const char head[] = "GET / HTTP/1.1\r\nAccept:  a, b ;c  \r\n"
				   "A:\r\nB: \r\nX: y\r\n\r\n";

	for (size_t cut = 1; cut < sizeof(head) - 1; cut++) {
		size_t taken;

		http_reader_free(reader);
		reader = http_reader_new(1000);
		cr_expect_eq(http_reader_take(reader, head, cut, &taken, &status, &error),
			HTTP_MORE);
		cr_expect_eq(http_reader_take(reader, head + cut, sizeof(head) - 1 - cut, &taken,
				     &status, &error),
			HTTP_COMPLETE, "cut at %zu: %s", cut, error.sentence);
		cr_expect_eq(strncmp(http_reader_request(reader)->accept, "a, b ;c", 7), 0);
	}
}

Test(http_request, with_too_large_a_chunk_is_refused_before_it_comes)
{
	size_t taken;
	static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "2\r\nab\r\nffffffffffffffff\r\n";

	cr_expect_eq(http_reader_take(reader, head, sizeof(head) - 1, &taken, &status, &error),
		HTTP_REFUSED);
	cr_expect_eq(status, 413);
}

Test(http_request, leaves_the_next_one_alone)
{
	char two[2 * sizeof(post)];
	size_t taken;

	snprintf(two, sizeof(two), "%sGET / HTTP/1.0\r\n\r\n", post);
	cr_assert_eq(take(two, &taken), HTTP_COMPLETE);
	cr_expect_eq(taken, strlen(post));
	expect_post();
	http_reader_next(reader);
	cr_expect_not(http_reader_has_begun(reader));
	cr_assert_eq(take(two + taken, &taken), HTTP_COMPLETE);

	const struct http_request *request = http_reader_request(reader);

	cr_expect_eq(request->method, METHOD_GET);
	cr_expect_str_eq(request->target, "/");
	cr_expect_str_eq(request->content_type, "");
	cr_expect_eq(request->body_bytes, 0);
	cr_expect(!request->keep_alive && !request->has_chunks);
}

Test(http_request, in_chunks_has_one_body)
{
	size_t taken;

	cr_assert_eq(take("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: z\r\n\r\n", &taken),
		HTTP_COMPLETE);
	cr_expect_str_eq(http_reader_request(reader)->body, "hello");
}

Test(http_request, that_expects_100_stops_for_it)
{
	size_t taken;

	cr_assert_eq(take("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n",
			     &taken), HTTP_CONTINUE);
	cr_expect(http_reader_request(reader)->wants_continue);
	cr_assert_eq(take("hi", &taken), HTTP_COMPLETE);
	cr_expect_str_eq(http_reader_request(reader)->body, "hi");
}

Test(http_request, of_a_twice_given_header_the_first_counts)
{
	size_t taken;

	cr_assert_eq(take("GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", &taken),
		HTTP_COMPLETE);
	cr_expect_str_eq(http_reader_request(reader)->authorization, "a");
}

Test(http_request, has_its_idempotency_key_counted)
{
	static const struct {
		const char *bytes, *key;
		unsigned count;
	} requests[] = {
		{ "GET / HTTP/1.1\r\nA: b\r\n\r\n", "", 0 },
		{ "GET / HTTP/1.1\r\nidempotency-KEY: a b\r\n\r\n", "a b", 1 },
		{ "GET / HTTP/1.1\r\nIdempotency-Key:\r\n\r\n", "", 1 },
		{ "GET / HTTP/1.1\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", "a", 2 },
		{ "GET / HTTP/1.1\r\nIdempotency-Keys: a\r\n\r\n", "", 0 },
	};
	size_t taken;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct http_request *request = http_reader_request(reader);

		cr_assert_eq(take(requests[i].bytes, &taken), HTTP_COMPLETE);
		cr_expect_str_eq(request->idempotency_key, requests[i].key);
		cr_expect_eq(request->idempotency_keys, requests[i].count);
		http_reader_next(reader);
	}
}

Test(http_request, takes_nothing_from_behind_its_body)
{
	size_t taken;

	cr_assert_eq(take("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "2\r\nhe\r\n0\r\nAuthorization: z\r\nIdempotency-Key: z\r\n\r\n", &taken),
		HTTP_COMPLETE);
	cr_expect_str_eq(http_reader_request(reader)->authorization, "");
	cr_expect_eq(http_reader_request(reader)->idempotency_keys, 0);
}

Test(http_request, with_too_long_a_key_is_read_all_the_same)
{
	char bytes[400];
	size_t taken;

	for (int size = 255; size <= 256; size++) {
		snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nIdempotency-Key: %0*d\r\n\r\n",
			size, 7);
		cr_assert_eq(take(bytes, &taken), HTTP_COMPLETE);
		cr_expect_eq(http_reader_request(reader)->idempotency_key_is_cut, size > 255);
		http_reader_next(reader);
	}
	/* In pieces, what is behind the cut must not begin it anew. */
	for (const char *at = bytes; *at; at++)
		http_reader_take(reader, at, 1, &taken, &status, &error);
	cr_expect(http_reader_request(reader)->idempotency_key_is_cut);
}

struct refusal {
	char bytes[160];
	unsigned status;
	size_t filling; /* this many 'x' are put for '@' */
};

ParameterizedTestParameters(http_request, is_refused)
{
	static struct refusal refusals[] = {
		{ "nonsense\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nA\x01: c\r\n\r\n", 400, 0 },
		{ "GET / HTTP/3.0\r\n\r\n", 400, 0 },
		{ "GET / HTTP/2.0\r\n\r\n", 505, 0 },
		{ "GET /@ HTTP/1.1\r\n\r\n", 414, 1100 },
		{ "GET / HTTP/1.1\r\nA: @\r\n\r\n", 431, 17000 },
		{ "GET / HTTP/1.1\r\n@: a\r\n\r\n", 431, 17000 },
		{ "GET / HTTP/1.1\r\nAuthorization: @\r\n\r\n", 431, 300 },
		{ "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413, 0 },
		{ "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400, 0 },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, 0 },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
			0 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, 0 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n@", 413, 1500 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;@\r\na\r\n", 431, 17000 },
		{ "POST / HTTP/1.1\r\nExpect: a cake\r\nContent-Length: 1\r\n\r\n", 417, 0 },
		{ "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 501, 0 },
	};

	return cr_make_param_array(struct refusal, refusals, sizeof(refusals) / sizeof(*refusals));
}

ParameterizedTest(struct refusal *refusal, http_request, is_refused)
{
	static char bytes[20000];
	char *at = bytes;
	size_t taken;

	for (const char *c = refusal->bytes; *c; c++) {
		if (*c != '@') {
			*at++ = *c;
			continue;
		}
		memset(at, 'x', refusal->filling);
		at += refusal->filling;
	}
	*at = '\0';
	cr_assert_eq(take(bytes, &taken), HTTP_REFUSED, "%s", refusal->bytes);
	cr_expect_eq(status, refusal->status, "%s: %u, not %u: %s", refusal->bytes, status,
		refusal->status, error.sentence);
	cr_expect_gt(strlen(error.sentence), 10);
}

Test(http_request, name_that_only_begins_like_one_of_ours_is_none)
{
	size_t taken;

	cr_assert_eq(take("GET / HTTP/1.1\r\nAuthorizationAuthorizationAuthorization: a\r\n"
			  "Accep: b\r\nAcceptt: c\r\n\r\n", &taken), HTTP_COMPLETE);
	cr_expect_str_eq(http_reader_request(reader)->authorization, "");
	cr_expect_str_eq(http_reader_request(reader)->accept, "");
}
