// SPDX-License-Identifier: Apache-2.0
/*
 * base/encode.c: UTF-8 checked by the table of RFC 3629, section 4; base64.
 */
#include "base/encode.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_between(uint8_t byte, uint8_t low, uint8_t high)
{
	return byte >= low && byte <= high;
}

/* The length of the valid character at the start of `s`, or 0. */
static size_t character_size(const uint8_t *s, size_t left)
{
	size_t size;
	uint8_t low = 0x80, high = 0xbf;

	if (is_between(s[0], 0x01, 0x7f))
		return 1;
	if (is_between(s[0], 0xc2, 0xdf))
		size = 2;
	else if (is_between(s[0], 0xe0, 0xef))
		size = 3;
	else if (is_between(s[0], 0xf0, 0xf4))
		size = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (left < size || !is_between(s[1], low, high))
		return 0;
	for (size_t i = 2; i < size; i++)
		if (!is_between(s[i], 0x80, 0xbf))
			return 0;
	return size;
}

#define ASCII_WORDS 4u
#define ASCII_BYTES (ASCII_WORDS * sizeof(uint64_t))

/* So many bytes of ASCII, no NUL: no high bit is set, and none is when 1 is taken off each. */
static bool block_is_ascii(const uint8_t *s)
{
	uint64_t words[ASCII_WORDS], highs = 0;

	memcpy(words, s, sizeof(words));
	for (unsigned i = 0; i < ASCII_WORDS; i++)
		highs |= words[i] | (words[i] - UINT64_C(0x0101010101010101));
	return !(highs & UINT64_C(0x8080808080808080));
}

size_t utf8_valid_size(const void *bytes, size_t size)
{
	const uint8_t *s = bytes;
	size_t at = 0;

	while (at < size) {
		size_t end = size - at < ASCII_BYTES ? size : at + ASCII_BYTES;

		if (end == at + ASCII_BYTES && block_is_ascii(s + at))
			at = end;
		while (at < end) {
			size_t n = character_size(s + at, size - at);

			if (!n)
				return at;
			at += n;
		}
	}
	return at;
}

bool utf8_is_valid(const void *bytes, size_t size)
{
	return utf8_valid_size(bytes, size) == size;
}

char *utf8_repair(const void *bytes, size_t size)
{
	const uint8_t *s = bytes;
	char *text = malloc(size * strlen(REPLACEMENT) + 1), *end = text;

	if (!text)
		return NULL;
	while (size > 0) {
		size_t n = character_size(s, size);
		size_t used = n ? n : 1;

		memcpy(end, n ? (const char *)s : REPLACEMENT, n ? n : strlen(REPLACEMENT));
		end += n ? n : strlen(REPLACEMENT);
		s += used;
		size -= used;
	}
	*end = '\0';
	return text;
}

char *base64_encode(const void *bytes, size_t size)
{
	const uint8_t *s = bytes;
	char *text = malloc((size + 2) / 3 * 4 + 1), *end = text;

	if (!text)
		return NULL;
	for (; size > 0; s += 3, size -= size < 3 ? size : 3) {
		uint32_t group = (uint32_t)s[0] << 16 | (size > 1 ? (uint32_t)s[1] << 8 : 0) |
			(size > 2 ? s[2] : 0u);

		*end++ = digits[group >> 18];
		*end++ = digits[group >> 12 & 63];
		*end++ = size > 1 ? digits[group >> 6 & 63] : '=';
		*end++ = size > 2 ? digits[group & 63] : '=';
	}
	*end = '\0';
	return text;
}

/* The three bytes of four digits, of which the last `padding` are '='. */
static int group_read(const char *text, size_t padding, uint32_t *ret_group)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *digit = i < 4 - padding ? strchr(digits, text[i]) : digits;

		if (!digit || (i >= 4 - padding && text[i] != '='))
			return -EINVAL;
		group = group << 6 | (uint32_t)(digit - digits);
	}
	if (group & ((1u << 8 * padding) - 1))
		return -EINVAL;
	*ret_group = group;
	return 0;
}

int base64_decode(const char *text, char **ret_bytes, size_t *ret_size)
{
	size_t length = strlen(text);
	size_t padding = length < 4 ? 0 : (size_t)(text[length - 1] == '=') +
		(size_t)(text[length - 1] == '=' && text[length - 2] == '=');
	char *bytes, *end;

	if (length % 4)
		return -EINVAL;
	bytes = end = malloc(length / 4 * 3 + 1);
	if (!bytes)
		return -ENOMEM;
	for (size_t at = 0; at < length; at += 4) {
		uint32_t group;

		if (group_read(text + at, at + 4 == length ? padding : 0, &group) < 0) {
			free(bytes);
			return -EINVAL;
		}
		*end++ = (char)(group >> 16);
		*end++ = (char)(group >> 8);
		*end++ = (char)group;
	}
	*ret_bytes = bytes;
	*ret_size = (size_t)(end - bytes) - padding;
	return 0;
}
