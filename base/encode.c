// SPDX-License-Identifier: Apache-2.0
/*
 * base/encode.c: UTF-8 checked by the table of RFC 3629, section 4; base64.
 */
#include "base/encode.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

size_t base64_size(size_t size)
{
	return (size + 2) / 3 * 4;
}

void base64_write(char *text, const void *bytes, size_t size)
{
	const uint8_t *s = bytes;
	char *end = text;

	for (; size > 0; s += 3, size -= size < 3 ? size : 3) {
		uint32_t group = (uint32_t)s[0] << 16 | (size > 1 ? (uint32_t)s[1] << 8 : 0) |
			(size > 2 ? s[2] : 0u);

		*end++ = digits[group >> 18];
		*end++ = digits[group >> 12 & 63];
		*end++ = size > 1 ? digits[group >> 6 & 63] : '=';
		*end++ = size > 2 ? digits[group & 63] : '=';
	}
}

char *base64_encode(const void *bytes, size_t size)
{
	char *text = malloc(base64_size(size) + 1);

	if (!text)
		return NULL;
	base64_write(text, bytes, size);
	text[base64_size(size)] = '\0';
	return text;
}

/* What a digit is worth, or 0xff. */
static uint8_t digit_value(uint8_t c)
{
	if (is_between(c, 'A', 'Z'))
		return c - 'A';
	if (is_between(c, 'a', 'z'))
		return (uint8_t)(c - 'a' + 26);
	if (is_between(c, '0', '9'))
		return (uint8_t)(c - '0' + 52);
	return c == '+' ? 62 : c == '/' ? 63 : 0xff;
}

/* The `count` bytes of `count` + 1 digits, over them or before them. False: they are none. */
static bool group_decode(const uint8_t *text, size_t count, uint8_t *bytes)
{
	uint32_t group = 0, values = 0;

	for (size_t i = 0; i <= count; i++) {
		uint8_t value = digit_value(text[i]);

		values |= value;
		group |= (uint32_t)(value & 63) << (18 - 6 * i);
	}
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(group >> (16 - 8 * i));
	/* Stray bits behind the last byte are refused. */
	return values < 64 && !(group & ((1u << (24 - 8 * count)) - 1));
}

int base64_decode_here(char *text, size_t *ret_size)
{
	uint8_t *from = (uint8_t *)text, *to = from;
	size_t left = strlen(text), last = 3;

	if (left % 4)
		return -EINVAL;
	if (left && from[left - 1] == '=')
		last = from[left - 2] == '=' ? 1 : 2;
	for (; left > 0; left -= 4, from += 4) {
		size_t count = left > 4 ? 3 : last;

		if (!group_decode(from, count, to))
			return -EINVAL;
		to += count;
	}
	*ret_size = (size_t)(to - (uint8_t *)text);
	return 0;
}

int base64_decode(const char *text, char **ret_bytes, size_t *ret_size)
{
	char *bytes = strdup(text);
	int result = bytes ? base64_decode_here(bytes, ret_size) : -ENOMEM;

	if (result < 0)
		free(bytes);
	else
		*ret_bytes = bytes;
	return result;
}
