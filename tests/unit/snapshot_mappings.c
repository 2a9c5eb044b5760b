// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_mappings.c: mapping tables are read as the kernel has them, by either way,
 * and what makes one equal to another is found or refused.
 */
#include "snapshot/mappings.h"

#include "tests/unit/snapshot_child.h"

#include <string.h>
#include <sys/mman.h>

#define R PROT_READ
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)

/* --- Reading ---------------------------------------------------------------------------------- */

static struct mapping table[MAPPINGS_MAX], text[MAPPINGS_MAX];
static unsigned count, text_count;

/* A process that does nothing, so that its table stands. */
static pid_t idler_start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	cr_assert_gt(pid, 0);
	return pid;
}

static void idler_end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static bool are_equal(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       a->inode == b->inode && a->device_major == b->device_major &&
	       a->device_minor == b->device_minor && a->protection == b->protection &&
	       a->is_shared == b->is_shared && a->kind == b->kind;
}

Test(mappings, are_the_same_by_request_and_by_text)
{
	void *heap = sbrk(4096);
	pid_t pid = idler_start();
	unsigned kinds[MAPPING_KERNEL + 1] = { 0 }, shared = 0, files = 0;

	cr_assert_neq(heap, (void *)-1);
	cr_assert_eq(mappings_read(pid, table, MAPPINGS_MAX, &count), 0);
	cr_assert_eq(mappings_read_text(pid, text, MAPPINGS_MAX, &text_count), 0);
	cr_assert_eq(count, text_count);
	for (unsigned i = 0; i < count; i++) {
		cr_expect(are_equal(&table[i], &text[i]), "row %u", i);
		cr_expect(i == 0 || table[i - 1].end <= table[i].start);
		kinds[table[i].kind]++;
		shared += table[i].is_shared;
		files += table[i].inode != 0;
	}
	cr_expect_eq(kinds[MAPPING_STACK], 1);
	cr_expect_geq(kinds[MAPPING_HEAP], 1);
	cr_expect_geq(kinds[MAPPING_KERNEL], 2, "vdso and vvar");
	cr_expect_gt(files, 5);
	idler_end(pid);
}

Test(mappings, say_what_they_are)
{
	uint8_t *shared = mmap(NULL, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint8_t *unreachable = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct mapping *row;

	cr_assert_eq(mappings_read(getpid(), table, MAPPINGS_MAX, &count), 0);
	row = mappings_find(table, count, (uint64_t)(uintptr_t)shared);
	cr_assert_not_null(row);
	cr_expect(row->is_shared && !mapping_is_private(row));
	cr_expect_eq(row->protection, RW);
	row = mappings_find(table, count, (uint64_t)(uintptr_t)unreachable + 5000);
	cr_assert_not_null(row);
	cr_expect_eq(row->protection, PROT_NONE);
	cr_expect_eq(row->inode, 0);
	row = mappings_find(table, count, (uint64_t)(uintptr_t)&row);
	cr_assert_not_null(row);
	cr_expect_eq(row->kind, MAPPING_STACK);
	row = mappings_find(table, count, (uint64_t)(uintptr_t)idler_start);
	cr_assert_not_null(row);
	cr_expect_eq(row->protection, RX);
	cr_expect_neq(row->inode, 0);
	cr_expect_null(mappings_find(table, count, 0));
	cr_expect_null(mappings_find(table, count, UINT64_MAX));
}

Test(mappings, are_no_more_than_there_is_room_for)
{
	pid_t pid = idler_start();

	cr_assert_eq(mappings_read(pid, table, MAPPINGS_MAX, &count), 0);
	cr_expect_eq(mappings_read(pid, text, count, &text_count), 0);
	cr_expect_eq(mappings_read(pid, text, count - 1, &text_count), -E2BIG);
	cr_expect_eq(mappings_read_text(pid, text, count - 1, &text_count), -E2BIG);
	idler_end(pid);
	cr_expect_eq(mappings_read(pid, table, MAPPINGS_MAX, &count), -ESRCH);
	cr_expect_eq(mappings_read_text(pid, table, MAPPINGS_MAX, &count), -ESRCH);
}

static int child_reads_without(const struct child_ends *ends)
{
	int result = -1;

	if (ioctl_refuse(child_read(ends)) == 0)
		result = mappings_read(getppid(), table, MAPPINGS_MAX, &count);
	if (result == 0)
		result = mappings_read_text(getppid(), text, MAPPINGS_MAX, &text_count);
	if (result != 0 || count != text_count || count < 10)
		return 1;
	for (unsigned i = 0; i < count; i++)
		if (!are_equal(&table[i], &text[i]))
			return 2;
	return 7;
}

Test(mappings, are_read_without_the_request_of_linux_6_11)
{
	static const int errors[] = { ENOTTY, ENOSYS, EPERM };

	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct child child;

		child_start(&child, child_reads_without);
		child_tell(&child, (char)errors[i]);
		cr_expect_eq(child_wait(&child), 7);
	}
}

/* --- Comparing -------------------------------------------------------------------------------- */

/* Addresses in pages. */
#define ROW(from, to, ...) \
	(struct mapping) { .start = (from) * 4096ull, .end = (to) * 4096ull, __VA_ARGS__ }
#define FILE_AT(page) .inode = 7, .offset = (page) * 4096ull
#define ROWS_MAX 6u

static const struct mapping wanted[] = {
	ROW(10, 20, FILE_AT(0), .protection = RX),
	ROW(20, 25, FILE_AT(10), .protection = RW),
	ROW(30, 40, .kind = MAPPING_HEAP, .protection = RW),
	ROW(50, 60, .protection = RW),
	ROW(70, 80, .kind = MAPPING_STACK, .protection = RW),
	ROW(90, 91, .kind = MAPPING_KERNEL, .protection = RX),
};
#define WANTED_COUNT (sizeof(wanted) / sizeof(wanted[0]))

static struct mapping now[WANTED_COUNT + ROWS_MAX];
static unsigned now_count;
static struct mapping_change changes[4];
static unsigned change_count;

/* The wanted table with these rows in the place of one. */
static int compare_with(unsigned instead_of, const struct mapping *rows, unsigned row_count)
{
	now_count = 0;
	for (unsigned i = 0; i < WANTED_COUNT; i++) {
		if (i != instead_of)
			now[now_count++] = wanted[i];
		for (unsigned j = 0; i == instead_of && j < row_count; j++)
			now[now_count++] = rows[j];
	}
	change_count = 0;
	return mappings_compare(
		wanted, WANTED_COUNT, now, now_count, changes, 4, &change_count);
}

static void expect_change(unsigned index, enum mapping_change_kind kind, uint64_t start,
	uint64_t end, uint8_t protection)
{
	cr_assert_lt(index, change_count);
	cr_expect_eq(changes[index].kind, kind);
	cr_expect_eq(changes[index].start, start * 4096);
	cr_expect_eq(changes[index].end, end * 4096);
	cr_expect_eq(changes[index].protection, protection);
}

enum { TEXT, DATA, HEAP, MEMORY, STACK, KERNEL };

Test(mappings, that_are_equal_need_no_change)
{
	cr_expect_eq(compare_with(TEXT, &wanted[TEXT], 1), 0);
	cr_expect_eq(change_count, 0);
}

Test(mappings, that_came_are_unmapped)
{
	const struct mapping rows[] = {
		wanted[MEMORY],
		ROW(61, 62, .protection = RW),
		ROW(62, 64, FILE_AT(0), .protection = RX),
		ROW(66, 67, .is_shared = true, .protection = RW),
	};

	cr_assert_eq(compare_with(MEMORY, rows, 4), 0);
	cr_expect_eq(change_count, 2);
	expect_change(0, MAPPING_UNMAP, 61, 64, 0);
	expect_change(1, MAPPING_UNMAP, 66, 67, 0);
}

Test(mappings, that_grew_are_cut)
{
	const struct mapping memory = ROW(45, 63, .protection = RW);
	const struct mapping stack = ROW(65, 80, .kind = MAPPING_STACK, .protection = RW);

	cr_assert_eq(compare_with(MEMORY, &memory, 1), 0);
	cr_expect_eq(change_count, 2);
	expect_change(0, MAPPING_UNMAP, 45, 50, 0);
	expect_change(1, MAPPING_UNMAP, 60, 63, 0);
	cr_assert_eq(compare_with(STACK, &stack, 1), 0);
	cr_expect_eq(change_count, 1);
	expect_change(0, MAPPING_UNMAP, 65, 70, 0);
}

Test(mappings, that_are_gone_are_mapped_if_they_were_anonymous)
{
	const struct mapping rows[] = {
		ROW(50, 53, .protection = RW), ROW(55, 60, .protection = RW),
	};

	cr_assert_eq(compare_with(MEMORY, rows, 2), 0);
	cr_expect_eq(change_count, 1);
	expect_change(0, MAPPING_ANONYMOUS, 53, 55, RW);
	cr_assert_eq(compare_with(MEMORY, NULL, 0), 0);
	expect_change(0, MAPPING_ANONYMOUS, 50, 60, RW);
	cr_expect_eq(compare_with(DATA, NULL, 0), -ENOTSUP);
	cr_expect_eq(compare_with(STACK, NULL, 0), -ENOTSUP);
	cr_expect_eq(compare_with(KERNEL, NULL, 0), -ENOTSUP);
}

Test(mappings, that_show_something_else_are_replaced_if_they_were_anonymous)
{
	const struct mapping shared = ROW(50, 60, .is_shared = true, .protection = RW);
	const struct mapping other_part = ROW(20, 25, FILE_AT(11), .protection = RW);
	const struct mapping other_file = ROW(20, 25, .inode = 8, .protection = RW);
	const struct mapping forged = ROW(90, 91, .protection = RX);

	cr_assert_eq(compare_with(MEMORY, &shared, 1), 0);
	expect_change(0, MAPPING_ANONYMOUS, 50, 60, RW);
	cr_expect_eq(compare_with(DATA, &other_part, 1), -ENOTSUP);
	cr_expect_eq(compare_with(DATA, &other_file, 1), -ENOTSUP);
	cr_expect_eq(compare_with(KERNEL, &forged, 1), -ENOTSUP, "the vdso replaced");
}

Test(mappings, get_their_protection_back)
{
	const struct mapping rows[] = {
		ROW(10, 12, FILE_AT(0), .protection = RX),
		ROW(12, 14, FILE_AT(2), .protection = RW),
		ROW(14, 15, FILE_AT(4), .protection = R),
		ROW(15, 20, FILE_AT(5), .protection = RX),
	};

	cr_assert_eq(compare_with(TEXT, rows, 4), 0);
	cr_expect_eq(change_count, 1);
	expect_change(0, MAPPING_PROTECT, 12, 15, RX);
}

Test(mappings, of_the_heap_are_changed_by_the_break)
{
	const struct mapping grown = ROW(30, 47, .kind = MAPPING_HEAP, .protection = RW);
	const struct mapping shrunk = ROW(30, 33, .kind = MAPPING_HEAP, .protection = RW);
	const struct mapping pieces[] = {
		ROW(30, 40, .kind = MAPPING_HEAP, .protection = RW),
		ROW(40, 43, .kind = MAPPING_HEAP, .protection = R),
		ROW(44, 47, .kind = MAPPING_HEAP, .protection = RW),
	};

	cr_assert_eq(compare_with(HEAP, &grown, 1), 0);
	cr_expect_eq(change_count, 1);
	expect_change(0, MAPPING_BREAK, 40, 40, 0);
	cr_assert_eq(compare_with(HEAP, pieces, 3), 0);
	cr_expect_eq(change_count, 1, "all of it at once");
	expect_change(0, MAPPING_BREAK, 40, 40, 0);
	cr_assert_eq(compare_with(HEAP, &shrunk, 1), 0);
	cr_expect_eq(change_count, 1);
	expect_change(0, MAPPING_BREAK, 40, 40, 0);
}

/* As in a worker, whose heap shows the sealed memory: what the kernel calls heap is all new. */
Test(mappings, of_a_heap_that_was_none_go_by_the_break)
{
	const struct mapping before[] = { ROW(10, 20, .protection = RW) };
	const struct mapping after[] = {
		ROW(5, 6, .protection = RW),
		ROW(10, 20, .protection = RW),
		ROW(20, 30, .kind = MAPPING_HEAP, .protection = RW),
	};

	cr_assert_eq(mappings_compare(before, 1, after, 3, changes, 4, &change_count), 0);
	cr_expect_eq(change_count, 2);
	expect_change(0, MAPPING_BREAK, 20, 20, 0);
	expect_change(1, MAPPING_UNMAP, 5, 6, 0);
}

Test(mappings, that_are_cut_or_joined_without_a_reason_are_not_mended)
{
	const struct mapping cut[] = {
		ROW(50, 55, .protection = RW), ROW(55, 60, .protection = RW),
	};
	const struct mapping joined[] = { ROW(50, 60, .protection = RW) };

	cr_expect_eq(compare_with(MEMORY, cut, 2), -ENOTSUP);
	cr_expect_eq(mappings_compare(cut, 2, joined, 1, changes, 4, &change_count), -ENOTSUP);
	cr_expect_eq(mappings_compare(cut, 2, cut, 2, changes, 4, &change_count), 0);
}

Test(mappings, that_need_more_changes_than_there_is_room_for_are_refused)
{
	const struct mapping rows[] = {
		wanted[MEMORY],
		ROW(61, 62, .protection = RW), ROW(63, 64, .protection = RW),
		ROW(65, 66, .protection = RW), ROW(67, 68, .protection = RW),
		ROW(69, 70, .protection = RW),
	};

	cr_expect_eq(compare_with(MEMORY, rows, 5), 0);
	cr_expect_eq(change_count, 4);
	cr_expect_eq(compare_with(MEMORY, rows, 6), -E2BIG);
}
