// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_error.c: a sentence and a code travel together.
 */
#include "base/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(error, returns_the_code_and_keeps_the_sentence)
{
	struct error error;

	cr_expect_eq(error_set(&error, -ENOENT, "cannot open %s: %s", "/x", error_text(-ENOENT)),
		-ENOENT);
	cr_expect_str_eq(error.sentence, "cannot open /x: No such file or directory");
}

Test(error, needs_nobody_who_listens)
{
	cr_expect_eq(error_set(NULL, -EPERM, "unheard %d", 1), -EPERM);
}

Test(error, cuts_a_sentence_that_is_too_long)
{
	struct error error;

	error_set(&error, -EIO, "%0*d", 2 * ERROR_SENTENCE_BYTES, 7);
	cr_expect_eq(strlen(error.sentence), ERROR_SENTENCE_BYTES - 1);
}

Test(error, has_words_for_either_sign_and_for_no_errno_at_all)
{
	cr_expect_str_eq(error_text(EBUSY), "Device or resource busy");
	cr_expect_str_eq(error_text(-EBUSY), "Device or resource busy");
	cr_expect_str_eq(error_text(99999), "unknown error");
}
