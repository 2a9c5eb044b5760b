// SPDX-License-Identifier: Apache-2.0
// sources: pool/http/request_reader.c base/memory.c base/error.c base/own.c
// sources: /usr/share/llhttp/api.c /usr/share/llhttp/http.c /usr/share/llhttp/llhttp.c
/*
 * tests/fuzz/request_reader.c: any bytes are requests, cut anywhere, or one refusal; and how they
 * are cut changes nothing.
 */
#include "pool/http/request_reader.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)
#define BODY_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came of the bytes, in one number. */
struct outcome {
	unsigned requests, status;
	size_t body_bytes;
};

static void request_check(const struct http_request *request)
{
	CHECK(strlen(request->target) < HTTP_TARGET_BYTES);
	CHECK(strlen(request->content_type) < HTTP_VALUE_BYTES);
	CHECK(request->body_bytes <= BODY_MAX);
	CHECK(!request->body || request->body[request->body_bytes] == '\0');
}

static struct outcome outcome_of(const char *bytes, size_t size, size_t step)
{
	struct http_reader *reader = http_reader_new(BODY_MAX);
	struct outcome outcome = { 0 };
	struct error error;

	CHECK(reader);
	while (size && !outcome.status) {
		size_t part = step < size ? step : size, taken = 0;

		switch (http_reader_take(reader, bytes, part, &taken, &outcome.status, &error)) {
		case HTTP_MORE:
			CHECK(taken == part);
			break;
		case HTTP_CONTINUE:
			CHECK(http_reader_request(reader)->wants_continue);
			break;
		case HTTP_COMPLETE:
			request_check(http_reader_request(reader));
			outcome.requests++;
			outcome.body_bytes += http_reader_request(reader)->body_bytes;
			http_reader_next(reader);
			break;
		case HTTP_REFUSED:
			CHECK(outcome.status >= 400 && error.sentence[0]);
			taken = part;
			break;
		}
		CHECK(taken <= part);
		bytes += taken;
		size -= taken;
	}
	http_reader_free(reader);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = outcome_of((const char *)data, size, size);
	struct outcome cut = outcome_of((const char *)data, size, 1 + size % 7);

	CHECK(whole.requests == cut.requests && whole.body_bytes == cut.body_bytes);
	return 0;
}
