// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/repair.h: what a worker differs in besides memory and registers, mended by an errand.
 *
 * Which kinds of things can differ its footprint tells (bpf/calls.h); each kind is put back whole,
 * without asking first what became of it:
 *
 *	memory        the end of the heap, the changes to the mapping table, and pages given back
 *	descriptors   from 4 up closed; 0 opened anew; 1, 2 and 3 proved to be the same files, and
 *	              their flags, owners and locks put back
 *	signals       all dispositions and the alternate stack (the mask comes with the registers)
 *	place         working directory and file mode mask
 *	timers        the interval timers, off
 *	limits        all rlimits set again; a hard one that was lowered cannot be raised
 *	processes     children that ended reaped. None may live: it could share the memory in which
 *	              this errand is
 *
 * No signal may be pending behind all of that. What is not in this list is not mended.
 */
#pragma once

#include "bpf/calls.h"
#include "snapshot/errand.h"
#include "snapshot/image.h"

#define REPAIR_KINDS \
	(LEAVES_MEMORY | LEAVES_DESCRIPTORS | LEAVES_SIGNALS | LEAVES_PLACE | LEAVES_TIMERS | \
		LEAVES_LIMITS | LEAVES_PROCESSES)
#define REPAIR_CHILDREN_MAX 64u
#define REPAIR_DESCRIPTORS 4u /* that every worker has */

/* The files behind its descriptors 1 to 3, by inode. */
struct repair_files {
	uint64_t inodes[REPAIR_DESCRIPTORS]; /* the first is not looked at */
};

/* Asks a worker at its safe point for what only it can tell. */
void repair_ask(struct errand *errand);

/* What it answered (errand_check() succeeded), as part of the image. */
void repair_learn(const struct errand *errand, struct image *image);

/* What an execution left to be mended. */
struct repair_needs {
	uint32_t leaves;   /* of REPAIR_KINDS; others are ignored */
	unsigned children; /* at most so many ended and are unreaped, REPAIR_CHILDREN_MAX at most */
	bool gives_pages_back; /* its own pages are to be the file's again, or nobody's */
	unsigned change_count;
	struct mapping_change changes[MAPPINGS_CHANGES_MAX]; /* to its mapping table */
	uint64_t limits[POSTURE_LIMITS][2]; /* that it must have, UINT64_MAX being none */
};

static inline bool repair_is_needed(const struct repair_needs *needs)
{
	return needs->leaves & REPAIR_KINDS || needs->gives_pages_back || needs->change_count;
}

/* The calls that mend it. The image must have learnt. */
void repair_plan(
	struct errand *errand, const struct image *image, const struct repair_needs *needs);

/*
 * Whether what they answered shows that all is as it was; errand_check() comes first. The mapping
 * table is compared again by the caller. 0, or -ENOTSUP: another file is behind a descriptor, or a
 * signal is pending.
 */
int repair_check(
	const struct errand *errand, uint32_t leaves, const struct repair_files *files);
