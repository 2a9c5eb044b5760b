// SPDX-License-Identifier: Apache-2.0
/*
 * base/memory.c: a buddy allocator over one mapping.
 *
 * Sizes from a line of cJSON to a whole body come and go in any order for months; buddies merge
 * again whatever was between them, so what is free at rest is whole again. A block is a power of
 * two; what that wastes are pages that nobody touches.
 *
 * There is one lock, not a region a thread: what is allocated on the thread of an execution is
 * freed on that of its connection, and a request makes a few dozen calls of 50 ns.
 *
 * What the allocator knows of a block stands beside the region, not in it: a byte of state for each
 * unit, and the links of the free lists. So nothing that writes beyond its block can lead it
 * astray, and a free block's pages need not be there. They are given back (MADV_DONTNEED) whenever
 * use has fallen by TRIM_BYTES since its peak: often enough that a flood leaves no more than that,
 * and seldom enough that the system calls and faults are few beside the work on so many bytes.
 *
 * In builds with AddressSanitizer free blocks and the ends of used ones are poisoned.
 */
#include "base/memory.h"

#include "base/fault.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(place, size) ((void)(place), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(place, size) ((void)(place), (void)(size))
#endif

#define UNIT_BYTES 128u
#define PAGE_BYTES 4096u
#define ORDERS 30u /* the largest block is UNIT_BYTES << 29, 64 GiB */
#define TRIM_BYTES (UINT64_C(8) << 20)
#define TRIM_ORDER 9u /* smaller free blocks, below 64 KiB, are not worth a system call */
#define NOBODY UINT32_MAX

/* Of the first unit of a block; of all others 0. */
#define STATE_FREE 0x40u
#define STATE_USED 0x80u
#define STATE_TOUCHED 0x20u /* free, and perhaps with pages */
#define STATE_ORDER 0x1fu
static_assert(ORDERS - 1 <= STATE_ORDER, "an order fits its bits");
static_assert(MEMORY_BYTES_MAX / UNIT_BYTES < NOBODY, "units have numbers of 32 bits");

struct links {
	uint32_t next, previous;
};

static struct {
	pthread_mutex_t lock;
	char *base;      /* NULL: no region */
	uint64_t bytes;
	uint32_t units;
	uint8_t *states; /* a unit */
	struct links *links;
	uint32_t heads[ORDERS];
	uint64_t used, peak, refused;
	uint64_t trimmed_from; /* the most that was used since the last trim */
} region = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Free blocks ------------------------------------------------------------------------------ */

static void block_list(uint32_t unit, unsigned order, unsigned touched)
{
	uint32_t first = region.heads[order];

	region.links[unit] = (struct links){ .next = first, .previous = NOBODY };
	if (first != NOBODY)
		region.links[first].previous = unit;
	region.heads[order] = unit;
	region.states[unit] = (uint8_t)(STATE_FREE | touched | order);
}

static void block_unlist(uint32_t unit, unsigned order)
{
	struct links links = region.links[unit];

	if (links.previous == NOBODY)
		region.heads[order] = links.next;
	else
		region.links[links.previous].next = links.next;
	if (links.next != NOBODY)
		region.links[links.next].previous = links.previous;
	region.states[unit] = 0;
}

static unsigned order_of(size_t size)
{
	unsigned order = 0;

	while (order < ORDERS && (uint64_t)UNIT_BYTES << order < size)
		order++;
	return order;
}

static uint64_t order_bytes(unsigned order)
{
	return (uint64_t)UNIT_BYTES << order;
}

/* A block's first unit, or NOBODY. */
static uint32_t block_take(unsigned wanted)
{
	unsigned order = wanted, touched;
	uint32_t unit;

	while (order < ORDERS && region.heads[order] == NOBODY)
		order++;
	if (order >= ORDERS)
		return NOBODY;
	unit = region.heads[order];
	touched = region.states[unit] & STATE_TOUCHED;
	block_unlist(unit, order);
	while (order > wanted) {
		order--;
		block_list(unit + (1u << order), order, touched);
	}
	region.states[unit] = (uint8_t)(STATE_USED | wanted);
	region.used += order_bytes(wanted);
	if (region.used > region.peak)
		region.peak = region.used;
	if (region.used > region.trimmed_from)
		region.trimmed_from = region.used;
	return unit;
}

static void trim(void)
{
	for (unsigned order = TRIM_ORDER; order < ORDERS; order++) {
		for (uint32_t unit = region.heads[order]; unit != NOBODY;
			unit = region.links[unit].next) {
			if (!(region.states[unit] & STATE_TOUCHED))
				continue;
			madvise(region.base + (uint64_t)unit * UNIT_BYTES, order_bytes(order),
				MADV_DONTNEED);
			region.states[unit] = (uint8_t)(STATE_FREE | order);
		}
	}
	region.trimmed_from = region.used;
}

static void block_return(uint32_t unit)
{
	unsigned order = region.states[unit] & STATE_ORDER;

	region.states[unit] = 0;
	region.used -= order_bytes(order);
	while (order + 1 < ORDERS) {
		uint32_t buddy = unit ^ (1u << order);

		if (buddy >= region.units ||
			(region.states[buddy] & ~STATE_TOUCHED) != (STATE_FREE | order))
			break;
		block_unlist(buddy, order);
		unit &= ~(1u << order);
		order++;
	}
	block_list(unit, order, STATE_TOUCHED);
	if (region.trimmed_from - region.used >= TRIM_BYTES)
		trim();
}

/* --- The region ------------------------------------------------------------------------------- */

static void *pages_map(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	/* A page that is touched is one page; and our children are other programs. */
	madvise(pages, bytes, MADV_NOHUGEPAGE);
	madvise(pages, bytes, MADV_DONTFORK);
	return pages;
}

static void pages_unmap(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, bytes);
}

/* The largest blocks that begin where they may. */
static void units_list(void)
{
	for (unsigned order = 0; order < ORDERS; order++)
		region.heads[order] = NOBODY;
	for (uint32_t unit = 0; unit < region.units;) {
		unsigned order = ORDERS - 1;

		while (unit & ((1u << order) - 1) || (1u << order) > region.units - unit)
			order--;
		block_list(unit, order, 0);
		unit += 1u << order;
	}
}

int memory_open(uint64_t bytes)
{
	assert(!region.base && bytes >= MEMORY_BYTES_MIN && bytes <= MEMORY_BYTES_MAX);
	region.bytes = bytes - bytes % PAGE_BYTES;
	region.units = (uint32_t)(region.bytes / UNIT_BYTES);
	region.used = region.peak = region.refused = region.trimmed_from = 0;
	region.base = fault("memory.region") ? NULL : pages_map(region.bytes);
	region.states = pages_map(region.units);
	region.links = pages_map(region.units * sizeof(*region.links));
	if (!region.base || !region.states || !region.links) {
		memory_close();
		return -ENOMEM;
	}
	units_list();
	ASAN_POISON_MEMORY_REGION(region.base, region.bytes);
	return 0;
}

void memory_close(void)
{
	assert(region.used == 0);
	if (region.base)
		ASAN_UNPOISON_MEMORY_REGION(region.base, region.bytes);
	pages_unmap(region.base, region.bytes);
	pages_unmap(region.states, region.units);
	pages_unmap(region.links, region.units * sizeof(*region.links));
	region.base = NULL;
	region.states = NULL;
	region.links = NULL;
	region.bytes = 0;
}

/* Of a block in use: what lies there and was not allocated ends the process. */
static uint32_t unit_of(const void *block)
{
	uint64_t place = (uint64_t)((const char *)block - region.base);
	uint32_t unit = (uint32_t)(place / UNIT_BYTES);

	assert(place % UNIT_BYTES == 0 && region.states[unit] & STATE_USED);
	return unit;
}

static bool is_ours(const void *block)
{
	return region.base && (const char *)block >= region.base &&
	       (const char *)block < region.base + region.bytes;
}

void *memory_alloc(size_t size)
{
	unsigned order = order_of(size);
	uint32_t unit;
	char *block;

	if (!region.base)
		return malloc(size ? size : 1);
	pthread_mutex_lock(&region.lock);
	unit = order < ORDERS ? block_take(order) : NOBODY;
	region.refused += unit == NOBODY;
	pthread_mutex_unlock(&region.lock);
	if (unit == NOBODY)
		return NULL;
	block = region.base + (uint64_t)unit * UNIT_BYTES;
	ASAN_UNPOISON_MEMORY_REGION(block, size ? size : 1);
	return block;
}

void *memory_alloc_spare(size_t size)
{
	struct memory_status status;

	memory_status(&status);
	if (status.bytes && size + status.used > status.bytes / 2)
		return NULL;
	return memory_alloc(size);
}

void *memory_grow(void *block, size_t size)
{
	uint64_t before;
	void *grown;

	if (!block)
		return memory_alloc(size);
	if (!is_ours(block))
		return realloc(block, size ? size : 1);
	pthread_mutex_lock(&region.lock);
	before = order_bytes(region.states[unit_of(block)] & STATE_ORDER);
	pthread_mutex_unlock(&region.lock);
	if (size <= before) {
		ASAN_UNPOISON_MEMORY_REGION(block, size);
		return block;
	}
	grown = memory_alloc(size);
	if (!grown)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(block, before);
	memcpy(grown, block, before);
	memory_free(block);
	return grown;
}

void memory_free(void *block)
{
	uint32_t unit;

	if (!is_ours(block)) {
		free(block);
		return;
	}
	pthread_mutex_lock(&region.lock);
	unit = unit_of(block);
	ASAN_POISON_MEMORY_REGION(block, order_bytes(region.states[unit] & STATE_ORDER));
	block_return(unit);
	pthread_mutex_unlock(&region.lock);
}

void memory_status(struct memory_status *ret_status)
{
	pthread_mutex_lock(&region.lock);
	*ret_status = (struct memory_status){ .bytes = region.bytes, .used = region.used,
		.peak = region.peak, .refused = region.refused };
	pthread_mutex_unlock(&region.lock);
}
