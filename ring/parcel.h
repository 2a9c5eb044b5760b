// SPDX-License-Identifier: Apache-2.0
/*
 * ring/parcel.h: the files that an execution brings, packed into one sealed memfd.
 *
 * Whoever submits packs them; the descriptor travels with the dispatch; the worker unpacks them
 * into its working directory as itself, within its own limits, and closes it before foreign code
 * runs. There is this one way for few bytes and for many: the mailbox would hold only small ones,
 * and an execution without files pays for neither.
 *
 *	u32 version, u32 count
 *	for each file:	u64 size, u64 name_bytes, the name and its NUL, the bytes
 *
 * Nobody can change a sealed parcel any more, so it may be mapped without fear of a SIGBUS, and one
 * may travel with any number of executions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PARCEL_VERSION 1u

/*
 * To make a file takes the worker 10 us and more of the execution's time, before its program
 * begins. Who has more files brings them in one archive.
 */
#define PARCEL_FILES_MAX 1000u
/* With "/workspace/" before it and its NUL still a path for the kernel (PATH_MAX). */
#define PARCEL_NAME_BYTES_MAX 4084u
#define PARCEL_PART_BYTES_MAX 255u /* between two slashes (NAME_MAX) */

struct parcel_file {
	const char *name; /* relative, with folders: "data/a.csv" */
	const void *bytes;
	size_t size;
};

/*
 * What is wrong with these files, in words that follow "cannot name a file 'x': ", or NULL.
 * *ret_index is the file's that it is said of. The names are not looked up anywhere.
 */
const char *parcel_fault(const struct parcel_file *files, size_t count, size_t *ret_index);

/* The same of one name alone. */
const char *parcel_name_fault(const char *name);

/*
 * The caller owns the descriptor. 0, -EINVAL where parcel_fault() finds one, -E2BIG for more than
 * PARCEL_FILES_MAX, or the negative errno of what the memory refused.
 */
int parcel_pack(const struct parcel_file *files, size_t count, int *ret_fd);

/* A parcel that is read. */
struct parcel {
	uint8_t *bytes; /* mapped */
	size_t size, at;
	uint32_t left;  /* files */
};

/* Maps it; the descriptor stays the caller's. 0, -EBADMSG for what is no parcel, or -ENOMEM. */
int parcel_open(int fd, struct parcel *ret_parcel);

/*
 * The next file, whose name and bytes are valid until parcel_close(). 1; 0 behind the last one;
 * -EBADMSG when what stands there is none.
 */
int parcel_next(struct parcel *parcel, struct parcel_file *ret_file);

void parcel_close(struct parcel *parcel);
