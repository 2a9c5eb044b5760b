// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_image_fixture.h: one child, held, its image, and its fingerprint at the
 * capture.
 */
#pragma once

#include "snapshot/image.h"

#include "snapshot/verify.h"
#include "tests/unit/snapshot_child.h"

#include <sys/mman.h>

static struct child child;
static struct tracee tracee;
static struct image *image;
static struct verify_digest digest;
static struct written_range ranges[WRITTEN_RANGES_MAX];
static struct image_own own = { .ranges = ranges, .capacity = WRITTEN_RANGES_MAX };

static inline void capture(int (*body)(const struct child_ends *ends))
{
	struct error error = { .sentence = "" };

	if (SANITIZED)
		cr_skip_test("the sanitizer's memory is too large to copy");
	child_start(&child, body);
	cr_assert_eq(child_hear(&child), 'r');
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_assert_eq(image_capture(&image, &tracee, NULL, &error), 0, "%s", error.sentence);
	cr_assert_eq(verify_process(&tracee, &digest), 0);
}

static inline void let_go(void)
{
	cr_assert_eq(tracee_end(&tracee), 0);
}

static inline void hold_again(void)
{
	process_hold_in(&tracee, child.pid, SYS_read);
}

static inline void finish(void)
{
	image_free(image);
	if (child.pid)
		child_kill(&child);
}

static inline uint64_t apply(void)
{
	uint64_t pages = 0;
	int result = image_apply_memory(image, child.pid, &own, &pages);

	cr_assert_eq(result, 0, "%d", result);
	cr_assert_eq(image_apply_registers(image, &tracee), 0);
	return pages;
}

static inline const char *difference(void)
{
	struct verify_digest now;

	cr_assert_eq(verify_process(&tracee, &now), 0);
	return verify_compare(&digest, &now);
}

static inline unsigned changes_now(void)
{
	struct mapping_change changes[MAPPINGS_CHANGES_MAX];
	unsigned count = 0;

	cr_assert_eq(image_compare_mappings(
			     image, child.pid, 0, changes, MAPPINGS_CHANGES_MAX, &count), 0);
	return count;
}

/* In the child. */
static inline void maps_60000(void)
{
	uint8_t *place = mmap(NULL, 120000 * (size_t)WRITTEN_PAGE_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (size_t i = 0; i < 30000; i++)
		mprotect(place + 2 * i * WRITTEN_PAGE_BYTES, WRITTEN_PAGE_BYTES, PROT_READ);
}
