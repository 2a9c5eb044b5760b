// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_own.c: what a scope owns is gone at its end, and only that.
 */
#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert(fd >= 0);
	return fd;
}

Test(own, closes_a_descriptor_at_the_end_of_its_scope)
{
	int number;
	{
		AUTO_FD fd = open_null();

		number = fd;
		cr_expect(is_open(number));
	}
	cr_expect_not(is_open(number));
}

Test(own, leaves_a_taken_descriptor_open)
{
	int taken;
	{
		AUTO_FD fd = open_null();

		taken = fd_take(&fd);
		cr_expect_eq(fd, -1);
	}
	cr_expect(is_open(taken));
	fd_close(&taken);
	cr_expect_eq(taken, -1);
}

Test(own, closes_nothing_for_minus_one_and_keeps_errno)
{
	int none = -1;

	errno = EXDEV;
	fd_close(&none);
	cr_expect_eq(errno, EXDEV);
	cr_expect_eq(none, -1);
}

Test(own, keeps_errno_when_close_fails)
{
	int closed = open_null();
	int again = closed;

	fd_close(&closed);
	errno = EXDEV;
	fd_close(&again);
	cr_expect_eq(errno, EXDEV);
	cr_expect_eq(again, -1);
}

/* Proved by the leak check behind each test, in the build with the address sanitizer. */
Test(own, frees_memory_at_the_end_of_its_scope)
{
	AUTO_FREE char *memory = malloc(64);
	AUTO_FREE char *nothing = NULL;

	cr_assert_not_null(memory);
	cr_expect_null(nothing);
}
