// SPDX-License-Identifier: Apache-2.0
// sources: runtime/join.c runtime/maps.c
/*
 * tests/unit/runtime_join.c: what the linker split by permission becomes one mapping, and nothing
 * else does.
 */
#include "runtime/join.h"
#include "runtime/maps.h"

#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define PAGES 8u

/* The mapping that holds the address; the test's own reading of the text. */
static struct mapping mapping_at(const void *address)
{
	static char text[MAPS_TEXT_BYTES];
	char *rest = text;
	struct mapping mapping = { 0 };

	if (maps_read(text) == 0)
		while (maps_next(&rest, &mapping))
			if ((uintptr_t)address >= mapping.start && (uintptr_t)address < mapping.end)
				return mapping;
	return (struct mapping){ 0 };
}

/* Shows page `page` of the file at its place behind `base`, or another page there. */
static void show(uint8_t *base, unsigned place, int fd, unsigned page, int protection, int flags)
{
	if (mmap(base + place * PAGE, PAGE, protection, flags | MAP_FIXED, fd,
		    (off_t)(page * PAGE)) == MAP_FAILED)
		abort();
}

static uint8_t *library_map(int fd)
{
	uint8_t *base = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	show(base, 0, fd, 0, PROT_READ, MAP_PRIVATE);
	show(base, 1, fd, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	show(base, 2, fd, 2, PROT_READ, MAP_PRIVATE);
	show(base, 3, fd, 3, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	/* Constants without code, code whose constants lie elsewhere, and a shared page. */
	show(base, 4, fd, 4, PROT_READ, MAP_PRIVATE);
	show(base, 5, fd, 6, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	show(base, 6, fd, 7, PROT_READ, MAP_SHARED);
	return base;
}

static int join_and_look(void *argument)
{
	int fd = memfd_create("library", MFD_CLOEXEC);
	uint8_t *base;

	for (unsigned page = 0; page < PAGES; page++) {
		char bytes[PAGE];

		memset(bytes, (int)('a' + page), sizeof(bytes));
		if (pwrite(fd, bytes, sizeof(bytes), (off_t)(page * PAGE)) != PAGE)
			return 1;
	}
	base = library_map(fd);
	mappings_join();

	struct mapping joined = mapping_at(base + PAGE);

	if (joined.start != (uintptr_t)base || joined.end != (uintptr_t)base + 3 * PAGE)
		return 2;
	if (joined.protection != (PROT_READ | PROT_EXEC))
		return 3;
	if (base[0] != 'a' || base[PAGE] != 'b' || base[2 * PAGE] != 'c')
		return 4;
	if (mapping_at(base + 3 * PAGE).protection != (PROT_READ | PROT_WRITE))
		return 5;
	if (mapping_at(base + 4 * PAGE).protection != PROT_READ ||
	    mapping_at(base + 5 * PAGE).protection != (PROT_READ | PROT_EXEC) ||
	    mapping_at(base + 6 * PAGE).protection != PROT_READ)
		return 6;
	return 0;
}

Test(join, makes_headers_code_and_constants_one_mapping_and_leaves_the_rest)
{
	cr_expect_eq(child_run(join_and_look, NULL), 0);
}
