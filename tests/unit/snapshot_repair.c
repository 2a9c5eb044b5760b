// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_repair.c: which answers of a mended worker prove that it is mended.
 *
 * That each kind is mended is shown on workers: tests/unit/pool_rewind_repairs.c.
 */
#include "snapshot/repair.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

TestSuite(repair, .timeout = 20);

static struct image image;
static struct errand errand;
static uint8_t shared[ERRAND_BYTES] __attribute__((aligned(64)));

#define SHARED_ADDRESS UINT64_C(0x7000000)

static const struct restorer_call *call_at(unsigned index)
{
	return (const struct restorer_call *)(shared + ERRAND_DATA_BYTES) + index;
}

static unsigned calls_of(long number)
{
	unsigned count = 0;

	for (unsigned i = 0; i < errand.count; i++)
		count += call_at(i)->number == (uint64_t)number;
	return count;
}

static void plan(const struct repair_needs *needs)
{
	image.has_learnt = true;
	errand_init(&errand, shared, SHARED_ADDRESS, 0x6000000);
	repair_plan(&errand, &image, needs);
}

/* Where the plan wants an answer: what the kernel would have written there. */
static void *answer_of(long number, unsigned which, unsigned argument)
{
	for (unsigned i = 0; i < errand.count; i++)
		if (call_at(i)->number == (uint64_t)number && which-- == 0)
			return shared + (call_at(i)->arguments[argument] - SHARED_ADDRESS);
	return NULL;
}

Test(repair, mends_only_what_is_asked)
{
	plan(&(struct repair_needs){ .leaves = LEAVES_PLACE });
	cr_expect_eq(errand.count, 3);
	cr_expect_eq(calls_of(SYS_chdir) + calls_of(SYS_umask) + calls_of(SYS_rt_sigpending), 3);
	plan(&(struct repair_needs){ .leaves = LEAVES_SIGNALS });
	cr_expect_eq(calls_of(SYS_rt_sigaction), 62);
	plan(&(struct repair_needs){ .leaves = LEAVES_TIMERS });
	cr_expect_eq(calls_of(SYS_setitimer), 3);
	cr_expect_not(repair_is_needed(&(struct repair_needs){ .leaves = LEAVES_FILES }));
	cr_expect(repair_is_needed(&(struct repair_needs){ .gives_pages_back = true }));
}

/* Whoever is left beyond those makes the last answer another one. */
Test(repair, reaps_the_children_and_asks_for_more)
{
	plan(&(struct repair_needs){ .leaves = LEAVES_PROCESSES | LEAVES_SIGNALS, .children = 3 });
	cr_expect_eq(calls_of(SYS_wait4), 4);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(call_at(i)->number, SYS_wait4, "before what forgets SIGCHLD");
	cr_expect_eq(errand.exact_count, 1);
	cr_expect_eq(errand.exact[0].index, 3);
	cr_expect_eq(errand.exact[0].result, -ECHILD);
	plan(&(struct repair_needs){ .leaves = LEAVES_PROCESSES });
	cr_expect_eq(calls_of(SYS_wait4), 1);
}

Test(repair, does_not_believe_in_a_pending_signal)
{
	const struct repair_files files = { .inodes = { 0 } };
	uint64_t *pending;

	plan(&(struct repair_needs){ .leaves = LEAVES_SIGNALS });
	pending = answer_of(SYS_rt_sigpending, 0, 0);
	*pending = 0;
	cr_expect_eq(repair_check(&errand, LEAVES_SIGNALS, &files), 0);
	*pending = UINT64_C(1) << 63;
	cr_expect_eq(repair_check(&errand, LEAVES_SIGNALS, &files), -ENOTSUP);
}

/* The control socket among them: a worker that listens to another is never heard of again. */
Test(repair, knows_the_files_behind_its_descriptors)
{
	const struct repair_files files = { .inodes = { 0, 11, 12, 13 } };

	plan(&(struct repair_needs){ .leaves = LEAVES_DESCRIPTORS });
	cr_assert_eq(calls_of(SYS_fstat), 3);
	for (unsigned i = 0; i < 3; i++)
		((struct stat *)answer_of(SYS_fstat, i, 1))->st_ino = 11 + i;
	*(uint64_t *)answer_of(SYS_rt_sigpending, 0, 0) = 0;
	cr_expect_eq(repair_check(&errand, LEAVES_DESCRIPTORS, &files), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct stat *status = answer_of(SYS_fstat, i, 1);

		status->st_ino++;
		cr_expect_eq(repair_check(&errand, LEAVES_DESCRIPTORS, &files), -ENOTSUP);
		/* Where descriptors could not be touched nobody looked. */
		cr_expect_eq(repair_check(&errand, LEAVES_PLACE, &files), 0);
		status->st_ino--;
	}
}

Test(repair, makes_the_changes_to_the_mapping_table)
{
	const struct repair_needs needs = {
		.leaves = LEAVES_MEMORY,
		.change_count = 4,
		.changes = {
			{ .kind = MAPPING_BREAK, .start = 0x5000, .end = 0x5000 },
			{ .kind = MAPPING_UNMAP, .start = 0x10000, .end = 0x12000 },
			{ .kind = MAPPING_ANONYMOUS, .start = 0x20000, .end = 0x23000,
				.protection = 3 },
			{ .kind = MAPPING_PROTECT, .start = 0x30000, .end = 0x31000,
				.protection = 1 },
		},
	};

	image.heap_end = 0x4321;
	plan(&needs);
	cr_expect_eq(errand.count, 5);
	cr_expect_eq(call_at(0)->number, SYS_brk);
	cr_expect_eq(call_at(0)->arguments[0], 0x4321);
	cr_expect_eq(call_at(1)->arguments[1], 0x2000);
	cr_expect_eq(call_at(2)->arguments[2], 3);
	cr_expect_eq(call_at(3)->arguments[0], 0x30000);
}

/* A table of the largest size has more mappings than there is room for calls. */
Test(repair, gives_back_what_it_has_room_for)
{
	image.mappings = calloc(MAPPINGS_MAX, sizeof(*image.mappings));
	image.mapping_count = MAPPINGS_MAX;
	for (unsigned i = 0; i < MAPPINGS_MAX; i++)
		image.mappings[i] = (struct mapping){
			.start = i * UINT64_C(0x2000), .end = i * UINT64_C(0x2000) + 0x1000,
			.protection = 3,
		};
	plan(&(struct repair_needs){ .leaves = REPAIR_KINDS, .gives_pages_back = true });
	cr_expect_eq(errand.count, ERRAND_CALLS_MAX);
	cr_expect_eq(call_at(errand.count - 1)->number, SYS_rt_sigpending);
	cr_expect_gt(calls_of(SYS_madvise), 200);
	free(image.mappings);
}
