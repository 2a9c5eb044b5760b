// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_execute_request.c: a request is taken as it was meant, or refused with a
 * sentence that names the field.
 */
#include "pool/http/execute_request.h"

#include "base/clock.h"
#include "base/encode.h"
#include "ring/channel.h"
#include "ring/parcel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB (UINT64_C(1) << 20)

static struct request request;
static struct limits standard;

static void prepare(void)
{
	limits_init(&standard);
	standard.values[LIMIT_PIDS] = 7; /* not what the table says: the caller's */
}

static void release(void)
{
	request_free(&request);
}

TestSuite(request, .init = prepare, .fini = release);

static void taken(const char *body)
{
	struct error error = { .sentence = "" };

	request_free(&request);
	cr_assert_eq(request_parse(body, strlen(body), &standard, &request, &error), 0, "%s: %s",
		body, error.sentence);
}

static void expect_bytes(const char *bytes, size_t size, const char *wanted, size_t wanted_size)
{
	cr_assert_eq(size, wanted_size);
	cr_expect(size == 0 || memcmp(bytes, wanted, size) == 0);
}

Test(request, needs_nothing_but_code)
{
	taken("{\"code\":\"print(1)\"}");
	cr_expect_str_eq(request.runtime, "python");
	expect_bytes(request.code, request.code_bytes, "print(1)", 8);
	cr_expect_eq(request.environment_bytes, 0);
	cr_expect_eq(request.arguments_bytes, 0);
	cr_expect_null(request.stdin_text);
	cr_expect_eq(request.stdin_bytes, 0);
	cr_expect_eq(memcmp(&request.limits, &standard, sizeof(standard)), 0);
	cr_expect_eq(request.note_count, 0);
	cr_expect_not(request.stream);
	cr_expect_eq(request.reset, RESET_REWIND, "the pool's own policy counts");
	cr_expect_eq(request.queue_nsec_max, 0);
}

Test(request, takes_every_field)
{
	taken("{\"runtime\":\"python\",\"code\":\"\\u00e9\\n\",\"stdin\":\"in\\n\","
	      "\"env\":{\"A\":\"1\",\"EMPTY\":\"\",\"a b\":\"x=y\"},"
	      "\"args\":[\"\",\"two\",\"\\ud83d\\ude00\"],"
	      "\"limits\":{\"timeout\":1.5,\"cpu_time\":\"500ms\",\"memory\":\"64M\",\"pids\":3,"
	      "\"output\":1,\"files\":1048576,\"open_files\":\"99\",\"syscalls\":5},"
	      "\"stream\":true,\"queue_timeout\":0.25,\"reset\":\"auto\"}");
	cr_expect_eq(request.reset, RESET_AUTO);
	expect_bytes(request.code, request.code_bytes, "\xc3\xa9\n", 3);
	expect_bytes(request.stdin_text, request.stdin_bytes, "in\n", 3);
#define ENVIRONMENT "A=1\0EMPTY=\0a b=x=y"
	expect_bytes(request.environment, request.environment_bytes, ENVIRONMENT,
		sizeof(ENVIRONMENT));
#define ARGUMENTS "\0two\0\xf0\x9f\x98\x80"
	expect_bytes(
		request.arguments, request.arguments_bytes, ARGUMENTS, sizeof(ARGUMENTS));
	cr_expect_eq(request.limits.values[LIMIT_TIMEOUT], 1500 * NSEC_PER_MSEC);
	cr_expect_eq(request.limits.values[LIMIT_CPU_TIME], 500 * NSEC_PER_MSEC);
	cr_expect_eq(request.limits.values[LIMIT_MEMORY], 64 * MIB);
	cr_expect_eq(request.limits.values[LIMIT_PIDS], 3);
	cr_expect_eq(request.limits.values[LIMIT_OUTPUT], 1);
	cr_expect_eq(request.limits.values[LIMIT_FILES], MIB);
	cr_expect_eq(request.limits.values[LIMIT_OPEN_FILES], 99);
	cr_expect_eq(request.limits.values[LIMIT_SYSCALLS], 5);
	cr_expect_eq(request.note_count, 0);
	cr_expect(request.stream);
	cr_expect_eq(request.queue_nsec_max, 250 * NSEC_PER_MSEC);
}

Test(request, tells_what_is_empty_from_what_is_not_given)
{
	taken("{\"stdin\":\"\",\"env\":{},\"args\":[],\"limits\":{},\"code\":\"\","
	      "\"stream\":false}");
	cr_expect_not_null(request.code);
	cr_expect_eq(request.code_bytes, 0);
	cr_expect_not_null(request.stdin_text);
	cr_expect_eq(request.stdin_bytes, 0);
	cr_expect_eq(request.environment_bytes, 0);
	cr_expect_eq(request.arguments_bytes, 0);
	cr_expect_not(request.stream);
	taken("{\"code\":\"\",\"args\":[\"\"],\"queue_timeout\":\"1h\"}");
	expect_bytes(request.arguments, request.arguments_bytes, "", 1);
	cr_expect_eq(request.queue_nsec_max, REQUEST_QUEUE_NSEC_MAX);
}

Test(request, clamps_limits_and_says_so)
{
	taken("{\"code\":\"\",\"limits\":{\"memory\":1,\"timeout\":\"2h\",\"pids\":5}}");
	cr_assert_eq(request.note_count, 2);
	cr_expect_eq(request.limits.values[LIMIT_MEMORY], 8 * MIB);
	cr_expect_str_eq(request.notes[0].sentence,
		"limits.memory 1 is outside what this pool allows; using 8 MiB");
	cr_expect_eq(request.limits.values[LIMIT_TIMEOUT], 3600 * NSEC_PER_SEC);
	cr_expect_str_eq(request.notes[1].sentence,
		"limits.timeout 2h is outside what this pool allows; using 1 h");
	taken("{\"code\":\"\",\"limits\":{\"timeout\":1e300,\"cpu_time\":1e-9,\"memory\":1e300,"
	      "\"pids\":1e9,\"output\":\"999T\",\"files\":1,\"open_files\":1,"
	      "\"syscalls\":2e12}}");
	cr_expect_eq(request.note_count, LIMIT_COUNT);
	for (int i = 0; i < LIMIT_COUNT; i++)
		cr_expect_str_not_empty(request.notes[i].sentence);
}

#define BASE64_FORM "give it as RFC 4648 has it, with its padding and nothing between"

static const struct {
	const char *body, *sentence;
} refused[] = {
	{ "", "the JSON is wrong at byte 0: it ends where a value should stand" },
	{ "{\"code\":\"a\\u0000b\"}",
		"the JSON is wrong at byte 10: a string holds the character NUL" },
	{ "{\"code\":\"\",\"code\":\"\"}",
		"the JSON is wrong at byte 11: the key stands twice in one object" },
	{ "[]", "the request must be an object, not a list" },
	{ "\"code\"", "the request must be an object, not a string" },
	{ "null", "the request must be an object, not null" },
	{ "{}", "code is missing: give the program as a string" },
	{ "{\"stdin\":\"x\"}", "code is missing: give the program as a string" },
	{ "{\"Code\":\"\"}",
		"there is no field 'Code' in a request: give runtime, code, stdin, "
		"stdin_base64, env, args, cwd, files, artifacts, limits, stream, queue_timeout or "
		"reset" },
	{ "{\"code\":\"\",\"\":1}",
		"there is no field '' in a request: give runtime, code, stdin, "
		"stdin_base64, env, args, cwd, files, artifacts, limits, stream, queue_timeout or "
		"reset" },
	{ "{\"code\":null}", "code must be a string, not null" },
	{ "{\"code\":1}", "code must be a string, not a number" },
	{ "{\"code\":[\"x\"]}", "code must be a string, not a list" },
	{ "{\"code\":\"\",\"runtime\":\"node\"}",
		"runtime cannot be 'node': give python, or leave it out" },
	{ "{\"code\":\"\",\"runtime\":\"\"}",
		"runtime cannot be '': give python, or leave it out" },
	{ "{\"code\":\"\",\"runtime\":{}}", "runtime must be a string, not an object" },
	{ "{\"code\":\"\",\"stdin\":null}", "stdin must be a string, not null" },
	{ "{\"code\":\"\",\"env\":[]}", "env must be an object, not a list" },
	{ "{\"code\":\"\",\"env\":{\"A\":1}}", "env.A must be a string, not a number" },
	{ "{\"code\":\"\",\"env\":{\"\":\"x\"}}",
		"env cannot name a variable '': give a name without =" },
	{ "{\"code\":\"\",\"env\":{\"A\":\"\",\"B=C\":\"x\"}}",
		"env cannot name a variable 'B=C': give a name without =" },
	{ "{\"code\":\"\",\"stdin\":\"\",\"stdin_base64\":\"\"}",
		"stdin and stdin_base64 cannot both be given: give one of them" },
	{ "{\"code\":\"\",\"stdin_base64\":\"eA\"}", "stdin_base64 is no base64: " BASE64_FORM },
	{ "{\"code\":\"\",\"files\":[]}", "files must be an object, not a list" },
	{ "{\"code\":\"\",\"files\":{\"a\":null}}", "files.a must be a string, not null" },
	{ "{\"code\":\"\",\"files\":{\"a\":\"\",\"b\":\"eA==\\n\"}}",
		"files.b is no base64: " BASE64_FORM },
	{ "{\"code\":\"\",\"files\":{\"a\":\"\",\"a\":\"\"}}",
		"the JSON is wrong at byte 27: the key stands twice in one object" },
	{ "{\"code\":\"\",\"files\":{\"../../x\":\"\"}}",
		"files cannot name a file '../../x': no part of it can be . or .." },
	{ "{\"code\":\"\",\"files\":{\"x\":\"\",\"/etc/passwd\":\"\"}}",
		"files cannot name a file '/etc/passwd': give a relative path, it begins in "
		"/workspace" },
	{ "{\"code\":\"\",\"files\":{\"a/b\":\"\",\"x\":\"\",\"a\":\"\"}}",
		"files cannot name a file 'a': it is the folder of another" },
	{ "{\"code\":\"\",\"args\":\"x\"}", "args must be a list, not a string" },
	{ "{\"code\":\"\",\"args\":{\"a\":\"x\"}}", "args must be a list, not an object" },
	{ "{\"code\":\"\",\"args\":[\"a\",\"b\",null]}", "args[2] must be a string, not null" },
	{ "{\"code\":\"\",\"stream\":1}", "stream must be true or false, not a number" },
	{ "{\"code\":\"\",\"stream\":\"true\"}", "stream must be true or false, not a string" },
	{ "{\"code\":\"\",\"limits\":7}", "limits must be an object, not a number" },
	{ "{\"code\":\"\",\"limits\":{\"Memory\":1}}",
		"there is no limits.Memory: give timeout, cpu_time, memory, pids, output, files, "
		"open_files or syscalls" },
	{ "{\"code\":\"\",\"limits\":{\"memory\":\"x\"}}",
		"limits.memory cannot be 'x': give a size such as 256M above zero" },
	{ "{\"code\":\"\",\"limits\":{\"memory\":1.5}}",
		"limits.memory cannot be '1.5': give a size such as 256M above zero" },
	{ "{\"code\":\"\",\"limits\":{\"memory\":true}}",
		"limits.memory must be a number or a string, not true or false" },
	{ "{\"code\":\"\",\"limits\":{\"timeout\":0}}",
		"limits.timeout cannot be '0': give a duration such as 30s or 500ms above zero" },
	{ "{\"code\":\"\",\"limits\":{\"cpu_time\":-1}}",
		"limits.cpu_time cannot be '-1': give a duration such as 30s or 500ms above zero" },
	{ "{\"code\":\"\",\"limits\":{\"timeout\":\"5\\n\"}}",
		"limits.timeout cannot be '5?': give a duration such as 30s or 500ms above zero" },
	{ "{\"code\":\"\",\"limits\":{\"pids\":2.5}}",
		"limits.pids cannot be '2.5': give a whole number above zero" },
	{ "{\"code\":\"\",\"limits\":{\"open_files\":\"5K\"}}",
		"limits.open_files cannot be '5K': give a whole number above zero" },
	{ "{\"code\":\"\",\"queue_timeout\":0}",
		"queue_timeout cannot be '0': give a duration such as 30s or 500ms above zero, 1h "
		"at most, or leave it out" },
	{ "{\"code\":\"\",\"queue_timeout\":3600.001}",
		"queue_timeout cannot be '3600.001': give a duration such as 30s or 500ms above "
		"zero, 1h at most, or leave it out" },
	{ "{\"code\":\"\",\"queue_timeout\":\"soon\"}",
		"queue_timeout cannot be 'soon': give a duration such as 30s or 500ms above zero, "
		"1h at most, or leave it out" },
	{ "{\"code\":\"\",\"reset\":\"never\"}",
		"reset cannot be 'never': give replace, auto or rewind, or leave it out" },
	{ "{\"code\":\"\",\"reset\":true}", "reset must be a string, not true or false" },
	{ "{\"code\":\"\",\"queue_timeout\":[]}",
		"queue_timeout must be a number or a string, not a list" },
};

Test(request, refuses_the_rest_and_names_the_field)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct request untouched = { .stream = true };
		struct error error = { .sentence = "" };

		cr_expect_eq(request_parse(refused[i].body, strlen(refused[i].body), &standard,
				     &untouched, &error),
			-EINVAL, "%s", refused[i].body);
		cr_expect_str_eq(error.sentence, refused[i].sentence);
		cr_expect(untouched.stream && !untouched.runtime, "%s", refused[i].body);
	}
}

/* At each length, so that the cut falls on every byte of a character. */
Test(request, shows_little_of_what_the_client_wrote_and_no_control_characters)
{
	for (int length = 0; length < 60; length++) {
		struct error error;
		char body[256];
		int size = snprintf(body, sizeof(body),
			"{\"code\":\"\",\"%.*s\xe2\x82\xac\xf0\x9f\x98\x80\\n\\u007f\":1}", length,
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

		cr_expect_eq(request_parse(body, (size_t)size, &standard, &request, &error),
			-EINVAL);
		cr_expect(utf8_is_valid(error.sentence, strlen(error.sentence)));
		cr_expect(strlen(error.sentence) < 200, "%s", error.sentence);
		cr_expect_null(strchr(error.sentence, '\n'));
		cr_expect_null(strchr(error.sentence, 0x7f));
		cr_expect_eq(strstr(error.sentence, "...") != NULL, length + 9 > 40, "%s",
			error.sentence);
	}
}

/* --- Bytes that are no text ------------------------------------------------------------------ */

Test(request, takes_standard_input_that_is_no_text)
{
	taken("{\"code\":\"\",\"stdin_base64\":\"AP8KgA==\"}");
	expect_bytes(request.stdin_text, request.stdin_bytes, "\0\xff\n\x80", 4);
	taken("{\"code\":\"\",\"stdin_base64\":\"\"}");
	cr_expect_not_null(request.stdin_text);
	cr_expect_eq(request.stdin_bytes, 0);
}

Test(request, packs_its_files)
{
	struct parcel_file file;
	struct parcel parcel;

	taken("{\"code\":\"\",\"files\":{\"d/\\u00e9\":\"AP8=\",\"empty\":\"\"}}");
	cr_assert(request.files_given);
	cr_expect_eq(request.files_bytes, 2);
	cr_assert_eq(parcel_open(request.files_fd, &parcel), 0);
	cr_assert_eq(parcel_next(&parcel, &file), 1);
	cr_expect_str_eq(file.name, "d/\xc3\xa9");
	expect_bytes(file.bytes, file.size, "\0\xff", 2);
	cr_assert_eq(parcel_next(&parcel, &file), 1);
	cr_expect_str_eq(file.name, "empty");
	cr_expect_eq(file.size, 0);
	cr_expect_eq(parcel_next(&parcel, &file), 0);
	parcel_close(&parcel);
	taken("{\"code\":\"\",\"files\":{}}");
	cr_expect_not(request.files_given);
}

/* Whichever of the two stands first. */
Test(request, takes_no_more_of_files_than_their_limit)
{
	static const char *const bodies[] = {
		"{\"code\":\"\",\"limits\":{\"files\":65536},\"files\":{\"a\":\"*\",\"b\":\"*\"}}",
		"{\"code\":\"\",\"files\":{\"a\":\"*\",\"b\":\"*\"},\"limits\":{\"files\":65536}}",
	};
	static char text[2][65536], body[132000];

	for (size_t i = 0; i < COUNT(bodies); i++) {
		for (size_t more = 0; more < 2; more++) {
			struct error error = { .sentence = "" };
			const size_t digits = 65536 / 2 / 3 * 4 + 4; /* 32,768 and a bit */
			const char *first = strchr(bodies[i], '*');
			const char *second = strchr(first + 1, '*');

			memset(text[0], 'A', digits);
			text[0][digits] = '\0';
			/* 32,769 bytes and 32,767, or one more. */
			snprintf(text[1], sizeof(text[1]), "%.*s%s", (int)(digits - 4), text[0],
				more ? "AAA=" : "AA==");
			snprintf(body, sizeof(body), "%.*s%s%.*s%s%s",
				(int)(first - bodies[i]), bodies[i], text[0],
				(int)(second - first - 1), first + 1, text[1], second + 1);
			request_free(&request);
			cr_expect_eq(request_parse(body, strlen(body), &standard, &request,
					     &error),
				more ? -E2BIG : 0, "%s", error.sentence);
			cr_expect_str_eq(error.sentence,
				more ? "files cannot be 65537 bytes together: limits.files is "
				       "65536"
				     : "");
		}
	}
}

/* --- Sizes ----------------------------------------------------------------------------------- */

/* Puts `count` letters where the body has '*', and parses it. */
static int filled(const char *body, size_t count, struct error *error)
{
	const char *star = strchr(body, '*');
	size_t before = (size_t)(star - body), size = strlen(body) - 1 + count;
	char *bytes = malloc(size);
	int result;

	memcpy(bytes, body, before);
	memset(bytes + before, 'x', count);
	memcpy(bytes + before + count, star + 1, strlen(star + 1));
	request_free(&request);
	result = request_parse(bytes, size, &standard, &request, error);
	free(bytes);
	return result;
}

Test(request, fits_the_mailbox_to_the_byte)
{
	static const struct {
		const char *body;
		size_t more; /* bytes beside the letters */
	} rows[] = {
		{ "{\"code\":\"*\"}", 0 },
		{ "{\"code\":\"*\",\"env\":{\"A\":\"1\"},\"args\":[\"\",\"b\"]}", 4 + 3 },
		{ "{\"code\":\"1\",\"env\":{\"A\":\"*\"}}", 1 + 3 },
		{ "{\"code\":\"1\",\"env\":{\"*\":\"\"}}", 1 + 2 },
		{ "{\"code\":\"1\",\"args\":[\"*\"]}", 1 + 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t most = CHANNEL_MAILBOX_BYTES - rows[i].more;
		struct error error = { .sentence = "" };

		cr_expect_eq(filled(rows[i].body, most, &error), 0, "row %zu: %s", i,
			error.sentence);
		cr_expect_eq(request.code_bytes + request.environment_bytes +
				request.arguments_bytes,
			CHANNEL_MAILBOX_BYTES, "row %zu", i);
		cr_expect_eq(filled(rows[i].body, most + 1, &error), -E2BIG, "row %zu", i);
		cr_expect_str_eq(error.sentence,
			"code, env and args cannot be 1048577 bytes together: 1048576 are the "
			"most; bring data through stdin or files");
	}
}

Test(request, takes_stdin_to_its_bound)
{
	static const char body[] = "{\"code\":\"\",\"stdin\":\"*\"}";
	struct error error = { .sentence = "" };

	cr_expect_eq(filled(body, REQUEST_STDIN_BYTES_MAX, &error), 0, "%s", error.sentence);
	cr_expect_eq(request.stdin_bytes, REQUEST_STDIN_BYTES_MAX);
	cr_expect_eq(filled(body, REQUEST_STDIN_BYTES_MAX + 1, &error), -E2BIG);
	cr_expect_str_eq(
		error.sentence, "stdin cannot be 16777217 bytes: 16777216 are the most");
}

Test(request, frees_what_was_never_filled)
{
	struct request empty = { 0 };

	request_free(&empty);
	request_free(&empty);
}
