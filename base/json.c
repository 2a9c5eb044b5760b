// SPDX-License-Identifier: Apache-2.0
/*
 * base/json.c: one pass over the bytes that decides and builds nothing.
 *
 * It descends by recursion, never deeper than JSON_DEPTH_MAX. That all is UTF-8 is looked at first,
 * so that from then on every byte is part of a character.
 *
 * Keys are kept in one array of a fixed size: a sorted run for each object that is open, the
 * innermost last. A new key finds its place by bisection, so a hostile object costs ten
 * comparisons a key, whatever its keys are; a hash could be made to collide. A key with escapes
 * is resolved once, when it comes, so that every comparison is memcmp()'s: resolved at each, long
 * keys made 32 MB cost a second.
 */
#include "base/json.h"

#include "base/encode.h"
#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct key {
	const uint8_t *bytes; /* in the document, or resolved */
	size_t size;
};

struct json {
	const uint8_t *bytes;
	size_t size, at;
	unsigned depth, values;
	struct key *keys; /* JSON_DEPTH_MAX * JSON_KEYS_MAX; NULL: nothing is counted */
	size_t key_count;
	uint8_t *resolved; /* keys that had escapes, which only get shorter; or NULL */
	size_t resolved_used;
	struct error *error;
};

#define WRONG(json, offset, format, ...) \
	error_set((json)->error, -EINVAL, "the JSON is wrong at byte %zu: " format, \
		(size_t)(offset), ##__VA_ARGS__)

static int value_check(struct json *json);

/* The byte that comes next, or -1 at the end. */
static int peek(const struct json *json)
{
	return json->at < json->size ? json->bytes[json->at] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int unexpected(const struct json *json, const char *wanted)
{
	int c = peek(json);

	if (c < 0)
		return WRONG(json, json->at, "it ends where %s should stand", wanted);
	if (c > 0x20 && c < 0x7f)
		return WRONG(json, json->at, "%s should stand here, not '%c'", wanted, c);
	return WRONG(json, json->at, "%s should stand here, not 0x%02x", wanted, c);
}

static void whitespace_skip(struct json *json)
{
	int c = peek(json);

	while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		json->at++;
		c = peek(json);
	}
}

/* --- Strings --------------------------------------------------------------------------------- */

/* The value of four hexadecimal digits, or -1. */
static int hex4(const uint8_t *digits, size_t left)
{
	int value = 0;

	if (left < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int c = digits[i], lower = c | 0x20;

		if (is_digit(c))
			value = value * 16 + c - '0';
		else if (lower >= 'a' && lower <= 'f')
			value = value * 16 + lower - 'a' + 10;
		else
			return -1;
	}
	return value;
}

static bool is_high_surrogate(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* At a backslash; leaves `at` behind the escape, or behind both of a pair. */
static int escape_check(struct json *json)
{
	const uint8_t *s = json->bytes + json->at;
	size_t left = json->size - json->at;
	int unit;

	if (left < 2)
		return WRONG(json, json->size, "it ends inside a string");
	if (s[1] != 'u') {
		if (!memchr("\"\\/bfnrt", s[1], 8))
			return WRONG(json, json->at, "a string holds an escape that JSON has not");
		json->at += 2;
		return 0;
	}
	unit = hex4(s + 2, left - 2);
	if (unit < 0)
		return WRONG(json, json->at, "\\u needs four hexadecimal digits");
	if (unit == 0)
		return WRONG(json, json->at, "a string holds the character NUL");
	if (is_low_surrogate(unit) ||
		(is_high_surrogate(unit) &&
			(left < 12 || s[6] != '\\' || s[7] != 'u' ||
				!is_low_surrogate(hex4(s + 8, left - 8)))))
		return WRONG(json, json->at, "\\u%04x is half a character, without the other half",
			(unsigned)unit);
	json->at += is_high_surrogate(unit) ? 12 : 6;
	return 0;
}

/* Whether one of eight bytes is a quote, a backslash or a control character. */
static bool has_special(uint64_t bytes)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t quotes = bytes ^ (ones * '"'), backslashes = bytes ^ (ones * '\\');

	return (((bytes - ones * 0x20) & ~bytes) | ((quotes - ones) & ~quotes) |
		       ((backslashes - ones) & ~backslashes)) &
		(ones * 0x80);
}

static void usual_skip(struct json *json)
{
	uint64_t bytes;

	while (json->size - json->at >= sizeof(bytes)) {
		memcpy(&bytes, json->bytes + json->at, sizeof(bytes));
		if (has_special(bytes))
			return;
		json->at += sizeof(bytes);
	}
}

/* At the opening quote; leaves `at` behind the closing one. */
static int string_check(struct json *json, struct key *ret_key, bool *ret_has_escape)
{
	size_t start = ++json->at;
	bool has_escape = false;

	usual_skip(json);
	for (int c; (c = peek(json)) != '"';) {
		if (c < 0)
			return WRONG(json, json->at, "it ends inside a string");
		if (c < 0x20)
			return WRONG(json, json->at,
				"a string holds the control character 0x%02x", c);
		if (c != '\\') {
			json->at++;
			if (json->at % 8 == 0)
				usual_skip(json);
			continue;
		}
		int result = escape_check(json);

		if (result < 0)
			return result;
		has_escape = true;
	}
	*ret_key = (struct key){ json->bytes + start, json->at - start };
	*ret_has_escape = has_escape;
	json->at++;
	return 0;
}

/* --- Keys ------------------------------------------------------------------------------------ */

static uint8_t escape_meaning(uint8_t letter)
{
	switch (letter) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	}
	return letter;
}

/* Puts one character as UTF-8; returns the place behind it. */
static uint8_t *character_put(uint8_t *place, uint32_t character)
{
	unsigned more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
	static const uint8_t marks[] = { 0, 0xc0, 0xe0, 0xf0 };

	*place++ = (uint8_t)(marks[more] | character >> 6 * more);
	while (more-- > 0)
		*place++ = (uint8_t)(0x80 | (character >> 6 * more & 0x3f));
	return place;
}

/* Puts what the checked escape at *s means, and moves *s behind it. */
static uint8_t *escape_put(uint8_t *place, const uint8_t **s)
{
	uint32_t character;

	if ((*s)[1] != 'u') {
		*place++ = escape_meaning((*s)[1]);
		*s += 2;
		return place;
	}
	character = (uint32_t)hex4(*s + 2, 4);
	if (is_high_surrogate((int)character)) {
		character = 0x10000 + ((character - 0xd800) << 10) +
			((uint32_t)hex4(*s + 8, 4) - 0xdc00);
		*s += 6;
	}
	*s += 6;
	return character_put(place, character);
}

static int key_resolve(struct json *json, struct key *key)
{
	const uint8_t *s = key->bytes, *end = s + key->size;
	uint8_t *start, *place;

	if (!json->resolved)
		json->resolved = memory_alloc(json->size);
	if (!json->resolved)
		return error_set(json->error, -ENOMEM, "cannot check the JSON: out of memory");
	start = place = json->resolved + json->resolved_used;
	while (s < end) {
		const uint8_t *escape = memchr(s, '\\', (size_t)(end - s));
		size_t size = (size_t)((escape ? escape : end) - s);

		place = mempcpy(place, s, size);
		s += size;
		if (escape)
			place = escape_put(place, &s);
	}
	*key = (struct key){ start, (size_t)(place - start) };
	json->resolved_used += key->size;
	return 0;
}

static int key_compare(const struct key *a, const struct key *b)
{
	int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Puts the key that stands at `offset` into its object's run, which begins at `first`. */
static int key_add(struct json *json, size_t first, const struct key *key, size_t offset)
{
	size_t low = first, high = json->key_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = key_compare(key, &json->keys[middle]);

		if (order == 0)
			return WRONG(json, offset, "the key stands twice in one object");
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (json->key_count - first == JSON_KEYS_MAX)
		return WRONG(json, offset, "an object has more than %u keys", JSON_KEYS_MAX);
	memmove(&json->keys[low + 1], &json->keys[low],
		(json->key_count - low) * sizeof(*json->keys));
	json->keys[low] = *key;
	json->key_count++;
	return 0;
}

/* --- Values ---------------------------------------------------------------------------------- */

static int digits_check(struct json *json)
{
	if (!is_digit(peek(json)))
		return unexpected(json, "a digit");
	while (is_digit(peek(json)))
		json->at++;
	return 0;
}

static int number_check(struct json *json)
{
	char text[JSON_NUMBER_BYTES_MAX + 1];
	size_t start = json->at, size;
	int result = 0;

	if (peek(json) == '-')
		json->at++;
	if (peek(json) == '0') /* and nothing more before the point */
		json->at++;
	else
		result = digits_check(json);
	if (result == 0 && peek(json) == '.') {
		json->at++;
		result = digits_check(json);
	}
	if (result == 0 && (peek(json) == 'e' || peek(json) == 'E')) {
		json->at++;
		if (peek(json) == '+' || peek(json) == '-')
			json->at++;
		result = digits_check(json);
	}
	if (result < 0)
		return result;
	size = json->at - start;
	if (size > JSON_NUMBER_BYTES_MAX)
		return WRONG(json, start, "a number has more than %u characters",
			JSON_NUMBER_BYTES_MAX);
	memcpy(text, json->bytes + start, size);
	text[size] = '\0';
	/* The decimal point is that of the C locale: no program of ours calls setlocale(). */
	if (isinf(strtod(text, NULL)))
		return WRONG(json, start, "the number is too large for a double");
	return 0;
}

static int literal_check(struct json *json, const char *literal)
{
	size_t size = strlen(literal);

	if (json->size - json->at < size || memcmp(json->bytes + json->at, literal, size) != 0)
		return WRONG(json, json->at, "a value should stand here: only %s begins so",
			literal);
	json->at += size;
	return 0;
}

/* At the key. */
static int member_check(struct json *json, size_t first)
{
	size_t offset = json->at;
	bool has_escape;
	struct key key;
	int result;

	if (peek(json) != '"')
		return unexpected(json, "a key in quotes");
	result = string_check(json, &key, &has_escape);
	if (result == 0 && json->keys && has_escape)
		result = key_resolve(json, &key);
	if (result == 0 && json->keys)
		result = key_add(json, first, &key, offset);
	if (result < 0)
		return result;
	whitespace_skip(json);
	if (peek(json) != ':')
		return unexpected(json, "a colon");
	json->at++;
	return value_check(json);
}

/* At the opening bracket; leaves `at` behind the closing one. */
static int list_check(struct json *json, bool is_object)
{
	const int closing = is_object ? '}' : ']';
	size_t first = json->key_count, resolved = json->resolved_used;

	if (json->depth == JSON_DEPTH_MAX)
		return WRONG(json, json->at, "more than %u arrays and objects inside each other",
			JSON_DEPTH_MAX);
	json->depth++;
	json->at++;
	whitespace_skip(json);
	if (peek(json) != closing) {
		for (;;) {
			whitespace_skip(json);
			int result = is_object ? member_check(json, first) : value_check(json);

			if (result < 0)
				return result;
			whitespace_skip(json);
			if (peek(json) != ',')
				break;
			json->at++;
		}
		if (peek(json) != closing)
			return unexpected(json, is_object ? "a comma or }" : "a comma or ]");
	}
	json->at++;
	json->depth--;
	json->key_count = first;
	json->resolved_used = resolved;
	return 0;
}

static int value_check(struct json *json)
{
	bool unused_has_escape;
	struct key unused;
	int c;

	whitespace_skip(json);
	c = peek(json);
	if (++json->values > JSON_VALUES_MAX && json->keys)
		return WRONG(json, json->at, "there are more than %u values", JSON_VALUES_MAX);
	switch (c) {
	case '{':
	case '[':
		return list_check(json, c == '{');
	case '"':
		return string_check(json, &unused, &unused_has_escape);
	case 't':
		return literal_check(json, "true");
	case 'f':
		return literal_check(json, "false");
	case 'n':
		return literal_check(json, "null");
	}
	return c == '-' || is_digit(c) ? number_check(json) : unexpected(json, "a value");
}

static int document_check(struct json *json)
{
	size_t valid = utf8_valid_size(json->bytes, json->size);
	int result;

	if (valid < json->size)
		return WRONG(json, valid, "%s",
			json->bytes[valid] ? "it is not UTF-8" : "it holds the character NUL");
	result = value_check(json);
	if (result < 0)
		return result;
	whitespace_skip(json);
	if (json->at < json->size)
		return unexpected(json, "nothing but whitespace");
	return 0;
}

int json_check(const char *bytes, size_t size, struct error *error)
{
	AUTO_MEMORY struct key *keys =
		memory_alloc(JSON_DEPTH_MAX * JSON_KEYS_MAX * sizeof(*keys));
	struct json json = {
		.bytes = (const uint8_t *)bytes, .size = size, .keys = keys, .error = error
	};
	int result;

	if (!keys)
		return error_set(error, -ENOMEM, "cannot check the JSON: out of memory");
	result = document_check(&json);
	memory_free(json.resolved);
	return result;
}

bool json_is_valid(const char *bytes, size_t size)
{
	struct error unread;
	struct json json = { .bytes = (const uint8_t *)bytes, .size = size, .error = &unread };

	return document_check(&json) == 0;
}
