// SPDX-License-Identifier: Apache-2.0
/*
 * base/json_writer.c: bytes to text, in one pass over them.
 */
#include "base/json_writer.h"

#include "base/encode.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES_MIN 2048u
#define ESCAPE_BYTES_MAX 6u /* \u001b */
#define REPLACEMENT "\xef\xbf\xbd"

/* Where the next `size` bytes go, a NUL behind them included; NULL: nowhere. */
static char *room(struct json_writer *writer, size_t size)
{
	size_t wanted = writer->used + size + 1;
	size_t grown_size = writer->size ? writer->size : TEXT_BYTES_MIN;
	char *grown;

	if (writer->is_short)
		return NULL;
	while (grown_size < wanted)
		grown_size *= 2;
	if (grown_size != writer->size) {
		grown = writer->is_fixed ? NULL : memory_grow(writer->text, grown_size);
		if (!grown) {
			writer->is_short = true;
			return NULL;
		}
		writer->text = grown;
		writer->size = grown_size;
	}
	return writer->text + writer->used;
}

static void put(struct json_writer *writer, const void *bytes, size_t size)
{
	char *at = room(writer, size);

	if (!at || !size)
		return;
	memcpy(at, bytes, size);
	writer->used += size;
}

/* What stands before a value. */
static void begin(struct json_writer *writer, const char *name)
{
	if (writer->needs_comma)
		put(writer, ",", 1);
	writer->needs_comma = true;
	if (!name)
		return;
	put(writer, "\"", 1);
	put(writer, name, strlen(name));
	put(writer, "\":", 2);
}

void json_open(struct json_writer *writer, const char *name, char bracket)
{
	begin(writer, name);
	put(writer, &bracket, 1);
	writer->needs_comma = false;
}

void json_close(struct json_writer *writer, char bracket)
{
	put(writer, &bracket, 1);
	writer->needs_comma = true;
}

void json_null(struct json_writer *writer, const char *name)
{
	begin(writer, name);
	put(writer, "null", 4);
}

void json_number(struct json_writer *writer, const char *name, uint64_t value)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%" PRIu64, value);

	begin(writer, name);
	put(writer, text, (size_t)size);
}

void json_fraction(struct json_writer *writer, const char *name, double value)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%.15g", value);

	begin(writer, name);
	put(writer, text, (size_t)size);
}

void json_string(struct json_writer *writer, const char *name, const char *text)
{
	json_bytes(writer, name, text, strlen(text));
}

/* The end of what is written as it stands. */
static size_t plain_size(const uint8_t *text, size_t size)
{
	size_t at = 0;

	while (at < size && text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
		at++;
	return at;
}

static void escape_put(struct json_writer *writer, uint8_t byte)
{
	static const char letters[] = "btn\0fr"; /* from 0x08 */
	char escape[ESCAPE_BYTES_MAX + 1];
	int size;

	if (byte == '"' || byte == '\\')
		size = snprintf(escape, sizeof(escape), "\\%c", byte);
	else if (byte >= 0x08 && byte <= 0x0d && letters[byte - 0x08])
		size = snprintf(escape, sizeof(escape), "\\%c", letters[byte - 0x08]);
	else
		size = snprintf(escape, sizeof(escape), "\\u%04x", byte);
	put(writer, escape, (size_t)size);
}

/* Valid UTF-8 without NUL. */
static void text_put(struct json_writer *writer, const uint8_t *text, size_t size)
{
	while (size) {
		size_t plain = plain_size(text, size);

		put(writer, text, plain);
		if (plain == size)
			return;
		escape_put(writer, text[plain]);
		text += plain + 1;
		size -= plain + 1;
	}
}

void json_bytes(struct json_writer *writer, const char *name, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	begin(writer, name);
	put(writer, "\"", 1);
	while (size && !writer->is_short) {
		size_t valid = utf8_valid_size(at, size);

		text_put(writer, at, valid);
		at += valid;
		size -= valid;
		if (!size)
			break;
		put(writer, REPLACEMENT, strlen(REPLACEMENT));
		at++;
		size--;
	}
	put(writer, "\"", 1);
}

void json_base64(struct json_writer *writer, const char *name, const void *bytes, size_t size)
{
	char *at;

	begin(writer, name);
	put(writer, "\"", 1);
	at = room(writer, base64_size(size));
	if (at) {
		base64_write(at, bytes, size);
		writer->used += base64_size(size);
	}
	put(writer, "\"", 1);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void json_value(struct json_writer *writer, const char *name, const void *bytes, size_t size)
{
	const char *text = bytes;
	bool in_string = false;
	size_t begun = 0;

	begin(writer, name);
	for (size_t at = 0; at < size; at++) {
		if (in_string && text[at] == '\\') {
			at++;
		} else if (text[at] == '"') {
			in_string = !in_string;
		} else if (!in_string && is_space(text[at])) {
			put(writer, text + begun, at - begun);
			begun = at + 1;
		}
	}
	put(writer, text + begun, size - begun);
}

char *json_written(struct json_writer *writer)
{
	char *at = room(writer, 0);

	if (at)
		*at = '\0';
	else if (!writer->is_fixed)
		memory_free(writer->text);
	return at ? writer->text : NULL;
}
