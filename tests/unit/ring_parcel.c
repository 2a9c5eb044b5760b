// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_parcel.c: what is packed is what is read; no name leads anywhere but down; bytes
 * that are no parcel are told apart, wherever they are wrong.
 */
#include "ring/parcel.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct parcel_file some[] = {
	{ "data/a.csv", "1,2\n", 4 },
	{ "empty", "", 0 },
	{ "data/b/\xc3\xa9", "\0\xff\0", 3 },
};

static int packed(const struct parcel_file *files, size_t count)
{
	int fd = -1;

	cr_assert_eq(parcel_pack(files, count, &fd), 0);
	return fd;
}

Test(parcel, brings_every_file_with_its_bytes_in_order)
{
	AUTO_FD fd = packed(some, COUNT(some));
	struct parcel_file file;
	struct parcel parcel;

	cr_assert_eq(parcel_open(fd, &parcel), 0);
	for (size_t i = 0; i < COUNT(some); i++) {
		cr_assert_eq(parcel_next(&parcel, &file), 1);
		cr_expect_str_eq(file.name, some[i].name);
		cr_assert_eq(file.size, some[i].size);
		cr_expect_eq(memcmp(file.bytes, some[i].bytes, file.size), 0);
	}
	cr_expect_eq(parcel_next(&parcel, &file), 0);
	cr_expect_eq(parcel_next(&parcel, &file), 0);
	parcel_close(&parcel);
}

Test(parcel, can_be_changed_by_nobody)
{
	AUTO_FD fd = packed(some, COUNT(some));
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_expect_eq(pwrite(fd, "x", 1, 0), -1);
	cr_expect_eq(ftruncate(fd, 0), -1);
	cr_expect_eq(ftruncate(fd, status.st_size + 1), -1);
	cr_expect_eq(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

Test(parcel, takes_names_that_lead_down)
{
	static const char *const names[] = { "a", "a/b", ".hidden", "...", "..a/a..", "a b\n", "-c",
		"~", "\\..\\x", "C:x", "\xff", "main.py" };

	for (size_t i = 0; i < COUNT(names); i++)
		cr_expect_null(parcel_name_fault(names[i]), "%s", names[i]);
}

Test(parcel, refuses_names_that_lead_elsewhere)
{
	static const char *const names[] = { "", "/", "/a", "//a", "a/", "a//b", ".", "..", "./a",
		"a/.", "a/./b", "../a", "a/..", "a/../b", "../../etc/passwd" };

	for (size_t i = 0; i < COUNT(names); i++)
		cr_expect_not_null(parcel_name_fault(names[i]), "%s", names[i]);
}

Test(parcel, refuses_a_name_that_is_longer_than_the_kernel_takes)
{
	char name[PARCEL_NAME_BYTES_MAX + 2];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'a';
	name[PARCEL_NAME_BYTES_MAX + 1] = '\0';
	cr_expect_not_null(parcel_name_fault(name));
	name[PARCEL_NAME_BYTES_MAX] = '\0';
	name[PARCEL_NAME_BYTES_MAX - 1] = 'b';
	cr_expect_null(parcel_name_fault(name));
	memset(name, 'x', PARCEL_PART_BYTES_MAX);
	name[PARCEL_PART_BYTES_MAX] = '\0';
	cr_expect_null(parcel_name_fault(name));
	memset(name, 'x', PARCEL_PART_BYTES_MAX + 1);
	name[PARCEL_PART_BYTES_MAX + 1] = '\0';
	cr_expect_not_null(parcel_name_fault(name));
}

/* Whether the names, which end with NULL, can stand beside each other; else the culprit's place. */
static int culprit(const char *const *names)
{
	struct parcel_file files[8];
	size_t count = 0, index = 99;

	for (; names[count]; count++)
		files[count] = (struct parcel_file){ names[count], "", 0 };
	return parcel_fault(files, count, &index) ? (int)index : -1;
}

Test(parcel, has_no_name_twice_and_none_that_is_a_folder)
{
	static const struct {
		const char *names[8];
		int culprit;
	} rows[] = {
		{ { NULL }, -1 },
		{ { "a", "b", "a.b", "a-b/c", "ab/c" }, -1 },
		{ { "longer-than-eight/x", "longer-than-eight-too/x", "longer-than-" }, -1 },
		{ { "b", "a", "c", "a" }, 1 },
		{ { "a/b/c", "a", "a.b" }, 1 },
		{ { "a-", "a/b", "a", "a.b", "a+" }, 2 },
		{ { "a/b/c", "x", "a/b" }, 2 },
		{ { "same-length-A", "same-length-B", "same-length-A/x" }, 0 },
		{ { "fine", "not/../fine" }, 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int found = culprit(rows[i].names);

		/* Which of two equal ones is told does not matter. */
		if (i == 3 && found == 3)
			found = 1;
		cr_expect_eq(found, rows[i].culprit, "row %zu: %d", i, found);
	}
}

Test(parcel, holds_as_many_files_as_its_bound)
{
	static struct parcel_file files[PARCEL_FILES_MAX + 1];
	static char names[PARCEL_FILES_MAX + 1][8];
	struct parcel_file file;
	struct parcel parcel;
	size_t index;
	int fd = -1;

	for (unsigned i = 0; i <= PARCEL_FILES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "%u", i * 7 % 1009);
		files[i] = (struct parcel_file){ names[i], "x", 1 };
	}
	cr_expect_eq(parcel_pack(files, PARCEL_FILES_MAX + 1, &fd), -E2BIG);
	cr_expect_not_null(parcel_fault(files, PARCEL_FILES_MAX + 1, &index));
	cr_expect_eq(index, PARCEL_FILES_MAX);
	fd = packed(files, PARCEL_FILES_MAX);
	cr_assert_eq(parcel_open(fd, &parcel), 0);
	for (unsigned i = 0; i < PARCEL_FILES_MAX; i++)
		cr_assert_eq(parcel_next(&parcel, &file), 1);
	cr_expect_eq(parcel_next(&parcel, &file), 0);
	parcel_close(&parcel);
	fd_close(&fd);
}

Test(parcel, is_not_packed_with_a_wrong_name)
{
	const struct parcel_file wrong = { "../a", "", 0 };
	int fd = 7;

	cr_expect_eq(parcel_pack(&wrong, 1, &fd), -EINVAL);
	cr_expect_eq(fd, 7);
}

#ifdef CORRAL_FAULTS
Test(parcel, is_not_packed_without_a_descriptor)
{
	int fd = 7;

	setenv("CORRAL_FAULT", "parcel.create:1", 1);
	cr_expect_eq(parcel_pack(some, COUNT(some), &fd), -EMFILE);
	cr_expect_eq(fd, 7);
	fd = packed(some, COUNT(some));
	fd_close(&fd);
}
#endif

/* Reads a memfd of these bytes to its end: 0, or what it was refused with. */
static int read_bytes(const void *bytes, size_t size, int seals)
{
	AUTO_FD fd = memfd_create("bytes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct parcel_file file;
	struct parcel parcel;
	int result;

	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	result = parcel_open(fd, &parcel);
	if (result < 0)
		return result;
	do
		result = parcel_next(&parcel, &file);
	while (result > 0);
	parcel_close(&parcel);
	return result;
}

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

Test(parcel, is_nothing_that_another_could_change)
{
	const uint32_t none[2] = { PARCEL_VERSION, 0 };

	cr_expect_eq(read_bytes(none, sizeof(none), SEALS), 0);
	cr_expect_eq(read_bytes(none, sizeof(none), SEALS & ~F_SEAL_SHRINK), -EBADMSG);
	cr_expect_eq(read_bytes(none, sizeof(none), SEALS & ~F_SEAL_WRITE), -EBADMSG);
	cr_expect_eq(read_bytes(none, sizeof(none) - 1, SEALS), -EBADMSG);
}

/* Cut anywhere, longer, or with any byte of its lengths changed, it is one no more. */
Test(parcel, is_told_from_what_is_none)
{
	AUTO_FD fd = packed(some, COUNT(some));
	uint8_t bytes[256];
	ssize_t size = pread(fd, bytes, sizeof(bytes) - 1, 0);

	cr_assert_gt(size, 0);
	cr_expect_eq(read_bytes(bytes, (size_t)size, SEALS), 0);
	for (size_t cut = 0; cut < (size_t)size; cut++)
		cr_expect_eq(read_bytes(bytes, cut, SEALS), -EBADMSG, "cut at %zu", cut);
	cr_expect_eq(read_bytes(bytes, (size_t)size + 1, SEALS), -EBADMSG);
	for (size_t at = 0; at < 8 + 16; at++) {
		const uint8_t wrong[] = { 0x80, 0xff, 0x7f };

		for (size_t i = 0; i < COUNT(wrong); i++) {
			uint8_t kept = bytes[at];

			bytes[at] = wrong[i];
			cr_expect_eq(read_bytes(bytes, (size_t)size, SEALS), -EBADMSG,
				"byte %zu", at);
			bytes[at] = kept;
		}
	}
	memcpy(bytes + 8 + 16, "../", 3); /* of data/a.csv */
	cr_expect_eq(read_bytes(bytes, (size_t)size, SEALS), -EBADMSG);
}
