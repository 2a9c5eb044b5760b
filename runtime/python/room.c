// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/room.c: memory that waits in every worker for Python's own objects.
 *
 * CPython maps an arena (1 MiB) whenever its small objects fill the last one, maps a chunk of
 * 16 KiB for each hundred frames or so of a deep recursion, and unmaps both as soon as they are
 * empty. A program that does so changes its worker's mapping table. So here both come from 8 MiB
 * above the room that the C library has at the end of the heap, without a call; what is beyond
 * that, or larger than an arena, is mapped as ever.
 *
 * All of it is the worker's ordinary memory, the bits that say what is taken as well: a rewind puts
 * back both. What is given back stays with the process, in pages that serve again.
 */
#include "runtime/python/python.h"

#include <stdint.h>
#include <unistd.h>

#define PIECE_BYTES (16u << 10) /* a chunk of frames, and a pool of an arena (3.11) */
#define PIECES 64u              /* as many are an arena */
#define ARENA_BYTES (PIECES * PIECE_BYTES)
#define ARENAS 8u

static struct {
	PyObjectArenaAllocator standard; /* what Python had */
	uintptr_t first;                 /* 0: there is no room yet */
	uint64_t taken[ARENAS];          /* a bit for each piece */
} room;

static uint64_t pieces_mask(size_t count)
{
	return count == PIECES ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* NULL: it is all taken. */
static void *pieces_take(unsigned arena, size_t count)
{
	for (unsigned at = 0; at + count <= PIECES; at++) {
		uint64_t mask = pieces_mask(count) << at;

		if (room.taken[arena] & mask)
			continue;
		room.taken[arena] |= mask;
		return (void *)(room.first + arena * ARENA_BYTES + at * PIECE_BYTES);
	}
	return NULL;
}

/* Whole arenas from below, chunks from above, so that no arena is broken up without need. */
static void *room_take(void *context, size_t bytes)
{
	size_t count = (bytes + PIECE_BYTES - 1) / PIECE_BYTES;
	void *place = NULL;

	if (room.first && count && count <= PIECES)
		for (unsigned i = 0; i < ARENAS && !place; i++)
			place = pieces_take(count == PIECES ? i : ARENAS - 1 - i, count);
	return place ? place : room.standard.alloc(room.standard.ctx, bytes);
}

static void room_give(void *context, void *place, size_t bytes)
{
	size_t offset = (uintptr_t)place - room.first;
	size_t count = (bytes + PIECE_BYTES - 1) / PIECE_BYTES;

	if (room.first && offset < ARENAS * ARENA_BYTES)
		room.taken[offset / ARENA_BYTES] &=
			~(pieces_mask(count) << offset % ARENA_BYTES / PIECE_BYTES);
	else
		room.standard.free(room.standard.ctx, place, bytes);
}

void room_init(void)
{
	PyObjectArenaAllocator ours = { .alloc = room_take, .free = room_give };

	PyObject_GetArenaAllocator(&room.standard);
	PyObject_SetArenaAllocator(&ours);
}

void python_make_room(void)
{
	/* By moving the end of the heap: a mapping of its own would have its price at each fork. */
	void *place = sbrk(ARENAS * ARENA_BYTES + PIECE_BYTES);

	if (place != (void *)-1)
		room.first = ((uintptr_t)place + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_BYTES;
}
