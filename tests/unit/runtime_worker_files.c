// SPDX-License-Identifier: Apache-2.0
// sources: runtime/worker_files.c
/*
 * tests/unit/runtime_worker_files.c: what a parcel holds is what stands in the folder; nothing
 * that stands there is touched, and no way leads out of it.
 */
#include "runtime/worker_files.h"

#include "base/own.h"
#include "ring/parcel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char path[] = "/tmp/corral-worker-files-XXXXXX";
static int folder;

static void prepare(void)
{
	umask(022);
	cr_assert_not_null(mkdtemp(path));
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(folder, 0);
}

/* Every file that a test makes. */
static void release(void)
{
	static const char *const files[] = { "a", "d/e/f", "d/g", "kept", "link", "way/x" };
	static const char *const folders[] = { "d/e", "d", "way" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(folder, files[i], 0);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		unlinkat(folder, folders[i], AT_REMOVEDIR);
	fd_close(&folder);
	cr_expect_eq(rmdir(path), 0);
}

TestSuite(worker_files, .init = prepare, .fini = release);

static int make(const struct parcel_file *files, size_t count, struct error *error)
{
	AUTO_FD fd = -1;

	cr_assert_eq(parcel_pack(files, count, &fd), 0);
	return worker_files_make(fd, folder, error);
}

static void expect_file(const char *name, const char *bytes, size_t size)
{
	AUTO_FD fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char found[64];

	cr_assert_geq(fd, 0, "%s", name);
	cr_assert_eq(fstat(fd, &status), 0);
	cr_expect_eq(status.st_mode, S_IFREG | 0644);
	cr_assert_eq(read(fd, found, sizeof(found)), (ssize_t)size);
	cr_expect_eq(memcmp(found, bytes, size), 0);
}

Test(worker_files, stand_with_their_bytes_and_their_folders)
{
	const struct parcel_file files[] = { { "d/e/f", "\0\xff\n", 3 }, { "a", "", 0 },
		{ "d/g", "seven", 5 } };
	struct error error = { .sentence = "" };
	struct stat status;

	cr_assert_eq(make(files, 3, &error), 0, "%s", error.sentence);
	expect_file("d/e/f", "\0\xff\n", 3);
	expect_file("a", "", 0);
	expect_file("d/g", "seven", 5);
	cr_assert_eq(fstatat(folder, "d/e", &status, 0), 0);
	cr_expect_eq(status.st_mode, S_IFDIR | 0755);
}

Test(worker_files, write_over_nothing_that_stands_there)
{
	const struct parcel_file file = { "kept", "new", 3 };
	struct error error = { .sentence = "" };
	AUTO_FD fd = openat(folder, "kept", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert_eq(write(fd, "old", 3), 3);
	cr_expect_eq(make(&file, 1, &error), -EEXIST);
	cr_expect_str_eq(error.sentence,
		"cannot make the file 'kept', which the request brings: File exists");
	expect_file("kept", "old", 3);
}

Test(worker_files, follow_no_link)
{
	const struct parcel_file at_link = { "link", "x", 1 }, behind_link = { "way/x", "x", 1 };
	struct error error = { .sentence = "" };

	cr_assert_eq(symlinkat("/tmp/corral-worker-files-elsewhere", folder, "link"), 0);
	cr_assert_eq(symlinkat("/tmp", folder, "way"), 0);
	cr_expect_lt(make(&at_link, 1, &error), 0);
	cr_expect_lt(make(&behind_link, 1, &error), 0);
	cr_expect_eq(access("/tmp/corral-worker-files-elsewhere", F_OK), -1);
	cr_expect_eq(access("/tmp/x", F_OK), -1);
	unlinkat(folder, "way", 0);
}

Test(worker_files, are_told_by_name_when_there_is_no_room)
{
	char name[PARCEL_PART_BYTES_MAX + 1];
	const struct parcel_file file = { name, "x", 1 };
	struct error error = { .sentence = "" };
	char wanted[ERROR_SENTENCE_BYTES];

	/* A full file system is met by tests/e2e/hostile.py; here the folder is gone. */
	memset(name, 'x', sizeof(name));
	for (size_t i = 1; i + 1 < sizeof(name); i += 2) /* the cut falls into a character */
		memcpy(name + i, "\xc3\xa9", 2);
	name[PARCEL_PART_BYTES_MAX] = '\0';
	fd_close(&folder);
	cr_expect_eq(make(&file, 1, &error), -EBADF);
	snprintf(wanted, sizeof(wanted),
		"cannot make the file '%.99s...', which the request brings: Bad file descriptor",
		name);
	cr_expect_str_eq(error.sentence, wanted);
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

Test(worker_files, are_none_without_a_parcel)
{
	AUTO_FD fd = memfd_create("none", MFD_CLOEXEC);

	cr_expect_eq(worker_files_make(fd, folder, NULL), -EBADMSG);
	cr_expect_eq(worker_files_make(-1, folder, NULL), -EBADMSG);
}
