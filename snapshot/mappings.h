// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/mappings.h: the mapping table of another process, and what makes one equal to another.
 *
 * Tables are arrays in order of address. They are read from a process that is held still; of one
 * that runs each row is true, but not all of them at one moment.
 *
 * A row says what the kernel tells cheaply. It does not say what madvise(2) and mlock(2) set, nor
 * protection keys: a process that could have made such calls is compared by more than its table
 * (posture.h tells locked memory, verify.h tells all of it).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAPPINGS_CHANGES_MAX 192u /* more are not worth mending */
#define MAPPINGS_MAX 1024u /* of an image; a warm Python has 70, with numpy 150 */

enum mapping_kind {
	MAPPING_MEMORY,
	MAPPING_HEAP,   /* anonymous, below the program break */
	MAPPING_STACK,  /* of the first thread: grows down by itself */
	MAPPING_KERNEL, /* vdso, vvar and the like: not the process's to write */
};

struct mapping {
	uint64_t start, end;     /* addresses */
	uint64_t offset, inode;  /* in which file; inode 0: anonymous */
	uint32_t device_major, device_minor;
	uint8_t protection;      /* PROT_* */
	bool is_shared;
	uint8_t kind;            /* enum mapping_kind */
};

/*
 * Reads the table of `pid`. 0, -E2BIG (more than `capacity`), -ESRCH (it is gone), or another
 * negative errno. Linux 6.11 tells it in binary (PROCMAP_QUERY); before that the text is parsed.
 */
int mappings_read(
	pid_t pid, struct mapping *table, unsigned capacity, unsigned *ret_count);

/* The same from the text, whatever the kernel has. */
int mappings_read_text(
	pid_t pid, struct mapping *table, unsigned capacity, unsigned *ret_count);

/* The row that holds the address, or NULL. */
const struct mapping *mappings_find(
	const struct mapping *table, unsigned count, uint64_t address);

/* Memory that only the process itself writes: what an image is made of. */
static inline bool mapping_is_private(const struct mapping *mapping)
{
	return !mapping->is_shared && mapping->kind != MAPPING_KERNEL;
}

/* The file behind a row, for reading. A descriptor, -ENOENT, or another negative errno. */
int mapping_file_open(pid_t pid, const struct mapping *mapping);

enum mapping_change_kind {
	MAPPING_UNMAP,     /* munmap of start to end */
	MAPPING_ANONYMOUS, /* mmap there, private, anonymous, MAP_FIXED, with `protection` */
	MAPPING_PROTECT,   /* mprotect to `protection` */
	MAPPING_BREAK,     /* brk to somewhere in the last page before `start` */
};

struct mapping_change {
	uint64_t start, end;
	uint8_t kind;       /* enum mapping_change_kind */
	uint8_t protection;
};

/*
 * What would make the table `now` the table `wanted`, in order of address, the break first. 0, with
 * *ret_count 0 when they are equal; -ENOTSUP: no such changes do (a file's mapping is gone, a row
 * is split for a reason that the table does not tell); -E2BIG: more than `capacity`.
 *
 * The contents of what is mapped anew are zeros. Whoever makes the changes reads the table again:
 * equal is what compares as equal.
 */
int mappings_compare(const struct mapping *wanted, unsigned wanted_count,
	const struct mapping *now, unsigned now_count, struct mapping_change *changes,
	unsigned capacity, unsigned *ret_count);
