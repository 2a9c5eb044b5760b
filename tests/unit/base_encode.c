// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_encode.c: UTF-8 to the letter of RFC 3629, base64 to that of RFC 4648.
 */
#include "base/encode.h"

#include "base/json_writer.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define R "\xef\xbf\xbd"

static const struct {
	const char *bytes;
	size_t size;
	const char *repaired; /* NULL: it is valid */
} texts[] = {
#define TEXT(bytes, repaired) { bytes, sizeof(bytes) - 1, repaired }
	TEXT("", NULL),
	TEXT("plain \x01\x7f\t\n", NULL),
	TEXT("\xc2\x80\xdf\xbf", NULL),
	TEXT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", NULL),
	TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", NULL),
	TEXT("Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x91\x8b", NULL),
	TEXT("a\0b", "a" R "b"),
	TEXT("\x80", R),
	TEXT("\xbf.", R "."),
	TEXT("\xc0\x80", R R),             /* overlong NUL */
	TEXT("\xc1\xbf", R R),
	TEXT("\xe0\x9f\xbf", R R R),       /* overlong */
	TEXT("\xed\xa0\x80", R R R),       /* a surrogate */
	TEXT("\xed\xbf\xbf", R R R),
	TEXT("\xf0\x8f\xbf\xbf", R R R R), /* overlong */
	TEXT("\xf4\x90\x80\x80", R R R R), /* U+110000 */
	TEXT("\xf5\x80\x80\x80", R R R R),
	TEXT("\xff\xfe", R R),
	TEXT("a\xc3", "a" R),              /* cut */
	TEXT("a\xe2\x82", "a" R R),
	TEXT("a\xf0\x9f\x91", "a" R R R),
	TEXT("\xc3(", R "("),              /* no continuation */
	TEXT("\xe2(\xa1", R "(" R),
	TEXT("\xe2\x82(", R R "("),
	TEXT("\xf0\x28\x8c\xbc", R "(" R R),
};

/* Many bytes of ASCII are looked at together: not over one that is none. */
Test(encode, finds_the_one_bad_byte_wherever_it_stands)
{
	for (size_t size = 1; size <= 80; size++)
		for (size_t at = 0; at < size; at++)
			for (int byte = 0; byte <= 0xff; byte++) {
				char text[80];
				bool is_ascii = byte > 0 && byte < 0x80;

				memset(text, 0x7f, sizeof(text));
				memset(text, 0x01, at);
				text[at] = (char)byte;
				cr_assert_eq(utf8_valid_size(text, size), is_ascii ? size : at,
					"%#x at %zu of %zu", (unsigned)byte, at, size);
			}
}

/* As base/json_writer.c does it. */
static char *repaired_text(const char *bytes, size_t size)
{
	struct json_writer writer = { .text = NULL };
	cJSON *document;
	char *text;

	json_bytes(&writer, NULL, bytes, size);
	text = json_written(&writer);
	document = cJSON_Parse(text);
	free(text);
	cr_assert(cJSON_IsString(document));
	text = strdup(document->valuestring);
	cJSON_Delete(document);
	return text;
}

Test(encode, tells_valid_utf8_and_repairs_the_rest)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *repaired = repaired_text(texts[i].bytes, texts[i].size);

		cr_expect_eq(utf8_is_valid(texts[i].bytes, texts[i].size), !texts[i].repaired,
			"text %zu", i);
		cr_expect_str_eq(repaired, texts[i].repaired ? texts[i].repaired : texts[i].bytes,
			"text %zu", i);
		cr_expect(utf8_is_valid(repaired, strlen(repaired)));
		free(repaired);
	}
}

/* The bytes behind the end complete the character: they must not be looked at. */
Test(encode, looks_at_nothing_behind_the_end)
{
	char *repaired = repaired_text("a\xe2\x82\xac", 3);

	cr_expect_not(utf8_is_valid("\xe2\x82\xac", 2));
	cr_expect(utf8_is_valid("\xe2\x82\xac", 3));
	cr_expect_str_eq(repaired, "a" R R);
	free(repaired);
}

Test(encode, tells_where_the_first_invalid_character_begins)
{
	cr_expect_eq(utf8_valid_size("", 0), 0);
	cr_expect_eq(utf8_valid_size("a\xc3\xa9", 3), 3);
	cr_expect_eq(utf8_valid_size("a\xc3\xa9\xff", 4), 3);
	cr_expect_eq(utf8_valid_size("a\xe2\x82\xac", 3), 1, "cut");
	cr_expect_eq(utf8_valid_size("ab\0c", 4), 2);
}

/* As the bit patterns of the definition say, not as a table of lead bytes does. */
static bool is_character(uint32_t code)
{
	return code && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

Test(encode, knows_every_character_of_up_to_four_bytes)
{
	for (uint32_t code = 0; code < 0x200000; code++) {
		uint8_t four[4] = { (uint8_t)(0xf0 | code >> 18),
			(uint8_t)(0x80 | (code >> 12 & 63)), (uint8_t)(0x80 | (code >> 6 & 63)),
			(uint8_t)(0x80 | (code & 63)) };
		uint8_t three[3] = { (uint8_t)(0xe0 | (code >> 12 & 15)), four[2], four[3] };
		uint8_t two[2] = { (uint8_t)(0xc0 | (code >> 6 & 31)), four[3] };

		cr_assert_eq(
			utf8_is_valid(four, 4), code >= 0x10000 && is_character(code), "%x", code);
		if (code < 0x10000)
			cr_assert_eq(utf8_is_valid(three, 3), code >= 0x800 && is_character(code),
				"%x", code);
		if (code < 0x800)
			cr_assert_eq(utf8_is_valid(two, 2), code >= 0x80, "%x", code);
	}
}

Test(encode, writes_base64_as_the_rfc_shows_it)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" },
		{ "\xfb\xef\xbe", "++++" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));

		cr_expect_str_eq(text, pairs[i][1]);
		free(text);
	}
}

Test(encode, loses_no_byte_in_base64)
{
	uint8_t bytes[259];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		char *text = base64_encode(bytes, size), *back;
		size_t back_size;

		cr_assert_eq(strlen(text), (size + 2) / 3 * 4);
		cr_assert_eq(base64_decode(text, &back, &back_size), 0);
		cr_assert_eq(back_size, size);
		cr_assert_eq(memcmp(back, bytes, size), 0);
		free(back);
		free(text);
	}
}

Test(encode, reads_no_base64_that_it_would_not_write)
{
	static const char *const wrong[] = { "Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zh==",
		"Zm9=", "Zm9v\n", "Zm 9", "Zm9v-_-_", "=Zg=", "Zg=v", "Zm9vZg==\n" };
	char *bytes;
	size_t size;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(base64_decode(wrong[i], &bytes, &size), -EINVAL, "%s", wrong[i]);
	cr_expect_eq(base64_decode("", &bytes, &size), 0);
	cr_expect_eq(size, 0);
	free(bytes);
}

Test(encode, reads_base64_in_its_own_place)
{
	char text[] = "Zm9vYmE=", wrong[] = "Zm9vYm=E";
	size_t size = 7;

	cr_assert_eq(base64_decode_here(text, &size), 0);
	cr_expect_eq(size, 5);
	cr_expect_eq(memcmp(text, "fooba", 5), 0);
	cr_expect_eq(base64_decode_here(wrong, &size), -EINVAL);
	cr_expect_eq(size, 5);
}
