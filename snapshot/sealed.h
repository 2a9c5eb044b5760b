// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/sealed.h: a template's sealed memory, read from outside.
 *
 * What a worker never wrote is in this memfd and nowhere else: an image refers to it instead of
 * holding a copy. The template closed its descriptor; the kernel gives it out again for any of the
 * mappings that show it (/proc/PID/map_files).
 */
#pragma once

#include "base/error.h"
#include "snapshot/mappings.h"

#include <stddef.h>

struct sealed {
	const uint8_t *bytes;    /* mapped read-only; NULL: none */
	size_t size;
	uint32_t device_major, device_minor;
	uint64_t inode;
};

/*
 * Finds the first private mapping of `pid` that shows a memfd sealed against every change, and maps
 * that. To be asked of a template, or of a worker before it ran anything: later it may show others.
 * 0, -ENOENT (it shows none), or another negative errno, with the sentence.
 */
int sealed_open(struct sealed *sealed, pid_t pid, struct error *error);
void sealed_close(struct sealed *sealed);

/* Whether the mapping shows it, whole: no page of it lies behind the memfd's end. */
static inline bool sealed_is_shown(const struct sealed *sealed, const struct mapping *mapping)
{
	return sealed && sealed->bytes && mapping->inode == sealed->inode &&
	       mapping->device_major == sealed->device_major &&
	       mapping->device_minor == sealed->device_minor && !mapping->is_shared &&
	       mapping->offset <= sealed->size &&
	       mapping->end - mapping->start <= sealed->size - mapping->offset;
}
