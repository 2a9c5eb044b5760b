// SPDX-License-Identifier: Apache-2.0
/*
 * pool/artifacts.h: files that a program leaves, by the names that its sender asked for.
 *
 * They are read from the cell's /workspace when the program has ended, before its worker is reset.
 * The names are the sender's, what stands there is the program's: no link is followed, nothing but
 * a regular file is read, no folder is walked, and children that live on may change what is read.
 */
#pragma once

#include "pool/execution.h"

#include <stdbool.h>
#include <stddef.h>

#define ARTIFACTS_MAX 100u
#define ARTIFACTS_BYTES_MAX (16u << 20) /* all of an execution's together */

struct artifact {
	const char *name; /* stays its owner's */
	char *bytes;      /* NULL: no such file */
	size_t size;
};

struct artifacts {
	struct artifact *list;
	unsigned count;
	bool left_out; /* one that is there, for there was no room or no memory for it */
};

/*
 * Takes the names ("name\0" each, `size` bytes), which must live as long. 0, or -ENOMEM, or -EINVAL
 * for one that is no name of a file below a folder (parcel_name_fault()), and -E2BIG for too many.
 */
int artifacts_name(struct artifacts *artifacts, const char *names, size_t size);

/* Reads what is there below the folder, a descriptor that may be O_PATH. Blocks for no one. */
void artifacts_read(struct artifacts *artifacts, int folder);

/* Frees what it took, and is empty again. */
void artifacts_clear(struct artifacts *artifacts);
