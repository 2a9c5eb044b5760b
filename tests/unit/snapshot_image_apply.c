// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_image_apply.c: what a process can do between its capture and an apply, one
 * thing at a time: either it is then what it was, or the apply says that it is not.
 */
#include "tests/unit/snapshot_image_fixture.h"

#include <pthread.h>
#include <string.h>

#define BLOCK_PAGES 16u
#define BLOCK_BYTES (BLOCK_PAGES * WRITTEN_PAGE_BYTES)
#define SPARSE_PAGES 3000u
#define GUARD_INSTALL 102 /* include/uapi/asm-generic/mman-common.h, Linux 6.13 */

static uint8_t *block;    /* anonymous, the second half untouched at the capture */
static uint8_t *constant; /* not writable */
static uint8_t *sparse;   /* anonymous, untouched at the capture */
static void (*act)(void);

static int child_acts(const struct child_ends *ends)
{
	block = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant = mmap(NULL, WRITTEN_PAGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sparse = mmap(NULL, SPARSE_PAGES * WRITTEN_PAGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(sparse, SPARSE_PAGES * WRITTEN_PAGE_BYTES, MADV_NOHUGEPAGE);
	constant[0] = 'c';
	mprotect(constant, WRITTEN_PAGE_BYTES, PROT_READ);
	memset(block, 'b', BLOCK_BYTES / 2);
	child_say(ends, 'r');
	child_read(ends);
	act();
	child_say(ends, 'd');
	child_read(ends);
	return 0;
}

/* Captured, let go, and held again when it has done it. */
static void act_after_capture(void (*action)(void))
{
	act = action;
	capture(child_acts);
	let_go();
	child_tell(&child, 'x');
	cr_assert_eq(child_hear(&child), 'd');
	hold_again();
}

static int apply_result(void)
{
	uint64_t pages;
	int result = image_apply_memory(image, child.pid, &own, &pages);

	cr_expect_eq(own.image != NULL, result == 0);
	return result;
}

static void writes_more(void)
{
	memset(block + BLOCK_BYTES / 2, 'w', BLOCK_BYTES / 2);
}

Test(image_apply, leaves_zeros_where_nothing_was)
{
	act_after_capture(writes_more);
	cr_expect_str_eq(difference(), "memory");
	apply();
	cr_expect_null(difference());
	finish();
}

static void writes_here_and_there(void)
{
	for (size_t i = 0; i < SPARSE_PAGES; i += 2)
		sparse[i * WRITTEN_PAGE_BYTES] = 's';
}

/* More pieces than one call takes. */
Test(image_apply, restores_thousands_of_pages_that_lie_apart)
{
	act_after_capture(writes_here_and_there);
	cr_expect_gt(apply(), SPARSE_PAGES / 2);
	cr_expect_gt(own.count, SPARSE_PAGES / 2);
	cr_expect_gt(apply(), SPARSE_PAGES / 2);
	cr_expect_null(difference());
	finish();
}

static void reads_more(void)
{
	for (size_t i = BLOCK_BYTES / 2; i < BLOCK_BYTES; i += WRITTEN_PAGE_BYTES)
		(void)*(volatile uint8_t *)(block + i);
}

/* The kernel's page of zeros is not replaced by one of the process's own. */
Test(image_apply, writes_no_page_that_was_only_read)
{
	uint64_t pages, again;

	act_after_capture(reads_more);
	pages = apply();
	image_own_forget(&own);
	again = apply();
	cr_expect_eq(pages, again);
	cr_expect_null(difference());
	for (unsigned i = 0, zero = 0; i <= own.count; i++) {
		cr_assert_lt(i, own.count, "none of %u ranges is of zeros: %u", own.count, zero);
		zero += own.ranges[i].kind == WRITTEN_ZERO;
		if (zero)
			break;
	}
	finish();
}

static void gives_back(void)
{
	madvise(block, BLOCK_BYTES, MADV_DONTNEED);
}

Test(image_apply, brings_back_what_the_process_gave_back)
{
	act_after_capture(gives_back);
	cr_expect_eq(changes_now(), 0);
	cr_expect_str_eq(difference(), "memory");
	apply();
	cr_expect_null(difference());
	finish();
}

static void unmaps(void)
{
	munmap(block + WRITTEN_PAGE_BYTES, WRITTEN_PAGE_BYTES);
}

Test(image_apply, says_that_a_page_is_gone)
{
	struct mapping_change changes[2];
	unsigned count = 0;

	act_after_capture(unmaps);
	cr_expect_eq(apply_result(), -EFAULT);
	cr_expect_eq(image_compare_mappings(image, child.pid, 0, changes, 2, &count), 0);
	cr_expect_eq(count, 1);
	cr_expect_eq(changes[0].kind, MAPPING_ANONYMOUS);
	cr_expect_eq(changes[0].end - changes[0].start, WRITTEN_PAGE_BYTES);
	finish();
}

static void maps(void)
{
	memset(mmap(NULL, WRITTEN_PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		'm', WRITTEN_PAGE_BYTES);
}

Test(image_apply, says_that_there_is_memory_where_none_was)
{
	act_after_capture(maps);
	cr_expect_eq(changes_now(), 1);
	cr_expect_eq(apply_result(), -ESTALE);
	finish();
}

static void guards(void)
{
	madvise(block, WRITTEN_PAGE_BYTES, GUARD_INSTALL);
}

Test(image_apply, says_that_a_page_is_guarded)
{
	if (madvise(NULL, 0, GUARD_INSTALL) < 0)
		cr_skip_test("no guards before Linux 6.13");
	act_after_capture(guards);
	cr_expect_eq(apply_result(), -EFAULT);
	finish();
}

static void writes_constant(void)
{
	mprotect(constant, WRITTEN_PAGE_BYTES, PROT_READ | PROT_WRITE);
	constant[0]++;
	mprotect(constant, WRITTEN_PAGE_BYTES, PROT_READ);
}

Test(image_apply, says_that_a_page_was_written_that_it_cannot_write)
{
	act_after_capture(writes_constant);
	cr_expect_eq(changes_now(), 0, "the table does not tell");
	cr_expect_eq(apply_result(), -ENOTSUP);
	finish();
}

static void does_nothing(void)
{
}

Test(image_apply, says_that_the_process_was_killed)
{
	act_after_capture(does_nothing);
	cr_expect_eq(apply_result(), 0);
	kill(child.pid, SIGKILL);
	siginfo_t info;

	cr_assert_eq(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	cr_expect_eq(apply_result(), -ESRCH, "with a set that was known");
	cr_expect_eq(apply_result(), -ESRCH, "with a scan");
	cr_expect_eq(image_apply_registers(image, &tracee), -ESRCH);
	finish();
}

static void locks(void)
{
	mlock(block + WRITTEN_PAGE_BYTES, WRITTEN_PAGE_BYTES);
}

static void inherits_not(void)
{
	madvise(block + WRITTEN_PAGE_BYTES, WRITTEN_PAGE_BYTES, MADV_DONTFORK);
}

static int compare_result(void)
{
	struct mapping_change changes[MAPPINGS_CHANGES_MAX];
	unsigned count;

	return image_compare_mappings(
		image, child.pid, 0, changes, MAPPINGS_CHANGES_MAX, &count);
}

Test(image_apply, does_not_mend_a_row_that_was_split_by_a_lock)
{
	act_after_capture(locks);
	cr_expect_eq(compare_result(), -ENOTSUP);
	finish();
}

Test(image_apply, does_not_mend_a_row_that_was_split_by_advice)
{
	act_after_capture(inherits_not);
	cr_expect_eq(compare_result(), -ENOTSUP);
	finish();
}

/* A whole row that was advised is not split: only the long form of the table shows it. */
static void inherits_no_row(void)
{
	madvise(block, BLOCK_BYTES, MADV_DONTFORK);
}

Test(image_apply, has_a_proof_that_sees_what_the_table_does_not)
{
	act_after_capture(inherits_no_row);
	cr_expect_eq(changes_now(), 0);
	apply();
	cr_expect_str_eq(difference(), "mapping table");
	finish();
}

Test(image_apply, is_compared_with_60000_mappings_in_bounded_work)
{
	struct tracee_registers registers;

	act_after_capture(maps_60000);
	cr_expect_eq(compare_result(), -E2BIG);
	cr_expect_eq(apply_result(), 0, "nothing of that was written");
	cr_expect_eq(tracee_get_registers(&tracee, &registers), 0);
	finish();
}

/* --- Two images ------------------------------------------------------------------------------- */

/* What one apply wrote, beyond the pages that were found before, the next one finds. */
Test(image_apply, of_one_image_after_another_leaves_nothing_of_the_first)
{
	struct verify_digest digests[2];
	struct image *images[2];
	struct error error = { .sentence = "" };

	act_after_capture(gives_back);
	images[0] = image;
	digests[0] = digest;
	cr_assert_eq(image_capture(&images[1], &tracee, NULL, &error), 0, "%s", error.sentence);
	cr_assert_eq(verify_process(&tracee, &digests[1]), 0);
	apply(); /* the first, twice: its set is known */
	apply();
	for (unsigned i = 1; i < 5; i++) {
		image = images[i % 2];
		digest = digests[i % 2];
		apply();
		cr_expect_null(difference(), "round %u: %s", i, difference());
	}
	image_free(images[1]);
	image = images[0];
	finish();
}

/* --- While it is applied ---------------------------------------------------------------------- */

static void *kills(void *argument)
{
	kill(child.pid, SIGKILL);
	return NULL;
}

/* Wherever the kill meets it. */
Test(image_apply, ends_when_the_process_is_killed_meanwhile)
{
	pthread_t killer;
	int result = 0;

	for (unsigned round = 0; round < 30; round++) {
		image_free(image);
		image = NULL;
		if (child.pid)
			child_wait(&child);
		image_own_forget(&own);
		act_after_capture(writes_more);
		cr_assert_eq(pthread_create(&killer, NULL, kills, NULL), 0);
		do {
			result = apply_result();
			if (round % 2)
				image_own_forget(&own);
		} while (result == 0);
		cr_expect(result == -ESRCH || result == -EFAULT, "%d", result);
		pthread_join(killer, NULL);
	}
	finish();
}
