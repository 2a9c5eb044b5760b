// SPDX-License-Identifier: Apache-2.0
// sources: base/json.c base/encode.c base/memory.c base/error.c base/own.c
/*
 * tests/fuzz/json.c: what passes the check, cJSON reads to its last byte; no object of it has a key
 * twice; and what cJSON prints of it passes again and is the same.
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keys_check(const cJSON *value)
{
	const cJSON *one, *other;

	cJSON_ArrayForEach(one, value)
	{
		for (other = one->next; other && cJSON_IsObject(value); other = other->next)
			CHECK(strcmp(one->string, other->string) != 0);
		keys_check(one);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = { .sentence = "" };
	const char *end;
	int result = json_check((const char *)data, size, &error);

	CHECK((result < 0) == (error.sentence[0] != '\0'));
	if (result < 0)
		return 0;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	cJSON *value = cJSON_ParseWithLengthOpts(text, size + 1, &end, true);

	CHECK(value && end == text + size);
	keys_check(value);
	char *printed = cJSON_PrintUnformatted(value);

	CHECK(printed);
	/* cJSON 1.7.15 prints the largest doubles with 15 digits, which round to what is none. */
	if (!strstr(printed, "1.79769313486232e+308")) {
		CHECK(json_check(printed, strlen(printed), NULL) == 0);
		cJSON *again = cJSON_Parse(printed);

		CHECK(cJSON_Compare(value, again, true));
		cJSON_Delete(again);
	}
	free(printed);
	cJSON_Delete(value);
	free(text);
	return 0;
}
