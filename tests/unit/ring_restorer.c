// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_restorer.c: the page is known by its file, and by nothing less.
 *
 * What it does is shown where it is used: tests/unit/snapshot_errand.c.
 */
#include "ring/restorer.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(restorer, .timeout = 20);

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* The mapping's file, and where it is; the test's process has one page. */
static int page_open(uint64_t *ret_address, char protection[5])
{
	char line[512], path[64];
	unsigned long start, end;
	FILE *maps;

	cr_assert_eq(restorer_map(), 0);
	maps = fopen("/proc/self/maps", "re");
	cr_assert(maps);
	while (fgets(line, sizeof(line), maps) && !strstr(line, "corral-restorer"))
		;
	fclose(maps);
	cr_assert_eq(sscanf(line, "%lx-%lx %4s", &start, &end, protection), 3);
	cr_expect_eq(end - start, RESTORER_BYTES);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", start, end);
	*ret_address = start;
	return open(path, O_RDONLY | O_CLOEXEC);
}

Test(restorer, is_mapped_shared_and_cannot_be_written)
{
	uint64_t address;
	char protection[5];
	AUTO_FD fd = page_open(&address, protection);
	AUTO_FD memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_geq(memory, 0);
	cr_expect_str_eq(protection, "r-xs");
	cr_expect(restorer_is_file(fd));
	cr_expect_lt(pwrite(memory, "x", 1, (off_t)address), 0);
	cr_expect_lt(mprotect((void *)(uintptr_t)address, RESTORER_BYTES, PROT_READ | PROT_WRITE),
		0);
	cr_expect_eq(((const uint8_t *)(uintptr_t)address)[restorer_end() - 1], 0xcc);
}

static int file_of(const void *bytes, size_t size, int seals)
{
	int fd = memfd_create("corral-restorer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	if (seals)
		cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

Test(restorer, is_not_what_only_looks_like_it)
{
	uint8_t bytes[RESTORER_BYTES + 1] = { 0 };
	char protection[5];
	uint64_t address;
	AUTO_FD page = page_open(&address, protection);

	memcpy(bytes, (const void *)(uintptr_t)address, RESTORER_BYTES);
	AUTO_FD same = file_of(bytes, RESTORER_BYTES, SEALS);
	AUTO_FD unsealed = file_of(bytes, RESTORER_BYTES, 0);
	AUTO_FD writable = file_of(bytes, RESTORER_BYTES, SEALS & ~F_SEAL_WRITE);
	AUTO_FD longer = file_of(bytes, RESTORER_BYTES + 1, SEALS);
	AUTO_FD shorter = file_of(bytes, RESTORER_BYTES - 1, SEALS);
	bytes[RESTORER_BYTES - 1] ^= 1;
	AUTO_FD other = file_of(bytes, RESTORER_BYTES, SEALS);

	cr_expect(restorer_is_file(same));
	cr_expect_not(restorer_is_file(unsealed));
	cr_expect_not(restorer_is_file(writable));
	cr_expect_not(restorer_is_file(longer));
	cr_expect_not(restorer_is_file(shorter));
	cr_expect_not(restorer_is_file(other));
	cr_expect_not(restorer_is_file(-1));
}
