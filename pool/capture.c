// SPDX-License-Identifier: Apache-2.0
/*
 * pool/capture.c: one growing buffer a kind of output.
 */
#include "pool/capture.h"

#include "base/fault.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_BYTES_MIN 256u

bool capture_add(struct capture *capture, enum output_kind kind, const void *bytes, size_t size)
{
	struct capture_part *part = &capture->parts[kind];

	if (!size)
		return true;
	if (part->size - part->used < size) {
		size_t wanted = part->size ? part->size : PART_BYTES_MIN;

		while (wanted - part->used < size)
			wanted *= 2;
		char *grown = fault("capture.memory") ? NULL : memory_grow(part->bytes, wanted);

		if (!grown) {
			capture->short_of_memory = true;
			return false;
		}
		part->bytes = grown;
		part->size = wanted;
	}
	memcpy(part->bytes + part->used, bytes, size);
	part->used += size;
	return true;
}

void capture_add_gap(struct capture *capture, enum output_kind kind, uint64_t dropped_bytes)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "\n[%" PRIu64 " bytes left out]\n", dropped_bytes);

	if (dropped_bytes)
		capture_add(capture, kind, line, (size_t)n);
}

void capture_clear(struct capture *capture)
{
	for (int i = 0; i < OUTPUT_KIND_COUNT; i++)
		memory_free(capture->parts[i].bytes);
	*capture = (struct capture){ 0 };
}
