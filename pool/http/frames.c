// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/frames.c: headers, and the frames of what is copied. What is lent by a worker's ring
 * gets its header in stream.c.
 */
#include "pool/http/frames.h"

#include <endian.h>
#include <string.h>

enum frame_kind frame_kind_of(enum output_kind kind)
{
	return kind == OUTPUT_STDERR ? FRAME_STDERR : FRAME_STDOUT;
}

void frame_header(uint8_t header[FRAME_HEADER_BYTES], enum frame_kind kind, size_t size)
{
	const uint32_t length = htobe32((uint32_t)size);

	memset(header, 0, FRAME_HEADER_BYTES);
	header[0] = (uint8_t)kind;
	memcpy(header + 4, &length, sizeof(length));
}

bool frame_add(struct bytes *frames, enum frame_kind kind, const void *bytes, size_t size)
{
	uint8_t header[FRAME_HEADER_BYTES];

	if (!size)
		return true;
	if (!bytes_reserve(frames, sizeof(header) + size))
		return false;
	frame_header(header, kind, size);
	bytes_put(frames, header, sizeof(header));
	bytes_put(frames, bytes, size);
	return true;
}

bool frame_add_gap(struct bytes *frames, enum output_kind kind, uint64_t dropped_bytes)
{
	uint64_t payload[2] = { 0, htobe64(dropped_bytes) };

	*(uint8_t *)payload = (uint8_t)frame_kind_of(kind);
	return frame_add(frames, FRAME_GAP, payload, sizeof(payload));
}
