// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/events.c: an emitter of its own, because a flood passes through it: one pass
 * over the bytes, into one buffer, which is handed on whole.
 */
#include "pool/http/events.h"

#include "base/encode.h"
#include "base/fault.h"
#include "base/own.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_BYTES_MIN 1024u
#define ESCAPE_BYTES_MAX 6u /* \u001b */

static const char *const names[2] = { "stdout", "stderr" };

static bool room_make(struct events *events, size_t wanted)
{
	size_t size = events->size ? events->size : EVENTS_BYTES_MIN;
	char *bytes;

	while (size - events->used < wanted)
		size *= 2;
	if (size == events->size)
		return true;
	bytes = fault("events.memory") ? NULL : realloc(events->bytes, size);
	if (!bytes) {
		events->short_of_memory = true;
		return false;
	}
	events->bytes = bytes;
	events->size = size;
	return true;
}

static void put(struct events *events, const char *bytes, size_t size)
{
	memcpy(events->bytes + events->used, bytes, size);
	events->used += size;
}

static void put_escaped(struct events *events, const char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *at = events->bytes + events->used;

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == '"' || byte == '\\') {
			*at++ = '\\';
			*at++ = (char)byte;
		} else if (byte == '\n') {
			*at++ = '\\';
			*at++ = 'n';
		} else if (byte < 0x20 || byte == 0x7f) {
			memcpy(at, "\\u00", 4);
			at[4] = digits[byte >> 4];
			at[5] = digits[byte & 15];
			at += 6;
		} else {
			*at++ = (char)byte;
		}
	}
	events->used = (size_t)(at - events->bytes);
}

static void piece_put(struct events *events, unsigned which, const char *bytes, size_t size)
{
	const char *name = names[which];
	bool is_text = utf8_is_valid(bytes, size);

	AUTO_FREE char *base64 = is_text ? NULL : base64_encode(bytes, size);

	if (!is_text && !base64) {
		events->short_of_memory = true;
		return;
	}
	if (!size || !room_make(events, 32 + (is_text ? size * ESCAPE_BYTES_MAX : strlen(base64))))
		return;
	put(events, "{\"", 2);
	put(events, name, strlen(name));
	put(events, is_text ? "\":\"" : "_base64\":\"", is_text ? 3 : 10);
	if (is_text)
		put_escaped(events, bytes, size);
	else
		put(events, base64, strlen(base64));
	put(events, "\"}\n", 3);
}

/* Of the character that begins with this byte; 1 if none does. */
static unsigned character_bytes(unsigned char byte)
{
	if (byte < 0xc2 || byte >= 0xf5)
		return 1;
	return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
}

/* How many bytes at the end are the begin of a character that is not all there. */
static unsigned rest_of(const char *bytes, size_t size)
{
	for (unsigned back = 1; back <= 3 && back <= size; back++) {
		unsigned char byte = (unsigned char)bytes[size - back];

		if ((byte & 0xc0) != 0x80)
			return character_bytes(byte) > back ? back : 0;
	}
	return 0;
}

static void rest_put(struct events *events, unsigned which)
{
	unsigned used = events->rests[which].used;

	events->rests[which].used = 0;
	piece_put(events, which, events->rests[which].bytes, used);
}

void events_add(struct events *events, enum output_kind kind, const void *bytes, size_t size)
{
	unsigned which = kind == OUTPUT_STDERR, before;
	unsigned rest;

	if ((kind != OUTPUT_STDOUT && kind != OUTPUT_STDERR) || !size)
		return;
	before = events->rests[which].used;

	AUTO_FREE char *joined = before ? malloc(before + size) : NULL;

	if (before && !joined) {
		events->short_of_memory = true;
		return;
	}
	if (joined) {
		memcpy(joined, events->rests[which].bytes, before);
		memcpy(joined + before, bytes, size);
		bytes = joined;
		size += before;
	}
	rest = rest_of(bytes, size);
	memcpy(events->rests[which].bytes, (const char *)bytes + size - rest, rest);
	events->rests[which].used = rest;
	piece_put(events, which, bytes, size - rest);
}

void events_end(struct events *events, const char *line)
{
	size_t size = strlen(line);

	rest_put(events, 0);
	rest_put(events, 1);
	if (!room_make(events, size + 1))
		return;
	put(events, line, size);
	put(events, "\n", 1);
}

char *events_take(struct events *events, size_t *ret_bytes)
{
	char *bytes = events->used ? events->bytes : NULL;

	*ret_bytes = events->used;
	if (!bytes)
		return NULL;
	events->bytes = NULL;
	events->used = events->size = 0;
	return bytes;
}

void events_clear(struct events *events)
{
	free(events->bytes);
	*events = (struct events){ 0 };
}
