// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/mappings_compare.c: two mapping tables, and the changes that lead from one to the other.
 *
 * Both are walked at once, cut at every border of either: within one piece each table has one row
 * or none, so a piece is equal, or needs one change, or cannot be mended. Nothing is allocated, and
 * the work is bounded by the sizes of the tables.
 *
 * A border that only one of the tables has, between pieces that look equal, is a difference too:
 * the kernel joins neighbours that are the same, so these differ in something that the table does
 * not show (locked, never inherited by a fork, a protection key). That is not mended: a row that
 * was changed in a way we cannot read is not a row we can restore.
 */
#include "snapshot/mappings.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* One table on the walk: the row that the next piece is in or comes before. */
struct walk {
	const struct mapping *table;
	unsigned count, index;
};

struct plan {
	struct mapping_change *changes;
	unsigned capacity, count;
	uint64_t heap_end; /* of the wanted table: the end of its heap, or 0 */
	bool breaks;       /* the break is the first change */
};

static const struct mapping *row_at(const struct walk *walk, uint64_t address)
{
	const struct mapping *row =
		walk->index < walk->count ? &walk->table[walk->index] : NULL;

	return row && row->start <= address ? row : NULL;
}

/* The next border behind `address`, or UINT64_MAX. */
static uint64_t border_after(const struct walk *walk, uint64_t address)
{
	const struct mapping *row;

	if (walk->index == walk->count)
		return UINT64_MAX;
	row = &walk->table[walk->index];
	return row->start > address ? row->start : row->end;
}

static void walk_to(struct walk *walk, uint64_t address)
{
	while (walk->index < walk->count && walk->table[walk->index].end <= address)
		walk->index++;
}

/* The same memory behind it, whatever may be done with it. */
static bool is_same_memory(const struct mapping *a, const struct mapping *b)
{
	return a->inode == b->inode && a->device_major == b->device_major &&
	       a->device_minor == b->device_minor && a->is_shared == b->is_shared &&
	       a->kind == b->kind &&
	       (a->inode == 0 || a->offset - a->start == b->offset - b->start);
}

/* One that cannot be written was so once, or not: the kernel accounts for it differently. */
static bool is_plain_anonymous(const struct mapping *mapping)
{
	return mapping->inode == 0 && (mapping->protection & PROT_WRITE) && !mapping->is_shared &&
	       mapping->kind == MAPPING_MEMORY;
}

static int change_add(struct plan *plan, const struct mapping_change *change)
{
	struct mapping_change *last = plan->count ? &plan->changes[plan->count - 1] : NULL;

	if (last && last->kind == change->kind && last->end == change->start &&
		last->protection == change->protection && change->kind != MAPPING_BREAK) {
		last->end = change->end;
		return 0;
	}
	if (plan->count == plan->capacity)
		return -E2BIG;
	plan->changes[plan->count++] = *change;
	return 0;
}

/*
 * One call of brk() unmaps all of the heap above it, or maps what is missing. It comes first, since
 * what it maps must not hit what is to be unmapped elsewhere: the room above a heap is its own.
 */
static int break_add(struct plan *plan, uint64_t end)
{
	if (plan->breaks)
		return plan->changes[0].start == end ? 0 : -ENOTSUP;
	if (plan->count == plan->capacity)
		return -E2BIG;
	for (unsigned i = plan->count++; i > 0; i--)
		plan->changes[i] = plan->changes[i - 1];
	plan->changes[0] = (struct mapping_change){
		.kind = MAPPING_BREAK, .start = end, .end = end,
	};
	plan->breaks = true;
	return 0;
}

/* There is memory where none is wanted. */
static int extra_remove(
	struct plan *plan, const struct mapping *now, uint64_t start, uint64_t end)
{
	const struct mapping_change change = { .kind = MAPPING_UNMAP, .start = start, .end = end };

	if (now->kind == MAPPING_KERNEL)
		return -ENOTSUP;
	if (now->kind != MAPPING_HEAP)
		return change_add(plan, &change);
	if (plan->breaks || (plan->heap_end && start != plan->heap_end))
		return plan->breaks && start > plan->changes[0].start ? 0 : -ENOTSUP;
	return break_add(plan, start);
}

/* Other memory than wanted, or none. */
static int wanted_map(struct plan *plan, const struct mapping *wanted, uint64_t start, uint64_t end)
{
	const struct mapping_change change = {
		.kind = MAPPING_ANONYMOUS, .start = start, .end = end,
		.protection = wanted->protection,
	};

	return is_plain_anonymous(wanted) ? change_add(plan, &change) : -ENOTSUP;
}

/* 1: nothing to change here; 0: it is planned; or a negative errno. */
static int piece_compare(struct plan *plan, const struct mapping *wanted, const struct mapping *now,
	uint64_t start, uint64_t end)
{
	struct mapping_change protect = { .kind = MAPPING_PROTECT, .start = start, .end = end };

	if (!wanted)
		return now ? extra_remove(plan, now, start, end) : 1;
	if (!now && wanted->kind == MAPPING_HEAP)
		return break_add(plan, plan->heap_end);
	if (!now || !is_same_memory(wanted, now))
		return wanted_map(plan, wanted, start, end);
	if (wanted->protection == now->protection)
		return 1;
	protect.protection = wanted->protection;
	return wanted->kind == MAPPING_KERNEL ? -ENOTSUP : change_add(plan, &protect);
}

static uint64_t heap_end_of(const struct mapping *table, unsigned count)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < count; i++)
		if (table[i].kind == MAPPING_HEAP)
			end = table[i].end;
	return end;
}

int mappings_compare(const struct mapping *wanted, unsigned wanted_count,
	const struct mapping *now, unsigned now_count, struct mapping_change *changes,
	unsigned capacity, unsigned *ret_count)
{
	struct walk left = { wanted, wanted_count, 0 }, right = { now, now_count, 0 };
	struct plan plan = {
		.changes = changes, .capacity = capacity,
		.heap_end = heap_end_of(wanted, wanted_count),
	};
	const struct mapping *left_before = NULL, *right_before = NULL;
	bool equal_before = false;

	for (uint64_t start = 0;;) {
		uint64_t left_end = border_after(&left, start);
		uint64_t right_end = border_after(&right, start);
		uint64_t end = left_end < right_end ? left_end : right_end;
		const struct mapping *left_row = row_at(&left, start);
		const struct mapping *right_row = row_at(&right, start);
		int result;

		if (end == UINT64_MAX)
			break;
		result = piece_compare(&plan, left_row, right_row, start, end);
		if (result < 0)
			return result;
		/* Both equal, side by side, and cut in one table only. */
		if (result == 1 && equal_before && left_row && left_before &&
			(left_row == left_before) != (right_row == right_before))
			return -ENOTSUP;
		equal_before = result == 1;
		left_before = left_row;
		right_before = right_row;
		walk_to(&left, end);
		walk_to(&right, end);
		start = end;
	}
	*ret_count = plan.count;
	return 0;
}
