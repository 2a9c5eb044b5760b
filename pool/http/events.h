// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/events.h: output as lines of JSON (NDJSON), while a program writes it.
 *
 *	{"stdout":"text"}		a piece, as it was written
 *	{"stderr_base64":"…"}		a piece that is not UTF-8
 *
 * Pieces of a stream joined are what was written. A character is never cut in two: what came of it
 * waits for the rest, so that readers may decode each line by itself.
 */
#pragma once

#include "pool/http/bytes.h"
#include "ring/output.h"

struct events {
	struct bytes lines; /* whole ones; whoever takes them leaves another buffer */
	struct {
		char bytes[4];
		unsigned used;
	} rests[2]; /* of stdout, of stderr: the begin of a character */
	bool short_of_memory; /* something was left out */
};

/* A piece of OUTPUT_STDOUT or OUTPUT_STDERR; other kinds are ignored. */
void events_add(struct events *events, enum output_kind kind, const void *bytes, size_t size);

/*
 * A whole line, and what of a character is still there before it. False, and the line left out,
 * without memory.
 */
bool events_end(struct events *events, const char *line);

void events_clear(struct events *events);
