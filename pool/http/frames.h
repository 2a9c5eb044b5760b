// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/frames.h: a raw stream: frames of bytes as they were written (docs/api.md).
 *
 *	u8 kind		enum frame_kind
 *	u8 zero[3]
 *	u32 length	of the payload, big-endian
 *	payload
 */
#pragma once

#include "pool/http/bytes.h"
#include "ring/output.h"

#include <stdint.h>

#define FRAME_HEADER_BYTES 8u

enum frame_kind {
	FRAME_STDOUT = 1,
	FRAME_STDERR,
	FRAME_RESULT, /* the document, as JSON; the last frame */
	FRAME_GAP,    /* u8 stream (FRAME_STDOUT, FRAME_STDERR), u8 zero[7], u64 bytes left out */
};

/* What a stream's bytes are in a frame. */
enum frame_kind frame_kind_of(enum output_kind kind);

void frame_header(uint8_t header[FRAME_HEADER_BYTES], enum frame_kind kind, size_t size);

/* Appends a frame; false, and nothing appended, without memory. No bytes are no frame. */
bool frame_add(struct bytes *frames, enum frame_kind kind, const void *bytes, size_t size);
bool frame_add_gap(struct bytes *frames, enum output_kind kind, uint64_t dropped_bytes);
