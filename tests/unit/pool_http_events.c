// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_events.c: lines of JSON that give back what was written, however it came.
 */
#include "pool/http/events.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct events events;

static void clear(void)
{
	events_clear(&events);
}

TestSuite(events, .fini = clear);

static void expect_lines(const char *wanted)
{
	const struct bytes *lines = &events.lines;

	cr_expect_eq(lines->used, strlen(wanted));
	cr_expect_arr_eq(lines->used ? lines->start : "", wanted, lines->used, "%.*s",
		(int)lines->used, lines->start);
	events.lines.used = 0;
}

Test(events, each_piece_is_a_line_of_its_stream)
{
	events_add(&events, OUTPUT_STDOUT, "a\n", 2);
	events_add(&events, OUTPUT_STDERR, "b", 1);
	events_add(&events, OUTPUT_RESULT_TEXT, "c", 1);
	events_add(&events, OUTPUT_STDOUT, "", 0);
	expect_lines("{\"stdout\":\"a\\n\"}\n{\"stderr\":\"b\"}\n");
	expect_lines("");
}

Test(events, what_json_cannot_hold_is_escaped)
{
	events_add(&events, OUTPUT_STDOUT, "\"\\\x1b\x7f\t\r", 6);
	expect_lines("{\"stdout\":\"\\\"\\\\\\u001b\\u007f\\u0009\\u000d\"}\n");
}

Test(events, bytes_that_are_no_text_come_in_base64)
{
	events_add(&events, OUTPUT_STDERR, "\xff\xfe", 2);
	events_add(&events, OUTPUT_STDOUT, "a\0b", 3);
	expect_lines("{\"stderr_base64\":\"//4=\"}\n{\"stdout_base64\":\"YQBi\"}\n");
}

Test(events, a_character_is_never_cut)
{
	static const char text[] = "é€😀";

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		events_add(&events, OUTPUT_STDOUT, text + i, 1);
	expect_lines("{\"stdout\":\"é\"}\n{\"stdout\":\"€\"}\n{\"stdout\":\"😀\"}\n");
}

Test(events, the_begin_of_a_character_that_never_ends_is_told_at_the_end)
{
	events_add(&events, OUTPUT_STDOUT, "a\xe2\x82", 3);
	events_end(&events, "{}");
	expect_lines("{\"stdout\":\"a\"}\n{\"stdout_base64\":\"4oI=\"}\n{}\n");
}

/* Wherever in a row of 16 it stands, and however long the row. */
Test(events, what_is_escaped_is_so_at_every_place)
{
	static const struct {
		const char *byte, *escaped;
	} rows[] = {
		{ "\"", "\\\"" }, { "\\", "\\\\" }, { "\n", "\\n" }, { "\x01", "\\u0001" },
		{ "\x1f", "\\u001f" }, { "\x7f", "\\u007f" }, { " ", " " }, { "~", "~" },
		{ "é", "é" },
	};
	char text[96], wanted[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int before = 0; before <= 33; before++) {
			int after = 33 - before;

			snprintf(text, sizeof(text), "%.*s%s%.*s", before,
				"abcdefghijklmnopqrstuvwxyz0123456", rows[i].byte, after,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456");
			snprintf(wanted, sizeof(wanted), "{\"stdout\":\"%.*s%s%.*s\"}\n", before,
				"abcdefghijklmnopqrstuvwxyz0123456", rows[i].escaped, after,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456");
			events_add(&events, OUTPUT_STDOUT, text, strlen(text));
			expect_lines(wanted);
		}
}

/* Longer than what room is made for at one time, and all of it escaped sixfold. */
Test(events, a_long_piece_is_one_line)
{
	static char text[3 * 4096 + 5];
	const size_t used = strlen("{\"stdout\":\"\"}\n") + 6 * sizeof(text);

	memset(text, 0x1b, sizeof(text));
	events_add(&events, OUTPUT_STDOUT, text, sizeof(text));
	cr_assert_eq(events.lines.used, used);
	cr_expect_eq(memchr(events.lines.start, '\n', used), events.lines.start + used - 1);
	for (size_t i = 0; i < sizeof(text); i++)
		cr_assert_eq(memcmp(events.lines.start + 11 + 6 * i, "\\u001b", 6), 0);
}

/* Cut anywhere, any bytes: joined again they are the same. */
Test(events, joined_again_is_what_was_written)
{
	char written[4096], joined[sizeof(written) * 2];
	size_t done = 0, used = 0;

	srand(1);
	for (size_t i = 0; i < sizeof(written); i++)
		written[i] = (char)(rand() % 3 ? "aé€😀\n"[rand() % 11] : rand());
	while (done < sizeof(written)) {
		size_t part = 1 + (size_t)rand() % 40;

		part = part < sizeof(written) - done ? part : sizeof(written) - done;
		events_add(&events, OUTPUT_STDOUT, written + done, part);
		done += part;
	}
	events_end(&events, "{}");

	char *rest = events.lines.start, *line;

	rest[events.lines.used - 1] = '\0';
	while ((line = strsep(&rest, "\n")) && strcmp(line, "{}") != 0) {
		cJSON *object = cJSON_Parse(line);
		const cJSON *text = cJSON_GetObjectItem(object, "stdout");
		const cJSON *base64 = cJSON_GetObjectItem(object, "stdout_base64");
		static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789+/";
		unsigned bits = 0, value = 0;

		cr_assert(cJSON_IsString(text) != cJSON_IsString(base64), "%s", line);
		if (text) {
			memcpy(joined + used, text->valuestring, strlen(text->valuestring));
			used += strlen(text->valuestring);
		}
		for (const char *c = base64 ? base64->valuestring : ""; *c && *c != '='; c++) {
			value = value << 6 | (unsigned)(strchr(digits, *c) - digits);
			if ((bits += 6) >= 8)
				joined[used++] = (char)(value >> (bits -= 8));
		}
		cJSON_Delete(object);
	}
	cr_expect_eq(used, sizeof(written));
	cr_expect_eq(memcmp(joined, written, sizeof(written)), 0);
}
