// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/calls.h: what each system call can leave behind: a footprint proves what was not left.
 *
 * One table for all numbers. What stands in it is what a call can leave beyond the caller's memory
 * and registers: one with several uses has what the worst leaves, and the uses that are recorded by
 * themselves (enum footprint_use) have rows of their own. An unknown number can leave anything.
 *
 * Two things can be proved with it: that a *cell* is as it was (from the calls of all its
 * processes), and that a *worker* differs from its image by what one kind of repair mends (from
 * the worker's own calls, and those of its children that reach it: what children do to themselves
 * ends with them).
 */
#pragma once

#include "bpf/event.h"

#include <stdint.h>

enum leaves {
	LEAVES_NOTHING = 0,
	/* In the worker. */
	LEAVES_MEMORY = 1 << 0,      /* mappings and protections, the end of the heap */
	LEAVES_DESCRIPTORS = 1 << 1, /* open or closed ones, their flags and places; not locks */
	LEAVES_SIGNALS = 1 << 2,     /* dispositions, mask, stack, pending ones */
	LEAVES_PLACE = 1 << 3,       /* working directory, file mode mask */
	LEAVES_LIMITS = 1 << 4,      /* rlimits */
	LEAVES_TIMERS = 1 << 5,      /* the three interval timers */
	LEAVES_WORKER = 1 << 6,      /* something of the worker that nobody mends */
	/* In its cell. */
	LEAVES_FILES = 1 << 7,       /* what can be found under a name, and its attributes */
	LEAVES_SOCKETS = 1 << 8,     /* ones in flight, abstract names */
	LEAVES_PROCESSES = 1 << 9,
	LEAVES_CELL = 1 << 10,       /* something of the cell that nobody mends */

	LEAVES_ANYTHING = (1 << 11) - 1,
};

#define LEAVES_IN_CELL (LEAVES_FILES | LEAVES_SOCKETS | LEAVES_PROCESSES | LEAVES_CELL)
#define LEAVES_IN_WORKER (LEAVES_ANYTHING & ~LEAVES_IN_CELL)

/* Bits of enum leaves for a number of x86-64, or a use. */
uint32_t call_leaves(unsigned number);

/*
 * What the execution can have left: in the cell by all its processes, in the worker by its own
 * calls and by those of children that reach it, or shared something with it. ANYTHING for a record
 * that was not begun by FOOTPRINT_MARK.
 */
uint32_t footprint_leaves(const struct footprint *footprint);
