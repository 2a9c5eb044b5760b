// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/seal.c: writes each private mapping with pages of its own to a memfd and maps it back
 * over itself: the writable ones, and those that were written and then protected (relocations,
 * RELRO).
 *
 * Between the write and the mmap of a range, nothing may write to that range, or the write is
 * lost. So the plan is made first, in full; then a loop runs that keeps all it needs in registers
 * and on the stack, which is the one mapping left alone, and calls the kernel directly: no errno,
 * no allocator, no lazy binding (the program is linked with -z now).
 */
#include "runtime/seal.h"

#include "base/own.h"
#include "runtime/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define SEAL_RANGES_MAX 1024u

struct range {
	uintptr_t start;
	size_t size;
	size_t offset; /* in the memfd */
	long protection;
};

static inline long kernel_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* Any page that is there and is no file's? */
static bool range_has_own_page(int pagemap, const struct range *range)
{
	uint64_t entries[64];
	size_t pages = range->size / PAGEMAP_PAGE_BYTES, count;

	for (size_t done = 0; done < pages; done += count) {
		ssize_t n = pread(pagemap, entries, sizeof(entries),
			(off_t)((range->start / PAGEMAP_PAGE_BYTES + done) * sizeof(entries[0])));

		if (n <= 0)
			return false;
		count = (size_t)n / sizeof(entries[0]);
		for (size_t i = 0; i < count && done + i < pages; i++)
			if ((entries[i] & PAGEMAP_PRESENT) && !(entries[i] & PAGEMAP_OF_FILE))
				return true;
	}
	return false;
}

/* Not the kernel's own mappings, not the stack, not code. */
static bool range_of(const struct mapping *mapping, int pagemap, struct range *ret_range)
{
	if (!mapping->is_private || mapping->is_special || !(mapping->protection & PROT_READ) ||
	    (mapping->protection & PROT_EXEC))
		return false;
	*ret_range = (struct range){
		.start = mapping->start,
		.size = mapping->end - mapping->start,
		.protection = mapping->protection,
	};
	return (mapping->protection & PROT_WRITE) || range_has_own_page(pagemap, ret_range);
}

/*
 * A library's relocated constants lie directly before its variables. As one mapping with them they
 * cost each fork and each exit one mapping less, two dozen in all; that they are writable again
 * matters to nobody: what runs in a worker may protect its own memory as it likes.
 */
static void constants_join(struct range *ranges, unsigned count)
{
	for (unsigned i = 0; i + 1 < count; i++)
		if (ranges[i].start + ranges[i].size == ranges[i + 1].start &&
		    (ranges[i + 1].protection & PROT_WRITE))
			ranges[i].protection |= PROT_WRITE;
}

static int plan_make(char *maps, struct range *ranges, unsigned *ret_count, size_t *ret_bytes)
{
	AUTO_FD pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct mapping mapping;
	unsigned count = 0;
	size_t bytes = 0;

	if (pagemap < 0)
		return -errno;
	while (maps_next(&maps, &mapping)) {
		if (count == SEAL_RANGES_MAX)
			return -E2BIG;
		if (!range_of(&mapping, pagemap, &ranges[count]))
			continue;
		ranges[count].offset = bytes;
		bytes += ranges[count++].size;
	}
	constants_join(ranges, count);
	*ret_count = count;
	*ret_bytes = bytes;
	return 0;
}

/* No call into any library from here on: see the head of the file. */
static int __attribute__((noinline)) ranges_move(int fd, const struct range *ranges, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		long start = (long)ranges[i].start, size = (long)ranges[i].size;
		long offset = (long)ranges[i].offset, done = 0;

		while (done < size) {
			long n = kernel_call(
				SYS_pwrite64, fd, start + done, size - done, offset + done, 0, 0);

			if (n <= 0)
				return n < 0 ? (int)n : -EIO;
			done += n;
		}
		long result = kernel_call(SYS_mmap, start, size, ranges[i].protection,
			MAP_PRIVATE | MAP_FIXED, fd, offset);

		if (result != start)
			return (int)result;
	}
	return 0;
}

int seal_private_memory(size_t *ret_bytes, struct error *error)
{
	struct range ranges[SEAL_RANGES_MAX]; /* on the stack, which does not move */
	unsigned count = 0;
	size_t bytes = 0;
	char *maps;
	int result;
	AUTO_FD fd = memfd_create("corral-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return error_set(
			error, -errno, "cannot seal the template: memfd: %s", error_text(errno));
	/* Mapped shared, so that it is no range of the plan itself. */
	maps = mmap(
		NULL, MAPS_TEXT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (maps == MAP_FAILED)
		return error_set(
			error, -errno, "cannot seal the template: mmap: %s", error_text(errno));
	result = maps_read(maps);
	if (result >= 0)
		result = plan_make(maps, ranges, &count, &bytes);
	munmap(maps, MAPS_TEXT_BYTES);
	if (result >= 0 && ftruncate(fd, (off_t)bytes) < 0)
		result = -errno;
	if (result >= 0)
		result = ranges_move(fd, ranges, count);
	if (result >= 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		result = -errno;
	if (result < 0)
		return error_set(
			error, result, "cannot seal the template's memory: %s", error_text(result));
	*ret_bytes = bytes;
	return 0;
}
