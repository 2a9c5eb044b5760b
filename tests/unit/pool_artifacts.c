// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_artifacts.c: regular files beneath the folder are read, and nothing else is.
 */
#include "pool/artifacts.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct artifacts artifacts;

static void before(void)
{
	snprintf(folder, sizeof(folder), "/tmp/corral-artifacts-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	return remove(path);
}

static void after(void)
{
	artifacts_clear(&artifacts);
	cr_assert_eq(chdir("/"), 0);
	nftw(folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(artifacts, .init = before, .fini = after, .timeout = 20);

static void file_make(const char *name, const char *text)
{
	AUTO_FD fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* A list without its last NUL, which the literal has. */
#define NAMES(list) (list), sizeof(list)

static void read_all(const char *names, size_t size)
{
	AUTO_FD fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	cr_assert_eq(artifacts_name(&artifacts, names, size), 0);
	artifacts_read(&artifacts, fd);
}

Test(artifacts, are_what_the_files_hold)
{
	mkdir("out", 0700);
	file_make("a", "one");
	file_make("out/b", "two words");
	file_make("empty", "");
	read_all(NAMES("a\0out/b\0empty\0none"));
	cr_assert_eq(artifacts.count, 4);
	cr_expect_eq(artifacts.list[0].size, 3);
	cr_expect_arr_eq(artifacts.list[0].bytes, "one", 3);
	cr_expect_arr_eq(artifacts.list[1].bytes, "two words", 9);
	cr_expect_not_null(artifacts.list[2].bytes);
	cr_expect_eq(artifacts.list[2].size, 0);
	cr_expect_null(artifacts.list[3].bytes);
	cr_expect_not(artifacts.left_out);
}

/* A link, to a file of the host's or to one beside it; through a folder; a pipe that nobody writes
 * to; a folder; a socket's place. */
Test(artifacts, are_no_links_pipes_or_folders)
{
	cr_assert_eq(symlink("/etc/passwd", "absolute"), 0);
	cr_assert_eq(symlink("../../etc/passwd", "relative"), 0);
	cr_assert_eq(symlink("/etc", "etc"), 0);
	file_make("a", "one");
	cr_assert_eq(symlink("a", "beside"), 0);
	cr_assert_eq(mkfifo("pipe", 0600), 0);
	cr_assert_eq(mkdir("folder", 0700), 0);
	read_all(NAMES("absolute\0relative\0etc/passwd\0beside\0pipe\0folder"));
	for (unsigned i = 0; i < artifacts.count; i++)
		cr_expect_null(artifacts.list[i].bytes, "%s", artifacts.list[i].name);
}

/* What is too much is left out, and what still fits behind it is not. */
Test(artifacts, are_bounded_together)
{
	file_make("a", "one");
	file_make("large", "");
	file_make("larger", "");
	cr_assert_eq(truncate("large", ARTIFACTS_BYTES_MAX - 3), 0);
	cr_assert_eq(truncate("larger", ARTIFACTS_BYTES_MAX), 0);
	read_all(NAMES("large\0larger\0a"));
	cr_expect_eq(artifacts.list[0].size, ARTIFACTS_BYTES_MAX - 3);
	cr_expect_null(artifacts.list[1].bytes);
	cr_expect_eq(artifacts.list[2].size, 3);
	cr_expect(artifacts.left_out);
}

Test(artifacts, have_names_of_files_below_the_folder)
{
	static const char *const names[] = { "", "/etc/passwd", "../a", "a/../b", ".", "a//b" };
	char many[2 * (ARTIFACTS_MAX + 1)];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect_eq(artifacts_name(&artifacts, names[i], strlen(names[i]) + 1), -EINVAL,
			"'%s'", names[i]);
		artifacts_clear(&artifacts);
	}
	for (size_t i = 0; i < sizeof(many); i += 2)
		memcpy(many + i, "a", 2);
	cr_expect_eq(artifacts_name(&artifacts, many, sizeof(many)), -E2BIG);
	cr_expect_eq(artifacts.count, 0);
	cr_expect_eq(artifacts_name(&artifacts, many, sizeof(many) - 2), 0);
	artifacts_clear(&artifacts);
	cr_expect_eq(artifacts_name(&artifacts, NULL, 0), 0);
	cr_expect_eq(artifacts.count, 0);
}
