// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/token.h: the secrets that TCP clients bring, and whose they are.
 *
 * The file has a line for each: `TENANT TOKEN`, or a token alone, which is the tenant `default`'s.
 * Empty lines and those that begin with '#' are skipped. A tenant may have several tokens, so that
 * one can be replaced while both are in use.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define TOKEN_BYTES 64u /* printable, without blanks */
#define TOKEN_TENANT_BYTES 32u
#define TOKENS_MAX 64u
#define TOKEN_TENANT_STANDARD "default"

struct token {
	char tenant[TOKEN_TENANT_BYTES + 1];
	char text[TOKEN_BYTES + 1]; /* zeroes to the end */
};

struct tokens {
	unsigned count;
	struct token tokens[TOKENS_MAX];
};

/*
 * Reads the file, or makes it and its folder: 256 random bits in hexadecimal, mode 0600. A file
 * that others can read is refused. 0 or a negative errno with the sentence, which never has a token
 * in it.
 */
int tokens_keep(struct tokens *tokens, const char *path, struct error *error);

/* Whether tokens_keep() would do; makes nothing. 0 or a negative errno with the sentence. */
int tokens_check(const char *path, struct error *error);

/* The same for a file that must be there. `tokens` changes only on success. */
int tokens_read(struct tokens *tokens, const char *path, struct error *error);

/* The one that was given, or NULL; takes the same time whichever it is, and however right. */
const struct token *tokens_find(const struct tokens *tokens, const char *given);
