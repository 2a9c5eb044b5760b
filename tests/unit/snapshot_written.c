// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_written.c: the pages that a process has of its own are found, all of them and
 * no others. The process is the test itself. Needs a kernel with PAGEMAP_SCAN.
 */
#include "snapshot/written.h"

#include "tests/unit/snapshot_child.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE WRITTEN_PAGE_BYTES
#define PAGES 64u
#define HUGE_BYTES (2u << 20)

static struct written_range ranges[WRITTEN_RANGES_MAX];
static unsigned count;

/* A memfd as a template has it: full, mapped privately. */
static uint8_t *memory_of_file(int flags)
{
	AUTO_FD fd = memfd_create("test", MFD_CLOEXEC);
	uint8_t *memory;

	cr_assert_eq(ftruncate(fd, PAGES * PAGE), 0);
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(memory, 'f', PAGES * PAGE);
	munmap(memory, PAGES * PAGE);
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	cr_assert_neq(memory, MAP_FAILED);
	for (size_t i = 0; i < PAGES; i++)
		(void)*(volatile uint8_t *)(memory + i * PAGE);
	return memory;
}

static void scan(const uint8_t *memory, size_t size)
{
	uint64_t start = (uint64_t)(uintptr_t)memory;

	cr_assert_eq(written_scan(getpid(), start, start + size, ranges, WRITTEN_RANGES_MAX,
			     &count), 0);
}

static void expect_range(unsigned index, const uint8_t *start, size_t pages, uint64_t kind)
{
	cr_assert_lt(index, count);
	cr_expect_eq(ranges[index].start, (uint64_t)(uintptr_t)start);
	cr_expect_eq(ranges[index].end - ranges[index].start, pages * PAGE);
	cr_expect_eq(ranges[index].kind, kind);
}

Test(written, finds_what_was_written_over_a_file_and_no_more)
{
	uint8_t *memory = memory_of_file(MAP_PRIVATE);

	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 0, "all is read, nothing written");
	memory[3 * PAGE] = memory[4 * PAGE + 5] = memory[10 * PAGE] = 'w';
	memory[63 * PAGE] = 'f'; /* what was there */
	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 3);
	expect_range(0, memory + 3 * PAGE, 2, WRITTEN_OWN);
	expect_range(1, memory + 10 * PAGE, 1, WRITTEN_OWN);
	expect_range(2, memory + 63 * PAGE, 1, WRITTEN_OWN);
}

/* Whatever is written into them then: that is what makes the set sticky. */
Test(written, finds_the_same_pages_when_they_were_written_again)
{
	uint8_t *memory = memory_of_file(MAP_PRIVATE);

	memory[3 * PAGE] = 'w';
	scan(memory, PAGES * PAGE);
	memory[3 * PAGE] = 'f';
	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 1);
	expect_range(0, memory + 3 * PAGE, 1, WRITTEN_OWN);
}

Test(written, does_not_find_what_was_given_back)
{
	uint8_t *memory = memory_of_file(MAP_PRIVATE);

	memory[3 * PAGE] = 'w';
	cr_assert_eq(madvise(memory + 3 * PAGE, PAGE, MADV_DONTNEED), 0);
	cr_expect_eq(memory[3 * PAGE], 'f');
	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 0);
}

Test(written, does_not_look_at_shared_memory)
{
	uint8_t *memory = memory_of_file(MAP_SHARED);

	memset(memory, 'w', PAGES * PAGE);
	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 0);
}

Test(written, tells_the_page_of_zeros_apart)
{
	uint8_t *memory = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
	(void)*(volatile uint8_t *)(memory + PAGE);
	memory[2 * PAGE] = 0; /* zeros as well, but its own */
	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 2);
	expect_range(0, memory + PAGE, 1, WRITTEN_ZERO);
	expect_range(1, memory + 2 * PAGE, 1, WRITTEN_OWN);
}

/* Of which one is the kernel's large page of zeros, where it has one. */
Test(written, finds_large_pages)
{
	uint8_t *memory = mmap(NULL, 3 * HUGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *first = (uint8_t *)(((uintptr_t)memory + HUGE_BYTES - 1) & -(uintptr_t)HUGE_BYTES);
	uint64_t own = 0;

	cr_assert_eq(madvise(memory, 3 * HUGE_BYTES, MADV_HUGEPAGE), 0);
	first[HUGE_BYTES / 2] = 'w';
	(void)*(volatile uint8_t *)(first + HUGE_BYTES);
	scan(first, 2 * HUGE_BYTES);
	for (unsigned i = 0; i < count; i++)
		if (ranges[i].kind == WRITTEN_OWN)
			own += ranges[i].end - ranges[i].start;
	/* A kernel without large pages for us has made small ones. */
	cr_expect(own >= PAGE && own <= 2 * HUGE_BYTES);
	cr_expect(ranges[0].start <= (uint64_t)(uintptr_t)(first + HUGE_BYTES / 2));
	cr_expect(ranges[count - 1].end > (uint64_t)(uintptr_t)(first + HUGE_BYTES));
}

/* Where there is no swap the kernel leaves the page where it is, and it must be found there. */
Test(written, finds_pages_that_were_put_out)
{
	uint8_t *memory = memory_of_file(MAP_PRIVATE);

	memory[7 * PAGE] = 'w';
	madvise(memory + 7 * PAGE, PAGE, MADV_PAGEOUT);
	scan(memory, PAGES * PAGE);
	cr_expect_eq(count, 1);
	expect_range(0, memory + 7 * PAGE, 1, WRITTEN_OWN);
}

Test(written, says_that_there_are_more_ranges_than_room)
{
	uint8_t *memory = memory_of_file(MAP_PRIVATE);
	uint64_t start = (uint64_t)(uintptr_t)memory;

	for (size_t i = 0; i < PAGES; i += 2)
		memory[i * PAGE] = 'w';
	cr_expect_eq(written_scan(getpid(), start, start + PAGES * PAGE, ranges, 31, &count),
		-E2BIG);
	cr_expect_eq(written_scan(getpid(), start, start + PAGES * PAGE, ranges, 32, &count), 0);
	cr_expect_eq(count, 32);
}

/* The kernel collects 512 at a time. */
Test(written, finds_thousands_of_ranges)
{
	size_t size = 2 * WRITTEN_RANGES_MAX * (size_t)PAGE;
	uint8_t *memory = mmap(
		NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(memory, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 2 * WRITTEN_RANGES_MAX; i += 2)
		memory[i * PAGE] = 'w';
	scan(memory, size);
	cr_expect_eq(count, WRITTEN_RANGES_MAX);
	for (unsigned i = 0; i < count; i++)
		expect_range(i, memory + 2 * i * (size_t)PAGE, 1, WRITTEN_OWN);
	memory[size] = 'w';
	cr_expect_eq(written_scan(getpid(), ranges[0].start, ranges[0].start + size + PAGE, ranges,
			     WRITTEN_RANGES_MAX, &count), -E2BIG);
}

Test(written, says_that_there_are_more_pages_than_are_worth_it)
{
	size_t size = (WRITTEN_PAGES_MAX + 1) * (size_t)PAGE;
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t start = (uint64_t)(uintptr_t)memory;

	cr_assert_neq(memory, MAP_FAILED);
	cr_expect_eq(written_scan(getpid(), start, start + size, ranges, WRITTEN_RANGES_MAX,
			     &count), -E2BIG);
	cr_expect_eq(written_scan(getpid(), start, start + size - PAGE, ranges,
			     WRITTEN_RANGES_MAX, &count), 0);
	munmap(memory, size);
}

static int child_scans_without(const struct child_ends *ends)
{
	if (ioctl_refuse(child_read(ends)) < 0)
		return 1;
	return -written_scan(getppid(), 0, PAGE, ranges, WRITTEN_RANGES_MAX, &count);
}

/* Linux before 6.7, and a filter that plays one. */
Test(written, says_that_the_kernel_cannot_tell)
{
	static const int errors[] = { ENOTTY, ENOSYS };

	for (unsigned i = 0; i < 2; i++) {
		struct child child;

		child_start(&child, child_scans_without);
		child_tell(&child, (char)errors[i]);
		cr_expect_eq(child_wait(&child), ENOTTY);
	}
}

Test(written, says_that_the_process_is_gone)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(written_scan(pid, 0, PAGE, ranges, WRITTEN_RANGES_MAX, &count), -ESRCH);
}
