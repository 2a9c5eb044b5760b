// SPDX-License-Identifier: Apache-2.0
// sources: pool/http/execute_request.c pool/limits.c pool/policy.c base/json.c base/encode.c
// sources: base/error.c base/fault.c base/memory.c base/own.c base/quantity.c ring/parcel.c
/*
 * tests/fuzz/execute_request.c: any body becomes a request that the pool can run, or one sentence.
 */
#include "base/encode.h"
#include "pool/http/execute_request.h"
#include "ring/channel.h"
#include "ring/parcel.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sentence_check(const char *sentence)
{
	CHECK(*sentence && utf8_is_valid(sentence, strlen(sentence)));
	for (; *sentence; sentence++)
		CHECK((unsigned char)*sentence >= 0x20 && *sentence != 0x7f);
}

/* Each item ends inside the list; a variable has a name. */
static void list_check(const char *bytes, size_t size, bool has_names)
{
	CHECK(size == 0 || bytes[size - 1] == '\0');
	for (size_t i = 0; i < size; i += strlen(bytes + i) + 1)
		CHECK(!has_names || (bytes[i] != '=' && strchr(bytes + i, '=')));
}

/* The parcel reads to its end, and no name leads out of the folder. */
static void files_check(const struct request *request)
{
	uint64_t bytes = 0;
	struct parcel_file file;
	struct parcel parcel;
	int result;

	CHECK(parcel_open(request->files_fd, &parcel) == 0);
	while ((result = parcel_next(&parcel, &file)) > 0) {
		CHECK(file.name[0] != '/' && strncmp(file.name, "../", 3) != 0 &&
			!strstr(file.name, "/../"));
		bytes += file.size;
	}
	CHECK(result == 0 && bytes == request->files_bytes);
	CHECK(bytes <= request->limits.values[LIMIT_FILES]);
	parcel_close(&parcel);
}

static void request_check(const struct request *request)
{
	CHECK(strcmp(request->runtime, "python") == 0);
	CHECK(request->code && strlen(request->code) == request->code_bytes);
	CHECK(request->code_bytes + request->environment_bytes + request->arguments_bytes <=
		CHANNEL_MAILBOX_BYTES);
	CHECK(request->stdin_text || request->stdin_bytes == 0);
	CHECK(!memchr(request->code, '\0', request->code_bytes));
	if (request->files_given)
		files_check(request);
	list_check(request->environment, request->environment_bytes, true);
	list_check(request->arguments, request->arguments_bytes, false);
	list_check(request->artifacts, request->artifacts_bytes, false);
	for (int i = 0; i < LIMIT_COUNT; i++)
		CHECK(request->limits.values[i] >= limit_types[i].min &&
			request->limits.values[i] <= limit_types[i].max);
	CHECK(request->note_count <= LIMIT_COUNT);
	for (unsigned i = 0; i < request->note_count; i++)
		sentence_check(request->notes[i].sentence);
	CHECK(request->queue_nsec_max <= REQUEST_QUEUE_NSEC_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = { .sentence = "" };
	struct request request;
	struct limits standard;

	limits_init(&standard);
	if (request_parse((const char *)data, size, &standard, &request, &error) < 0) {
		sentence_check(error.sentence);
		return 0;
	}
	request_check(&request);
	request_free(&request);
	return 0;
}
