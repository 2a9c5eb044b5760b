// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/join.c: one mapping for what the linker split by permission.
 *
 * A library's headers, code and constants follow each other in its file and in memory, as three
 * mappings: r--, r-x, r--. With one permission the kernel makes them one (mm/vma.c, vma_merge).
 * Each mapping costs a fork and an exit together about 2 us, and a warm Python has thirty
 * libraries. Executable constants give away nothing: code in a worker may make any page executable.
 */
#include "runtime/join.h"

#include "runtime/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

static bool is_readonly_file(const struct mapping *mapping)
{
	return mapping->is_private && mapping->inode &&
	       (mapping->protection & (PROT_READ | PROT_WRITE)) == PROT_READ;
}

/* Says whether `next` goes on where `run` ends, in memory and in its file. */
static bool goes_on(const struct mapping *run, const struct mapping *next)
{
	return run->end == next->start && run->inode == next->inode &&
	       run->offset + (run->end - run->start) == next->offset && is_readonly_file(next);
}

static void run_join(const struct mapping *run, bool has_code, unsigned parts)
{
	if (has_code && parts > 1)
		mprotect((void *)run->start, run->end - run->start, PROT_READ | PROT_EXEC);
}

void mappings_join(void)
{
	struct mapping run = { 0 }, next;
	bool has_code = false;
	unsigned parts = 0;
	char *text = mmap(NULL, MAPS_TEXT_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *rest = text;

	if (text == MAP_FAILED)
		return;
	if (maps_read(text) < 0)
		goto out;
	while (maps_next(&rest, &next)) {
		if (parts && goes_on(&run, &next)) {
			run.end = next.end;
			parts++;
		} else {
			run_join(&run, has_code, parts);
			run = next;
			parts = is_readonly_file(&next);
			has_code = false;
		}
		has_code |= next.protection & PROT_EXEC;
	}
	run_join(&run, has_code, parts);
out:
	munmap(text, MAPS_TEXT_BYTES);
}
