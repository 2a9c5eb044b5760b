// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_report.c: the whole answer as JSON, whatever bytes the worker wrote.
 */
#include "pool/report.h"

#include "base/clock.h"
#include "base/own.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

static struct capture capture;
static cJSON *document;

static void release(void)
{
	cJSON_Delete(document);
	capture_clear(&capture);
}

TestSuite(report, .fini = release);

static void captured(enum output_kind kind, const char *text)
{
	cr_assert(capture_add(&capture, kind, text, strlen(text)));
}

/* Parses the report; as text it must be one line. */
static void reported(const struct result *result)
{
	AUTO_FREE char *text = report_result(NULL, result, &capture);

	cr_assert_not_null(text);
	cr_expect_null(strchr(text, '\n'));
	document = cJSON_ParseWithOpts(text, NULL, true);
	cr_assert_not_null(document, "%s", text);
}

static const cJSON *at(const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(document, name);

	cr_assert_not_null(item, "%s is missing", name);
	return item;
}

static const cJSON *inside(const char *name, const char *member)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(at(name), member);

	cr_assert_not_null(item, "%s.%s is missing", name, member);
	return item;
}

static const struct result well = { .verdict = VERDICT_OK, .limit = RESULT_NO_LIMIT };

Test(report, has_every_field_of_a_result)
{
	const struct result result = {
		.verdict = VERDICT_OK,
		.limit = RESULT_NO_LIMIT,
		.reset = "replace:policy",
		.usage = { .wall_usec = 1, .cpu_usec = 2, .queue_usec = 3, .memory_peak_bytes = 4,
			.output_bytes = 5, .dropped_bytes = 6 },
	};
	static const char *const names[] = { "verdict", "exit_code", "signal", "limit", "reason",
		"stdout", "stderr", "dropped_bytes", "result", "error", "usage", "reset" };

	captured(OUTPUT_STDOUT, "out \"quoted\"\n");
	captured(OUTPUT_STDERR, "err");
	captured(OUTPUT_RESULT_TEXT, "{'a': 1}");
	captured(OUTPUT_RESULT_JSON, "{\"a\": [1, null, \"x\"]}");
	reported(&result);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		at(names[i]);
	cr_expect_eq(
		cJSON_GetArraySize(document), sizeof(names) / sizeof(names[0]), "and no other");
	cr_expect_str_eq(at("verdict")->valuestring, "ok");
	cr_expect_eq(at("exit_code")->valueint, 0);
	cr_expect(cJSON_IsNull(at("signal")) && cJSON_IsNull(at("limit")) &&
		cJSON_IsNull(at("error")));
	cr_expect_str_eq(at("reason")->valuestring, "");
	cr_expect_str_eq(at("stdout")->valuestring, "out \"quoted\"\n");
	cr_expect_str_eq(at("stderr")->valuestring, "err");
	cr_expect_str_eq(inside("result", "text")->valuestring, "{'a': 1}");
	cr_expect_eq(cJSON_GetArraySize(inside("result", "json")), 1);
	cr_expect_str_eq(at("reset")->valuestring, "replace:policy");
	cr_expect_eq(inside("usage", "wall_usec")->valueint, 1);
	cr_expect_eq(inside("usage", "cpu_usec")->valueint, 2);
	cr_expect_eq(inside("usage", "queue_usec")->valueint, 3);
	cr_expect_eq(inside("usage", "memory_peak_bytes")->valueint, 4);
	cr_expect_eq(inside("usage", "output_bytes")->valueint, 5);
	cr_expect_eq(at("dropped_bytes")->valueint, 6);
}

/* There only where the worker said something of the kind, and JSON as it said it would be. */
Test(report, has_the_other_forms_of_a_value_if_there_are_any)
{
	captured(OUTPUT_RESULT_TEXT, "<A>");
	reported(&well);
	cr_expect_null(cJSON_GetObjectItem(at("result"), "mime"));
	cJSON_Delete(document);
	captured(OUTPUT_RESULT_MIME, "{\"text/html\": \"<b>\"}");
	reported(&well);
	cr_expect_str_eq(cJSON_GetObjectItem(inside("result", "mime"), "text/html")->valuestring,
		"<b>");
}

Test(report, believes_no_other_form_that_is_no_object)
{
	static const char *const lies[] = { "[1]", "\"x\"", "{\"a\":", "{}}" };

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		cJSON *mime;

		cJSON_Delete(document);
		capture_clear(&capture);
		captured(OUTPUT_RESULT_MIME, lies[i]);
		reported(&well);
		mime = cJSON_GetObjectItem(at("result"), "mime");
		cr_expect(!mime || cJSON_IsNull(mime), "%s", lies[i]);
	}
}

Test(report, names_the_exception_that_ended_the_code)
{
	captured(OUTPUT_ERROR_NAME, "ValueError");
	captured(OUTPUT_ERROR_MESSAGE, "no");
	captured(OUTPUT_ERROR_TRACEBACK, "Traceback…\n");
	reported(&(struct result){
		.verdict = VERDICT_ERROR, .limit = RESULT_NO_LIMIT, .exit_code = 1 });
	cr_expect_str_eq(inside("error", "name")->valuestring, "ValueError");
	cr_expect_str_eq(inside("error", "message")->valuestring, "no");
	cr_expect_str_eq(inside("error", "traceback")->valuestring, "Traceback…\n");
	cr_expect_eq(at("exit_code")->valueint, 1);
	cr_expect(cJSON_IsNull(inside("result", "text")) && cJSON_IsNull(inside("result", "json")));
}

Test(report, tells_the_limit_in_the_unit_of_requests)
{
	reported(&(struct result){ .verdict = VERDICT_TIMEOUT, .limit = LIMIT_TIMEOUT,
		.limit_value = 1500 * NSEC_PER_MSEC });
	cr_expect_str_eq(at("verdict")->valuestring, "timeout");
	cr_expect_str_eq(inside("limit", "name")->valuestring, "timeout");
	cr_expect_float_eq(inside("limit", "value")->valuedouble, 1.5, 1e-9);
	cr_expect(cJSON_IsNull(at("exit_code")));
	cJSON_Delete(document);
	reported(&(struct result){
		.verdict = VERDICT_LIMIT, .limit = LIMIT_MEMORY, .limit_value = 1 << 26 });
	cr_expect_str_eq(at("verdict")->valuestring, "limit:memory");
	cr_expect_eq(inside("limit", "value")->valueint, 1 << 26);
	cJSON_Delete(document);
	reported(&(struct result){
		.verdict = VERDICT_SIGNAL, .limit = RESULT_NO_LIMIT, .signal = 9 });
	cr_expect_eq(at("signal")->valueint, 9);
}

Test(report, gives_bytes_that_are_no_text_in_base64_beside_the_repaired_text)
{
	capture_add(&capture, OUTPUT_STDOUT, "a\xff\0b", 4);
	captured(OUTPUT_STDERR, "\xc3\xa9");
	reported(&well);
	cr_expect_str_eq(at("stdout")->valuestring, "a\xef\xbf\xbd\xef\xbf\xbd" "b");
	cr_expect_str_eq(at("stdout_base64")->valuestring, "Yf8AYg==");
	cr_expect_str_eq(at("stderr")->valuestring, "\xc3\xa9");
	cr_expect_null(cJSON_GetObjectItem(document, "stderr_base64"));
}

/* A worker writes what it likes; the document stays one. */
Test(report, takes_no_value_that_is_not_json)
{
	static const char *const lies[] = { "{", "1 2", "}, \"verdict\": \"ok\"", "nul", "\"\xff\"",
		"" };

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		capture_clear(&capture);
		captured(OUTPUT_RESULT_JSON, lies[i]);
		reported(&well);
		cr_expect(cJSON_IsNull(inside("result", "json")), "%s", lies[i]);
		cr_expect_str_eq(at("verdict")->valuestring, "ok");
		cJSON_Delete(document);
		document = NULL;
	}
}

Test(report, writes_a_value_as_it_was_said_on_one_line)
{
	static const char value[] =
		"\n[ 12345678901234567890123 ,\t{\"a b\\\" c\" : \" \\n\"} ]\r\n";

	captured(OUTPUT_RESULT_JSON, value);

	AUTO_FREE char *text = report_result(NULL, &well, &capture);

	cr_expect(strstr(text,
			  "\"json\":[12345678901234567890123,{\"a b\\\" c\":\" \\n\"}]}"),
		"%s", text);
}

Test(report, escapes_what_a_string_may_not_hold)
{
	captured(OUTPUT_STDOUT, "\b\t\n\v\f\r\x1b\"\\/\x7f");
	reported(&well);
	cr_expect_str_eq(at("stdout")->valuestring, "\b\t\n\v\f\r\x1b\"\\/\x7f");
}

Test(report, names_every_layer_and_its_state)
{
	struct pool_status status = { .layers = { [LAYER_SECCOMP] = { .state = LAYER_ENFORCED },
					      [LAYER_LANDLOCK] = { .state = LAYER_DEGRADED } } };

	document = cJSON_CreateObject();
	report_layers(document, &status);
	cr_expect_eq(cJSON_GetArraySize(document), LAYER_COUNT);
	cr_expect_str_eq(at("seccomp")->valuestring, "enforced");
	cr_expect_str_eq(at("landlock")->valuestring, "degraded");
	cr_expect_str_eq(at("cgroup")->valuestring, "absent");
}
