// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/events.c: an emitter of its own, because a flood passes through it: it looks at 16
 * bytes at a time, and what needs no escape is moved as it is.
 *
 * The bytes that it is given must be nobody else's: text that was checked and is read again must
 * still be the same, or a worker could end its line and write another in the daemon's name.
 */
#include "pool/http/events.h"

#include "base/encode.h"
#include "base/memory.h"

#include <emmintrin.h>
#include <string.h>

#define ESCAPE_BYTES_MAX 6u    /* \u001b */
#define BLOCK_BYTES 4096u      /* for so much, room is made at one time */

static const char *const names[2] = { "stdout", "stderr" };

/* Of 16 bytes, one bit each that JSON cannot hold as it is, and DEL, which terminals eat. */
static unsigned specials_of(__m128i bytes)
{
	const __m128i controls = _mm_set1_epi8(0x1f);

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(
		_mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, controls), bytes),
			_mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f))),
		_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
			_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')))));
}

static char *byte_escape(char *to, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	if (byte == '"' || byte == '\\' || byte == '\n') {
		*to++ = '\\';
		*to++ = byte == '\n' ? 'n' : (char)byte;
	} else if (byte < 0x20 || byte == 0x7f) {
		memcpy(to, "\\u00", 4);
		to[4] = digits[byte >> 4];
		to[5] = digits[byte & 15];
		to += 6;
	} else {
		*to++ = (char)byte;
	}
	return to;
}

/* `to` has room for ESCAPE_BYTES_MAX of each byte; returns the end. */
static char *block_escape(char *to, const char *from, size_t size)
{
	const char *end = from + size;

	while (end - from >= 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
		unsigned specials = specials_of(bytes);
		unsigned plain = specials ? (unsigned)__builtin_ctz(specials) : 16;

		/* All of them; what is too much is written over. */
		_mm_storeu_si128((__m128i *)(void *)to, bytes);
		to += plain;
		from += plain;
		if (specials)
			to = byte_escape(to, (unsigned char)*from++);
	}
	while (from < end)
		to = byte_escape(to, (unsigned char)*from++);
	return to;
}

static bool put_escaped(struct bytes *lines, const char *text, size_t size)
{
	while (size > 0) {
		size_t part = size < BLOCK_BYTES ? size : BLOCK_BYTES;

		if (!bytes_reserve(lines, part * ESCAPE_BYTES_MAX))
			return false;
		char *end = block_escape(lines->start + lines->used, text, part);

		lines->used = (size_t)(end - lines->start);
		text += part;
		size -= part;
	}
	return true;
}

static bool put(struct bytes *lines, const char *text)
{
	size_t size = strlen(text);

	if (!bytes_reserve(lines, size))
		return false;
	bytes_put(lines, text, size);
	return true;
}

static bool text_put(struct bytes *lines, const char *name, const char *text, size_t size)
{
	return put(lines, "{\"") && put(lines, name) && put(lines, "\":\"") &&
	       put_escaped(lines, text, size) && put(lines, "\"}\n");
}

static bool base64_put(struct bytes *lines, const char *name, const char *bytes, size_t size)
{
	if (!put(lines, "{\"") || !put(lines, name) || !put(lines, "_base64\":\"") ||
		!bytes_reserve(lines, base64_size(size)))
		return false;
	base64_write(lines->start + lines->used, bytes, size);
	lines->used += base64_size(size);
	return put(lines, "\"}\n");
}

static void piece_put(struct events *events, unsigned which, const char *bytes, size_t size)
{
	size_t before = events->lines.used;
	bool (*line_put)(struct bytes *lines, const char *name, const char *bytes, size_t size) =
		utf8_is_valid(bytes, size) ? text_put : base64_put;

	if (!size || line_put(&events->lines, names[which], bytes, size))
		return;
	events->lines.used = before; /* no half line */
	events->short_of_memory = true;
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

	AUTO_MEMORY char *joined = before ? memory_alloc(before + size) : NULL;

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

bool events_end(struct events *events, const char *line)
{
	size_t size = strlen(line);

	rest_put(events, 0);
	rest_put(events, 1);
	if (!bytes_reserve(&events->lines, size + 1)) {
		events->short_of_memory = true;
		return false;
	}
	bytes_put(&events->lines, line, size);
	bytes_put(&events->lines, "\n", 1);
	return true;
}

void events_clear(struct events *events)
{
	bytes_clear(&events->lines);
	*events = (struct events){ 0 };
}
