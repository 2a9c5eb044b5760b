// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_json.c: one document to the letter of RFC 8259, within our bounds, or a sentence
 * that says which byte is wrong and why.
 */
#include "base/json.h"

#include "base/own.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(text) { text, sizeof(text) - 1 }

static const struct {
	const char *bytes;
	size_t size;
} accepted[] = {
	BYTES("null"),
	BYTES("true"),
	BYTES("false"),
	BYTES(" \t\r\n 1 \t\r\n "),
	BYTES("\"\""),
	BYTES("{}"),
	BYTES("[ ]"),
	BYTES("{ \"a\" : [ 1 , { } , null ] , \"b\" : \"c\" }"),
	BYTES("0"),
	BYTES("-0"),
	BYTES("-0.0e-0"),
	BYTES("10.25E+2"),
	BYTES("1.7976931348623157e308"),
	BYTES("-1.7976931348623157e308"),
	BYTES("4.9e-324"),
	BYTES("1e-999"), /* too small is 0, as for every reader */
	BYTES("0e999999999999"),
	BYTES("123456789012345678901234567890123456789012345678901234567890123"), /* 63 */
	BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uABCD\\uabcd\""),
	BYTES("\"\x7f\xc2\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""),
	BYTES("\"\\ud800\\udc00\\udbff\\udfff\\ud7ff\\ue000\""),
	BYTES("{\"a\":1,\"A\":2,\"\":3,\"aa\":4}"),
	BYTES("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), /* each its own object's */
	BYTES("[{\"a\":1},{\"a\":1}]"),
	BYTES("{\"\\u0061b\":1,\"a\":2,\"\\\\u0061b\":3,\"\xc3\xa9\":4,\"\\ud83d\\ude00\":5}"),
	BYTES("{\"\\n\":1,\"n\":2,\"\\b\":3,\"b\":4,\"\\/\\/\":5,\"/\":6}"),
};

Test(json, accepts_what_the_rfc_does_and_so_does_cjson)
{
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct error error = { .sentence = "" };

		cr_expect_eq(json_check(accepted[i].bytes, accepted[i].size, &error), 0, "%s: %s",
			accepted[i].bytes, error.sentence);
		cJSON *parsed = cJSON_ParseWithOpts(accepted[i].bytes, NULL, true);

		cr_expect_not_null(parsed, "%s", accepted[i].bytes);
		cJSON_Delete(parsed);
	}
}

static const struct {
	const char *bytes;
	size_t size;
	size_t offset;
	const char *reason;
} refused[] = {
#define WRONG(bytes, offset, reason) { bytes, sizeof(bytes) - 1, offset, reason }
	WRONG("", 0, "it ends where a value should stand"),
	WRONG("  ", 2, "it ends where a value should stand"),
	WRONG("{}x", 2, "nothing but whitespace should stand here, not 'x'"),
	WRONG("1 2", 2, "nothing but whitespace should stand here, not '2'"),
	WRONG("{}\0", 2, "it holds the character NUL"),
	WRONG("\"a\0b\"", 2, "it holds the character NUL"),
	WRONG("\xef\xbb\xbf{}", 0, "a value should stand here, not 0xef"), /* byte order mark */
	WRONG("\v1", 0, "a value should stand here, not 0x0b"),
	WRONG("\xc2\xa0" "1", 0, "a value should stand here, not 0xc2"),
	WRONG("nul", 0, "a value should stand here: only null begins so"),
	WRONG("tRue", 0, "a value should stand here: only true begins so"),
	WRONG("[falsy]", 1, "a value should stand here: only false begins so"),
	WRONG("NaN", 0, "a value should stand here, not 'N'"),
	WRONG("[1 2]", 3, "a comma or ] should stand here, not '2'"),
	WRONG("[1,]", 3, "a value should stand here, not ']'"),
	WRONG("[,1]", 1, "a value should stand here, not ','"),
	WRONG("[1}", 2, "a comma or ] should stand here, not '}'"),
	WRONG("[1", 2, "it ends where a comma or ] should stand"),
	WRONG("[", 1, "it ends where a value should stand"),
	WRONG("{", 1, "it ends where a key in quotes should stand"),
	WRONG("{a:1}", 1, "a key in quotes should stand here, not 'a'"),
	WRONG("{1:1}", 1, "a key in quotes should stand here, not '1'"),
	WRONG("{\"a\"}", 4, "a colon should stand here, not '}'"),
	WRONG("{\"a\":}", 5, "a value should stand here, not '}'"),
	WRONG("{\"a\":1,}", 7, "a key in quotes should stand here, not '}'"),
	WRONG("{\"a\":1", 6, "it ends where a comma or } should stand"),
	WRONG("/**/1", 0, "a value should stand here, not '/'"),
	WRONG("'a'", 0, "a value should stand here, not '''"),
	/* numbers */
	WRONG("01", 1, "nothing but whitespace should stand here, not '1'"),
	WRONG("-", 1, "it ends where a digit should stand"),
	WRONG("-a", 1, "a digit should stand here, not 'a'"),
	WRONG("--1", 1, "a digit should stand here, not '-'"),
	WRONG("+1", 0, "a value should stand here, not '+'"),
	WRONG(".5", 0, "a value should stand here, not '.'"),
	WRONG("[1.]", 3, "a digit should stand here, not ']'"),
	WRONG("1.e5", 2, "a digit should stand here, not 'e'"),
	WRONG("1e", 2, "it ends where a digit should stand"),
	WRONG("1e+", 3, "it ends where a digit should stand"),
	WRONG("0x10", 1, "nothing but whitespace should stand here, not 'x'"),
	WRONG("[1e999]", 1, "the number is too large for a double"),
	WRONG("-1e309", 0, "the number is too large for a double"),
	WRONG("1.7976931348623159e308", 0, "the number is too large for a double"),
	WRONG("1234567890123456789012345678901234567890123456789012345678901234", 0,
		"a number has more than 63 characters"),
	/* strings */
	WRONG("\"", 1, "it ends inside a string"),
	WRONG("\"abc", 4, "it ends inside a string"),
	WRONG("\"a\\", 3, "it ends inside a string"),
	WRONG("\"a\\\"", 4, "it ends inside a string"),
	WRONG("\"a\nb\"", 2, "a string holds the control character 0x0a"),
	WRONG("\"\x1f\"", 1, "a string holds the control character 0x1f"),
	WRONG("{\"\t\":1}", 2, "a string holds the control character 0x09"),
	WRONG("\"\\x41\"", 1, "a string holds an escape that JSON has not"),
	WRONG("\"\\'\"", 1, "a string holds an escape that JSON has not"),
	WRONG("\"\\U0041\"", 1, "a string holds an escape that JSON has not"),
	WRONG("\"\\u123\"", 1, "\\u needs four hexadecimal digits"),
	WRONG("\"\\u12g4\"", 1, "\\u needs four hexadecimal digits"),
	WRONG("\"\\u 123\"", 1, "\\u needs four hexadecimal digits"),
	WRONG("\"\\u+123\"", 1, "\\u needs four hexadecimal digits"),
	WRONG("\"\\u12", 1, "\\u needs four hexadecimal digits"),
	WRONG("\"a\\u0000b\"", 2, "a string holds the character NUL"),
	WRONG("\"\\ud800\"", 1, "\\ud800 is half a character, without the other half"),
	WRONG("\"\\uDFFF\"", 1, "\\udfff is half a character, without the other half"),
	WRONG("\"\\udbff\\udbff\"", 1, "\\udbff is half a character, without the other half"),
	WRONG("\"\\udc00\\ud800\"", 1, "\\udc00 is half a character, without the other half"),
	WRONG("\"\\ud800\\ue000\"", 1, "\\ud800 is half a character, without the other half"),
	WRONG("\"\\ud800xudc00\"", 1, "\\ud800 is half a character, without the other half"),
	WRONG("\"\\ud800\\udc0", 1, "\\ud800 is half a character, without the other half"),
	WRONG("\"\\ud800\\udc0\"", 1, "\\ud800 is half a character, without the other half"),
	WRONG("\"\xff\"", 1, "it is not UTF-8"),
	WRONG("\"\xc0\x80\"", 1, "it is not UTF-8"),             /* overlong NUL */
	WRONG("\"\xc0\xa2\"", 1, "it is not UTF-8"),             /* overlong quote */
	WRONG("\"a\xed\xa0\x80\"", 2, "it is not UTF-8"),        /* a surrogate */
	WRONG("\"\xf4\x90\x80\x80\"", 1, "it is not UTF-8"),
	WRONG("\"\xe2\x82\"", 1, "it is not UTF-8"),
	WRONG("1\x80", 1, "it is not UTF-8"),
	/* keys, after their escapes are resolved */
	WRONG("{\"a\":1,\"a\":1}", 7, "the key stands twice in one object"),
	WRONG("{\"\":1,\"\":1}", 6, "the key stands twice in one object"),
	WRONG("{\"b\":1,\"a\":{\"a\":1},\"b\":1}", 19, "the key stands twice in one object"),
	WRONG("[{\"a\":{\"c\":1,\"c\":2}}]", 13, "the key stands twice in one object"),
	WRONG("{\"a\":1,\"\\u0061\":1}", 7, "the key stands twice in one object"),
	WRONG("{\"\\u00E9\":1,\"\xc3\xa9\":1}", 12, "the key stands twice in one object"),
	WRONG("{\"\\u20ac\":1,\"\xe2\x82\xac\":1}", 12, "the key stands twice in one object"),
	WRONG("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}", 18,
		"the key stands twice in one object"),
	WRONG("{\"/\":1,\"\\/\":1}", 7, "the key stands twice in one object"),
	WRONG("{\"\\n\\b\":1,\"\\u000a\\u0008\":1}", 10, "the key stands twice in one object"),
	WRONG("{\"\\f\\r\\t\":1,\"\\u000c\\u000D\\u0009\":1}", 12,
		"the key stands twice in one object"),
	WRONG("{\"\\\"\":1,\"\\u0022\":1}", 8, "the key stands twice in one object"),
};

Test(json, refuses_the_rest_and_names_the_byte_and_the_reason)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct error error = { .sentence = "" };
		char sentence[ERROR_SENTENCE_BYTES];

		snprintf(sentence, sizeof(sentence), "the JSON is wrong at byte %zu: %s",
			refused[i].offset, refused[i].reason);
		cr_expect_eq(json_check(refused[i].bytes, refused[i].size, &error), -EINVAL,
			"row %zu: %s", i, refused[i].bytes);
		cr_expect_str_eq(error.sentence, sentence, "row %zu", i);
	}
}

/* What follows would complete it; the copy is exact, so a sanitizer sees a read too far. */
Test(json, looks_at_nothing_behind_the_end)
{
	static const char *const whole[] = { "{\"a\\ud83d\\ude00\":[1.5e3,true,null,\"\xc3\xa9\"]}",
		"\"\\u0061\"", "false" };

	for (size_t i = 0; i < COUNT(whole); i++) {
		for (size_t size = 0; size < strlen(whole[i]); size++) {
			AUTO_FREE char *cut = malloc(size ? size : 1);

			memcpy(cut, whole[i], size);
			cr_expect_eq(json_check(cut, size, NULL), -EINVAL, "%zu of %s", size,
				whole[i]);
		}
		cr_expect_eq(json_check(whole[i], strlen(whole[i]), NULL), 0);
	}
}

/* --- Bounds: documents of many parts, written to `out` --------------------------------------- */

static FILE *out;
static char *text;
static size_t text_bytes;

static void begin(void)
{
	out = open_memstream(&text, &text_bytes);
	cr_assert_not_null(out);
}

static void repeat(const char *part, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fputs(part, out);
}

static void expect(const char *sentence)
{
	struct error error = { .sentence = "" };

	fclose(out);
	cr_expect_eq(json_check(text, text_bytes, &error), *sentence ? -EINVAL : 0, "%s",
		error.sentence);
	cr_expect_str_eq(error.sentence, sentence);
	free(text);
}

Test(json, goes_as_deep_as_its_bound)
{
	begin();
	repeat("[", JSON_DEPTH_MAX);
	repeat("]", JSON_DEPTH_MAX);
	expect("");
	begin();
	repeat("[", JSON_DEPTH_MAX + 1);
	repeat("]", JSON_DEPTH_MAX + 1);
	expect("the JSON is wrong at byte 64: more than 64 arrays and objects inside each other");
	begin();
	repeat("{\"a\":", 1000000);
	expect("the JSON is wrong at byte 320: more than 64 arrays and objects inside each other");
	begin(); /* beside each other they are not deep */
	fputs("[0", out);
	repeat(",[[],{\"a\":{}}]", 1000);
	fputs("]", out);
	expect("");
}

static void keys_put(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "%s\"%04u\":0", i ? "," : "", i * 157 % 10000); /* in no order */
}

Test(json, takes_as_many_keys_as_its_bound_in_every_object_at_once)
{
	begin();
	for (unsigned depth = 0; depth < JSON_DEPTH_MAX; depth++) {
		fputs("{", out);
		keys_put(JSON_KEYS_MAX - 1);
		fputs(",\"deeper\":", out);
	}
	fputs("0", out);
	repeat("}", JSON_DEPTH_MAX);
	expect("");
	begin();
	fputs("{", out);
	keys_put(JSON_KEYS_MAX + 1);
	fputs("}", out);
	expect("the JSON is wrong at byte 9001: an object has more than 1000 keys");
}

Test(json, finds_a_key_again_wherever_it_stood)
{
	for (unsigned i = 0; i < JSON_KEYS_MAX - 1; i++) {
		begin();
		fputs("{", out);
		keys_put(JSON_KEYS_MAX - 1);
		fprintf(out, ",\"\\u003%u%03u\":0}", i * 157 % 10000 / 1000, i * 157 % 1000);
		expect("the JSON is wrong at byte 8992: the key stands twice in one object");
	}
}

Test(json, takes_as_many_values_as_its_bound)
{
	begin();
	fputs("[0", out);
	repeat(",0", JSON_VALUES_MAX - 2);
	fputs("]", out);
	expect("");
	begin();
	fputs("[0", out);
	repeat(",0", JSON_VALUES_MAX - 1);
	fputs("]", out);
	expect("the JSON is wrong at byte 131071: there are more than 65536 values");
}

/* Compared as numbers of characters, with escapes and without, keys have one order. */
Test(json, keeps_one_order_of_keys_that_are_escaped_and_keys_that_are_not)
{
	static const char *const keys[] = { "", "a", "\\u0061a", "ab", "\\u007f", "\xc2\x80",
		"\\u07ff", "\xe0\xa0\x80", "\\ud7ff", "\xee\x80\x80", "\\uffff",
		"\xf0\x90\x80\x80", "\\udbff\\udffe", "\xf4\x8f\xbf\xbf" };

	for (size_t twice = 0; twice < COUNT(keys); twice++) {
		for (size_t shift = 0; shift < COUNT(keys); shift++) {
			struct error error = { .sentence = "" };

			begin();
			fputs("{", out);
			for (size_t i = 0; i < COUNT(keys); i++)
				fprintf(out, "\"%s\":0,", keys[(i * 5 + shift) % COUNT(keys)]);
			fprintf(out, "\"%s\":0}", keys[twice]);
			fclose(out);
			cr_expect_eq(json_check(text, text_bytes, &error), -EINVAL);
			cr_expect(strstr(error.sentence, "the key stands twice"), "%s",
				error.sentence);
			free(text);
		}
	}
}

/* A word of the eight bytes that are looked at together, at every place. */
Test(json, finds_what_is_special_at_every_place_of_a_long_string)
{
	static const char *const wrong[] = { "\x1f", "\x01", "\n", "\"x", "\\x" };

	for (size_t i = 0; i < COUNT(wrong); i++) {
		for (unsigned place = 0; place < 24; place++) {
			struct error error = { .sentence = "" };

			begin();
			fprintf(out, "\"%.*s%s%.*s\"", (int)place, "~~~~~~~~~~~~~~~~~~~~~~~~",
				wrong[i], 24 - (int)place, "~~~~~~~~~~~~~~~~~~~~~~~~");
			fclose(out);
			cr_expect_eq(json_check(text, text_bytes, &error), -EINVAL, "%s", text);
			free(text);
		}
	}
}

/* The least of three, in nanoseconds of our CPU. */
static uint64_t check_nsec(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		struct timespec before, after;
		uint64_t nsec;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		cr_assert_eq(json_check(text, text_bytes, NULL), 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		nsec = (uint64_t)(after.tv_sec - before.tv_sec) * 1000000000 +
			(uint64_t)after.tv_nsec - (uint64_t)before.tv_nsec;
		least = nsec < least ? nsec : least;
	}
	return least;
}

/* Long keys that are equal but for their ends are compared ten times each. */
Test(json, takes_no_longer_for_a_hostile_key_than_a_few_passes)
{
	static const char *const beginnings[] = { "a", "\\u0061" };
	uint64_t nsec[3];

	for (unsigned turn = 0; turn < 3; turn++) {
		begin();
		fputs("{\"\":0", out);
		for (unsigned i = 1; i < JSON_KEYS_MAX; i++) {
			fprintf(out, ",\"%s", beginnings[turn == 2 ? i % 2 : 0]);
			for (unsigned j = 0; j < 1000; j++)
				fputs("aaaa", out);
			fprintf(out, turn ? "\\u%04x\":0" : "%06u\":0", 0x1000 + i);
		}
		fputs("}", out);
		fclose(out);
		nsec[turn] = check_nsec();
		free(text);
	}
	cr_expect_lt(nsec[1], 8 * nsec[0], "%lu and %lu ns", nsec[1], nsec[0]);
	cr_expect_lt(nsec[2], 8 * nsec[0], "%lu and %lu ns", nsec[2], nsec[0]);
}

Test(json, is_valid_however_many_parts_it_has)
{
	static char list[2 * (JSON_VALUES_MAX + 2)], object[8 * (JSON_KEYS_MAX + 2)];
	size_t used = 0;

	memset(list, ',', sizeof(list));
	for (size_t i = 1; i < sizeof(list); i += 2)
		list[i] = '1';
	list[0] = '[';
	list[sizeof(list) - 1] = ']';
	list[sizeof(list) - 2] = '1';
	list[sizeof(list) - 3] = '1';
	for (unsigned i = 0; i <= JSON_KEYS_MAX; i++)
		used += (size_t)snprintf(object + used, sizeof(object) - used,
			"%c\"%03u\":1", i ? ',' : '{', i);
	object[used++] = '}';
	cr_expect(json_is_valid(list, sizeof(list)));
	cr_expect(json_is_valid(object, used));
	cr_expect_eq(json_check(object, used, NULL), -EINVAL);
	cr_expect_not(json_is_valid(object, used - 1));
	cr_expect_not(json_is_valid("1 2", 3));
	cr_expect_not(json_is_valid("1e999", 5));
}
