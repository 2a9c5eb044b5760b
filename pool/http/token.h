// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/token.h: the secret that TCP clients bring.
 */
#pragma once

#include "base/error.h"

#define TOKEN_BYTES 64u /* printable, without blanks */

struct token {
	char text[TOKEN_BYTES + 1];
};

/*
 * Reads the file, or makes it and its folder: 256 random bits in hexadecimal, mode 0600. A file
 * that others can read is refused. 0 or a negative errno with the sentence.
 */
int token_keep(struct token *token, const char *path, struct error *error);

/* Whether token_keep() would do; makes nothing. 0 or a negative errno with the sentence. */
int token_check(const char *path, struct error *error);
