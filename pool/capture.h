// SPDX-License-Identifier: Apache-2.0
/*
 * pool/capture.h: keeps everything that an execution writes, for callers who want it at the end.
 *
 * Bounded by the execution's own limits: the output limit plus the two tails for streams, and
 * EXECUTION_RECORD_BYTES_MAX for records.
 */
#pragma once

#include "pool/execution.h"

struct capture_part {
	char *bytes;
	size_t used, size;
};

struct capture {
	struct capture_part parts[OUTPUT_KIND_COUNT];
	bool short_of_memory; /* something was left out */
};

/* Appends; false when there was no memory. */
bool capture_add(struct capture *capture, enum output_kind kind, const void *bytes, size_t size);

/* The line that stands for what was left out: "[… 12345 bytes left out …]" on its own line. */
void capture_add_gap(struct capture *capture, enum output_kind kind, uint64_t dropped_bytes);

/* Releases all memory and starts anew. */
void capture_clear(struct capture *capture);
