// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/verify.h: a fingerprint of all that can be told of a stopped process, to prove that it
 * is what it was.
 *
 * It costs milliseconds, and is for tests and for the debug mode (pool/proof.c). It uses none of
 * what it is to prove: it reads the memory itself, every byte of it and not only what a scan calls
 * written, and the table in the kernel's longest form, which shows also what madvise(2), mlock(2)
 * and protection keys did.
 */
#pragma once

#include "snapshot/tracee.h"

#include <stddef.h>
#include <stdint.h>

#define VERIFY_BYTES_MAX (UINT64_C(4) << 30)
#define VERIFY_PAGE_BYTES 4096u

struct verify_digest {
	uint64_t memory[2];    /* of private mappings that can be read; XXH3-128, as all of these */
	uint64_t mappings[2];
	uint64_t registers[2];
	uint64_t posture[2];
};

/*
 * Pages that were not there yet are there afterwards, with the same contents. 0, -E2BIG (more than
 * VERIFY_BYTES_MAX), -EFAULT (memory that its own mapping table calls readable is not), -ESRCH, or
 * another negative errno.
 */
int verify_process(const struct tracee *tracee, struct verify_digest *ret_digest);

/* Two parts of it, each by itself; errors as above. */
int verify_mappings(const struct tracee *tracee, uint64_t ret_digest[2]);
int verify_registers(const struct tracee *tracee, uint64_t ret_digest[2]);

struct verify_page {
	uint64_t address, digest[2];
};

/* All pages of private mappings that can be read, in order of address: to say which one differs. */
struct verify_memory {
	struct verify_page *pages; /* NULL: not taken */
	size_t count;
};

/* 0, -ENOMEM, or as verify_process(). What was there is freed first, so zeroes to begin with. */
int verify_memory_take(const struct tracee *tracee, struct verify_memory *memory);

void verify_memory_free(struct verify_memory *memory);

/*
 * The first page that is not as it was taken, or is there or gone since; UINT64_MAX: there is none.
 * 0, or as verify_process().
 */
int verify_memory_compare(const struct tracee *tracee, const struct verify_memory *wanted,
	uint64_t *ret_address);

/* "memory", "mapping table", "registers" or "posture", the first that differs; NULL: none does. */
const char *verify_compare(const struct verify_digest *wanted, const struct verify_digest *now);
