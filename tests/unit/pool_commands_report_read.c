// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_commands_report_read.c: what report_result() writes is read back as it was; what
 * it would not write is refused by name.
 */
#include "pool/commands/report_read.h"

#include "base/own.h"
#include "pool/report.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct capture capture;
static struct report report;
static struct error error;

static void release(void)
{
	report_clear(&report);
	capture_clear(&capture);
}

TestSuite(report_read, .fini = release);

/* Written and read. */
static void carry(const struct result *result)
{
	static const struct error note = { .sentence = "limits.memory was too small" };
	const struct report_labels labels = { .id = "7", .notes = &note, .note_count = 1 };

	AUTO_FREE char *text = report_result(&labels, result, &capture);

	report_clear(&report);
	cr_assert_eq(report_read(text, strlen(text), &report, &error), 0, "%s: %s", text,
		error.sentence);
}

/* Every verdict with every limit that it may come with: the exit code is what the client needs. */
Test(report_read, keeps_what_the_exit_code_is_made_of)
{
	struct result result = { .verdict = VERDICT_OK };

	for (; result.verdict < VERDICT_COUNT; result.verdict++)
		for (result.limit = 0; result.limit <= RESULT_NO_LIMIT; result.limit++) {
			if (result.verdict == VERDICT_LIMIT && result.limit == RESULT_NO_LIMIT)
				continue;
			result.limit_value = 1 << 20;
			result.exit_code = result.verdict == VERDICT_EXIT ? 77 : 0;
			result.signal = result.verdict == VERDICT_SIGNAL ? 11 : 0;
			carry(&result);
			cr_expect_eq(report.result.verdict, result.verdict);
			cr_expect_eq(verdict_exit_code(&report.result), verdict_exit_code(&result));
		}
}

Test(report_read, keeps_the_bytes_of_the_streams)
{
	static const struct {
		const char *bytes;
		size_t size;
	} streams[] = { { "", 0 }, { "plain\n", 6 }, { "Gr\xc3\xbc\xc3\x9f" "e\x01\t\"\\", 11 },
		{ "a\0b", 3 }, { "\xff\xfe\xfd\xfc", 4 }, { "\xed\xa0\x80", 3 } };
	const struct result result = { .verdict = VERDICT_OK, .limit = RESULT_NO_LIMIT };

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		capture_clear(&capture);
		capture_add(&capture, OUTPUT_STDOUT, streams[i].bytes, streams[i].size);
		capture_add(&capture, OUTPUT_STDERR, "other", 5);
		carry(&result);
		cr_assert_eq(report.out.size, streams[i].size, "stream %zu", i);
		cr_expect_eq(memcmp(report.out.bytes, streams[i].bytes, streams[i].size), 0);
		cr_assert_eq(report.err.size, 5);
		cr_expect_eq(memcmp(report.err.bytes, "other", 5), 0);
	}
}

Test(report_read, keeps_the_sentences)
{
	const struct result result = { .verdict = VERDICT_LOST, .limit = RESULT_NO_LIMIT,
		.reason = "it broke" };

	carry(&result);
	cr_expect_str_eq(report.reason, "lost: it broke");
	cr_assert_eq(cJSON_GetArraySize(report.notes), 1);
	cr_expect_str_eq(cJSON_GetArrayItem(report.notes, 0)->valuestring,
		"limits.memory was too small");
}

Test(report_read, refuses_what_is_no_report_and_names_the_field)
{
#define REPORT(verdict, out, more) \
	"{\"verdict\":" verdict ",\"reason\":\"\",\"stdout\":" out ",\"stderr\":\"\"" more "}"
	static const struct {
		const char *text, *part;
	} wrong[] = {
		{ "", "no JSON object" },
		{ "[]", "no JSON object" },
		{ "{\"verdict\":\"ok\"", "no JSON object" },
		{ "{}", "its verdict is not a string" },
		{ REPORT("7", "\"\"", ""), "its verdict is not a string" },
		{ REPORT("\"limit:luck\"", "\"\"", ""), "its verdict is not one that we know" },
		{ REPORT("\"exit\"", "\"\"", ""), "its exit_code is not a number" },
		{ REPORT("\"exit\"", "\"\"", ",\"exit_code\":null"), "its exit_code is not" },
		{ REPORT("\"exit\"", "\"\"", ",\"exit_code\":256"), "its exit_code is not" },
		{ REPORT("\"signal\"", "\"\"", ",\"signal\":-1"), "its signal is not" },
		{ REPORT("\"ok\"", "null", ""), "its stdout is not a string" },
		{ REPORT("\"ok\"", "\"\"", ",\"stdout_base64\":7"),
			"stdout_base64 is not a string" },
		{ REPORT("\"ok\"", "\"\"", ",\"stdout_base64\":\"x\""),
			"stdout_base64 is not base64" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_expect_eq(report_read(wrong[i].text, strlen(wrong[i].text), &report, &error),
			-EBADMSG, "%s", wrong[i].text);
		cr_expect_not_null(strstr(error.sentence, wrong[i].part), "%s", error.sentence);
	}
	cr_expect_eq(report_read(REPORT("\"ok\"", "\"\"", ",\"new\":1"),
			     strlen(REPORT("\"ok\"", "\"\"", ",\"new\":1")), &report, &error),
		0, "fields that are new are passed over");
}
