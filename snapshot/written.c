// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/written.c: PAGEMAP_SCAN.
 *
 * A page in swap is as much the process's own as one in memory: who asks for present pages alone
 * forgets to restore what was swapped out. The page of zeros is told apart because it is the one
 * kind that needs no restoring where zeros belong; where a file's bytes belong it does (userfaultfd
 * can put it there).
 */
#include "snapshot/written.h"

#include "base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* include/uapi/linux/fs.h, Linux 6.7; Debian 12's headers are older */
struct pm_scan_arg {
	uint64_t size, flags;
	uint64_t start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_FILE (UINT64_C(1) << 2)
#define PAGE_IS_PRESENT (UINT64_C(1) << 3)
#define PAGE_IS_SWAPPED (UINT64_C(1) << 4)
#define PAGE_IS_PFNZERO (UINT64_C(1) << 5)

static_assert(sizeof(struct pm_scan_arg) == 96, "struct pm_scan_arg of Linux 6.7");
static_assert(sizeof(struct written_range) == 24, "struct page_region of Linux 6.7");
static_assert(offsetof(struct written_range, kind) == 16, "its categories");
static_assert((uint64_t)WRITTEN_ZERO == PAGE_IS_PFNZERO, "the one category that is asked for");

/*
 * One request, for what there is from `start` on: at most `capacity` ranges of `pages_max` pages.
 * The number of ranges, or a negative errno.
 */
static int scan(int fd, uint64_t start, uint64_t end, struct written_range *ranges,
	unsigned capacity, uint64_t pages_max, uint64_t *ret_walk_end)
{
	struct pm_scan_arg arguments = {
		.size = sizeof(arguments),
		.start = start,
		.end = end,
		.vec = (uint64_t)(uintptr_t)ranges,
		.vec_len = capacity,
		.max_pages = pages_max,
		.category_inverted = PAGE_IS_FILE,
		.category_mask = PAGE_IS_FILE,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_PFNZERO,
	};
	int count = ioctl(fd, PAGEMAP_SCAN, &arguments);

	*ret_walk_end = arguments.walk_end;
	if (count < 0)
		return errno == ENOSYS ? -ENOTTY : -errno;
	return count;
}

/*
 * `walk_end` says truly that the walk came to the end, and not that it did not: the kernel collects
 * 512 ranges at a time, and after more than those it leaves there where it last paused (Linux
 * 6.18). So what may lie behind the last range is asked for again, until there is none.
 */
static int ranges_collect(int fd, uint64_t start, uint64_t end, struct written_range *ranges,
	unsigned capacity, unsigned *ret_count)
{
	uint64_t pages = 0, walk_end = start;
	struct written_range beyond;
	unsigned count = 0;

	while (walk_end < end) {
		bool is_full = count == capacity || pages == WRITTEN_PAGES_MAX;
		int found = scan(fd, start, end, is_full ? &beyond : &ranges[count],
			is_full ? 1 : capacity - count, is_full ? 1 : WRITTEN_PAGES_MAX - pages,
			&walk_end);

		if (found < 0)
			return found;
		if (found == 0)
			break;
		if (is_full)
			return -E2BIG;
		for (unsigned i = count; i < count + (unsigned)found; i++)
			pages += (ranges[i].end - ranges[i].start) / WRITTEN_PAGE_BYTES;
		count += (unsigned)found;
		start = ranges[count - 1].end;
	}
	*ret_count = count;
	return 0;
}

int written_scan(pid_t pid, uint64_t start, uint64_t end, struct written_range *ranges,
	unsigned capacity, unsigned *ret_count)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);

	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return ranges_collect(fd, start, end, ranges, capacity, ret_count);
}
