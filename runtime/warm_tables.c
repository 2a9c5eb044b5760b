// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/warm_tables.c: page tables that newborns inherit instead of faulting them in.
 *
 * A fork copies page tables only of mappings that have a page of their own (an anon_vma; Linux
 * mm/memory.c, vma_needs_copy). After sealing none has: every newborn starts with empty tables and
 * takes a fault for each stretch of library text and image that it touches, and each fault maps
 * sixteen pages around it. Copying a few hundred entries at once is much cheaper.
 *
 * So a trial newborn runs the runtime's sample once and notes which pages it has in the end. The
 * template forgets what it needed itself to get warm (thousands of entries). Then, in each mapping
 * with noted pages, it writes one byte over itself, which gives the mapping a page of its own with
 * the same contents, and reads the rest. Contents never change.
 *
 * Both are done with faults bringing one page each and not its neighbours, because every entry has
 * its price at each fork and exit: the kernel leaves mappings alone that are registered with a
 * userfaultfd for write-protection (uffd_disable_fault_around; asynchronous, Linux 6.7). Where that
 * cannot be had, the tables are only fuller.
 */
#include "base/own.h"
#include "runtime/maps.h"
#include "runtime/template.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES_MAX 16384u
/* include/uapi/linux/userfaultfd.h, Linux 6.7 */
#define FEATURE_WP_UNPOPULATED (UINT64_C(1) << 13)
#define FEATURE_WP_ASYNC (UINT64_C(1) << 15)

/* In memory that the trial shares with the template. */
struct trial {
	char maps[MAPS_TEXT_BYTES];
	uint64_t entries[512];
	int pagemap;
	uint32_t page_count;
	uintptr_t pages[PAGES_MAX];
};

/* Calls `visit` for each mapping that counts: not the stack, whose table is copied anyway. */
static int mappings_visit(struct trial *trial,
	void (*visit)(void *owner, const struct mapping *mapping), void *owner)
{
	char *text = trial->maps;
	struct mapping mapping;
	int result = maps_read(text);

	while (result == 0 && maps_next(&text, &mapping))
		if (mapping.is_private && !mapping.is_special && (mapping.protection & PROT_READ))
			visit(owner, &mapping);
	return result;
}

static void mapping_register(void *owner, const struct mapping *mapping)
{
	struct uffdio_register range = {
		.range = { mapping->start, mapping->end - mapping->start },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	ioctl(*(int *)owner, UFFDIO_REGISTER, &range);
}

/* While the descriptor is open, faults of this process map single pages. -1: they do not. */
static int neighbours_leave(struct trial *trial)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = FEATURE_WP_ASYNC | FEATURE_WP_UNPOPULATED,
	};
	AUTO_FD fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 ||
	    mappings_visit(trial, mapping_register, &fd) < 0)
		return -1;
	return fd_take(&fd);
}

/* Calls `visit` with the pagemap entry of each page of the mapping. */
static void pages_visit(struct trial *trial, const struct mapping *mapping,
	void (*visit)(struct trial *trial, uintptr_t page, uint64_t entry))
{
	const size_t step = sizeof(trial->entries) / sizeof(trial->entries[0]);
	uintptr_t first = mapping->start / PAGEMAP_PAGE_BYTES;
	uintptr_t end = mapping->end / PAGEMAP_PAGE_BYTES;

	while (first < end) {
		size_t count = end - first < step ? end - first : step;
		ssize_t n = pread(trial->pagemap, trial->entries, count * sizeof(trial->entries[0]),
			(off_t)(first * sizeof(trial->entries[0])));

		if (n <= 0)
			return;
		count = (size_t)n / sizeof(trial->entries[0]);
		for (size_t i = 0; i < count; i++)
			visit(trial, (first + i) * PAGEMAP_PAGE_BYTES, trial->entries[i]);
		first += count;
	}
}

static void page_note(struct trial *trial, uintptr_t page, uint64_t entry)
{
	if ((entry & PAGEMAP_PRESENT) && trial->page_count < PAGES_MAX)
		trial->pages[trial->page_count++] = page;
}

static void mapping_note(void *owner, const struct mapping *mapping)
{
	pages_visit(owner, mapping, page_note);
}

/* A page of a file, or of the sealed image, comes back as it was at the next touch. */
static void page_forget(struct trial *trial, uintptr_t page, uint64_t entry)
{
	if ((entry & PAGEMAP_PRESENT) && (entry & PAGEMAP_OF_FILE))
		madvise((void *)page, PAGEMAP_PAGE_BYTES, MADV_DONTNEED);
}

static void mapping_forget(void *owner, const struct mapping *mapping)
{
	pages_visit(owner, mapping, page_forget);
}

static void __attribute__((noreturn)) trial_run(struct trial *trial, const struct runtime *runtime)
{
	neighbours_leave(trial);
	trial->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	/* What the lines above brought in, neighbours and all. */
	mappings_visit(trial, mapping_forget, trial);
	worker_try(runtime);
	if (trial->pagemap < 0 || mappings_visit(trial, mapping_note, trial) < 0)
		_exit(1);
	_exit(0);
}

/* Makes the page the mapping's own, with what it held before. */
static bool page_own(const struct mapping *mapping, uintptr_t page)
{
	volatile uint8_t *byte = (volatile uint8_t *)page;
	void *start = (void *)mapping->start;
	size_t size = mapping->end - mapping->start;
	bool writable = mapping->protection & PROT_WRITE;

	if (!writable && mprotect(start, size, mapping->protection | PROT_WRITE) < 0)
		return false;
	*byte = *byte;
	return writable || mprotect(start, size, mapping->protection) == 0;
}

static void mapping_warm(void *owner, const struct mapping *mapping)
{
	const struct trial *trial = owner;
	bool owned = false;

	for (uint32_t i = 0; i < trial->page_count; i++) {
		uintptr_t page = trial->pages[i];

		if (page < mapping->start || page >= mapping->end)
			continue;
		/* One that is there anyway: no page table is filled for it alone. */
		if (!owned && !page_own(mapping, page))
			return;
		owned = true;
		(void)*(volatile uint8_t *)page;
	}
}

static void tables_fill(struct trial *trial)
{
	AUTO_FD alone = neighbours_leave(trial);
	AUTO_FD pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	(void)alone;
	trial->pagemap = pagemap;
	mappings_visit(trial, mapping_forget, trial);
	mappings_visit(trial, mapping_warm, trial);
}

void template_warm_tables(const struct template_self *self)
{
	struct trial *trial = mmap(
		NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 1;
	pid_t pid;

	if (trial == MAP_FAILED)
		return;
	pid = template_clone(self, 0, -1, 0);
	if (pid == 0)
		trial_run(trial, self->runtime);
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (pid > 0 && status == 0)
		tables_fill(trial);
	munmap(trial, sizeof(*trial));
}
