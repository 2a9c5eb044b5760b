// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_file.c: small files in one call, on real ones of /proc and a private directory.
 */
#include "base/file.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory_name[] = "/tmp/base_file.XXXXXX";
static int directory = -1;

static void make_directory(void)
{
	cr_assert_not_null(mkdtemp(directory_name));
	directory = open(directory_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(directory >= 0);
	close(openat(directory, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void remove_directory(void)
{
	unlinkat(directory, "file", 0);
	fd_close(&directory);
	rmdir(directory_name);
}

TestSuite(file, .init = make_directory, .fini = remove_directory);

Test(file, reads_back_what_it_wrote)
{
	char text[16];

	cr_expect_eq(file_write(directory, "file", "hello\n"), 0);
	cr_expect_eq(file_read(directory, "file", text, sizeof(text)), 6);
	cr_expect_str_eq(text, "hello\n");
}

Test(file, cuts_what_does_not_fit_and_ends_it)
{
	char text[4];

	cr_expect_eq(file_write(directory, "file", "hello"), 0);
	cr_expect_eq(file_read(directory, "file", text, sizeof(text)), 3);
	cr_expect_str_eq(text, "hel");
}

Test(file, reads_a_kernel_file_that_has_no_size)
{
	char text[4096];
	int n = file_read(AT_FDCWD, "/proc/self/status", text, sizeof(text));

	cr_expect(n > 100);
	cr_expect_eq(strlen(text), n);
}

Test(file, says_why_it_cannot)
{
	char text[16];
	uint64_t number;

	cr_expect_eq(file_read(directory, "absent", text, sizeof(text)), -ENOENT);
	cr_expect_eq(file_write(directory, "absent", "x"), -ENOENT);
	cr_expect_eq(file_read_number(directory, "absent", &number), -ENOENT);
	cr_expect_eq(file_read(AT_FDCWD, "/proc/self", text, sizeof(text)), -EISDIR);
	cr_expect_eq(file_write(AT_FDCWD, "/dev/full", "x"), -ENOSPC);
}

Test(file, writes_and_reads_numbers_to_the_largest)
{
	const uint64_t numbers[] = { 0, 1, 4096, UINT64_MAX - 1, UINT64_MAX };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		uint64_t number = 0;

		cr_assert_eq(file_write_number(directory, "file", numbers[i]), 0);
		cr_expect_eq(file_read_number(directory, "file", &number), 0);
		cr_expect_eq(number, numbers[i]);
	}
}

Test(file, reads_max_as_the_largest_and_refuses_what_is_no_number)
{
	uint64_t number = 7;

	cr_expect_eq(file_write(directory, "file", "max\n"), 0);
	cr_expect_eq(file_read_number(directory, "file", &number), 0);
	cr_expect_eq(number, UINT64_MAX);
	cr_expect_eq(file_write(directory, "file", "-1\n\n"), 0);
	cr_expect_eq(file_read_number(directory, "file", &number), -EINVAL);
	cr_expect_eq(file_write(directory, "file", "99999999999999999999\n"), 0);
	cr_expect_eq(file_read_number(directory, "file", &number), -ERANGE);
}

Test(file, finds_a_number_by_the_whole_key_of_a_line)
{
	const char *text = "oom 1\noom_kill 22\nlow 0\n";
	uint64_t number = 0;

	cr_expect_eq(text_find_number(text, "oom_kill", &number), 0);
	cr_expect_eq(number, 22);
	cr_expect_eq(text_find_number(text, "oom", &number), 0);
	cr_expect_eq(number, 1);
	cr_expect_eq(text_find_number(text, "low", &number), 0);
	cr_expect_eq(number, 0);
	cr_expect_eq(text_find_number(text, "kill", &number), -ENOENT);
	cr_expect_eq(text_find_number("", "oom", &number), -ENOENT);
}
