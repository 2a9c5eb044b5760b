// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/written.h: which pages of a process are its own.
 *
 * A worker's memory shows files: the template's sealed memfd, and libraries, all MAP_PRIVATE. The
 * first write to a page gives the process a copy, which belongs to no file any more. So "written
 * since the fork" can be read off the page tables, by one ioctl over all of them (PAGEMAP_SCAN,
 * Linux 6.7), without any cost while the process runs. Own pages stay own: one that is overwritten
 * with what it held before is found again, and takes no fault when it is written next.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WRITTEN_PAGE_BYTES 4096u
#define WRITTEN_RANGES_MAX 4096u
#define WRITTEN_PAGES_MAX 65536u /* 256 MiB; whoever wrote more is not worth restoring */

/* The kernel's struct page_region: it writes them in place. */
struct written_range {
	uint64_t start, end; /* addresses */
	uint64_t kind;       /* enum written_kind */
};

enum written_kind {
	WRITTEN_OWN = 0,       /* holds anything, in memory or in swap */
	WRITTEN_ZERO = 1 << 5, /* the kernel's page of zeros: read, and never written */
};

/*
 * Finds all pages between two addresses that belong to no file: neighbours of a kind are one range,
 * in order of address. 0; -E2BIG: more than `capacity` ranges or WRITTEN_PAGES_MAX pages; -ENOTTY:
 * this kernel cannot tell; -ESRCH: it is gone; or another negative errno.
 *
 * What of them is a private mapping's, the mapping table tells; memory of shared mappings is never
 * among them. A page that the process has given back (MADV_DONTNEED) shows its file again, or
 * zeros, and is not among them either. One that it made unreachable by a guard (MADV_GUARD_INSTALL,
 * Linux 6.13) is, and cannot be written.
 */
int written_scan(pid_t pid, uint64_t start, uint64_t end, struct written_range *ranges,
	unsigned capacity, unsigned *ret_count);
