// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/maps.h: private to runtime/: a process's own mappings, from the text of /proc/self/maps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MAPS_TEXT_BYTES (512u * 1024u) /* of some thousand mappings */

/* /proc/self/pagemap, an entry a page (Documentation/admin-guide/mm/pagemap.rst) */
#define PAGEMAP_PAGE_BYTES 4096u
#define PAGEMAP_OF_FILE (UINT64_C(1) << 61)
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)

struct mapping {
	uintptr_t start, end;
	int protection;   /* PROT_* */
	bool is_private;
	bool is_special;  /* the stack, or the kernel's own: [stack], [vdso], [vvar] and the like */
	uint64_t offset;  /* in the file */
	uint64_t inode;   /* 0: no file */
};

/* Reads the text into `text`, MAPS_TEXT_BYTES. 0, or a negative errno: not all of it fits. */
int maps_read(char *text);

/* Takes the next mapping off *text, which is used up. false: there is none. Allocates nothing. */
bool maps_next(char **text, struct mapping *ret_mapping);
