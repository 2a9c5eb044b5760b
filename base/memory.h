// SPDX-License-Identifier: Apache-2.0
/*
 * base/memory.h: the memory of requests and answers: one region of a fixed size.
 *
 * Reserved at start, so that however many clients send whatever they like the process does not
 * grow: when the region is full an allocation fails, and its request alone. Pages that nobody
 * touched cost nothing, and what a burst has touched goes back to the kernel.
 *
 * A process that opens no region has the heap behind the same functions. Any thread may call them,
 * and free what another allocated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_BYTES_MIN (UINT64_C(16) << 20)
#define MEMORY_BYTES_MAX (UINT64_C(64) << 30)

/* A local that is released when its scope ends. */
#define AUTO_MEMORY __attribute__((cleanup(memory_block_cleanup)))

/* Reserves `bytes`, within the bounds above and cut to whole pages. Once. 0 or a negative errno. */
int memory_open(uint64_t bytes);

/* Gives it back; nothing of it may be in use. Without a region it does nothing. */
void memory_close(void);

/* Not zeroed, aligned for anything; NULL: the region is full. A size of 0 is one of 1. */
void *memory_alloc(size_t size);

/* The same, for what can be done without: half of the region is left to what cannot. */
void *memory_alloc_spare(size_t size);

/*
 * The block with room for `size` bytes, moved if need be; NULL: no room, and the old one stays.
 * `block` may be NULL.
 */
void *memory_grow(void *block, size_t size);

/* NULL is accepted. A block of the heap is returned there. Freed twice, the process aborts. */
void memory_free(void *block);

struct memory_status {
	uint64_t bytes;   /* of the region; 0: none */
	uint64_t used;    /* by blocks, whose sizes are powers of two */
	uint64_t peak;    /* the most that was used */
	uint64_t refused; /* allocations */
};

void memory_status(struct memory_status *ret_status);

static inline void memory_block_cleanup(void *pointer)
{
	memory_free(*(void **)pointer);
}
