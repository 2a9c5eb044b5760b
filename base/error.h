// SPDX-License-Identifier: Apache-2.0
/*
 * base/error.h: the sentence that a person reads when something failed.
 *
 * Functions return 0 or a negative errno. Where a person will meet the failure, the function also
 * takes a `struct error` and leaves one sentence in it: what failed, on what, why, what to do.
 */
#pragma once

#define ERROR_SENTENCE_BYTES 512

struct error {
	char sentence[ERROR_SENTENCE_BYTES];
};

/*
 * Writes the sentence and returns `code` (a negative errno), so that a caller can say
 * `return error_set(error, -errno, "cannot open %s: %s", path, error_text(errno));`.
 * `error` may be NULL. Too long a sentence is cut.
 */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The system's words for an errno of either sign; a static string, thread-safe. */
const char *error_text(int code);
