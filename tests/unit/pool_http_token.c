// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_token.c: the file of tokens: what it may hold, and whose a token is.
 */
#include "pool/http/token.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST "0123456789abcdef"
#define SECOND "fedcba9876543210"
#define LONGEST FIRST FIRST FIRST FIRST

static char folder[] = "/tmp/corral-token-XXXXXX", path[64];
static struct tokens tokens;
static struct error error;

static void before(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/token", folder);
	memset(&tokens, 0, sizeof(tokens));
}

static void after(void)
{
	unlink(path);
	cr_expect_eq(rmdir(folder), 0);
}

TestSuite(token, .init = before, .fini = after, .timeout = 20);

static int read_text(const char *text, size_t size)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(text, 1, size, file), size);
	fclose(file);
	cr_assert_eq(chmod(path, 0600), 0);
	return tokens_read(&tokens, path, &error);
}

static const char *tenant_of(const char *given)
{
	const struct token *token = tokens_find(&tokens, given);

	return token ? token->tenant : "";
}

static int read_of(const char *text)
{
	return read_text(text, strlen(text));
}

Test(token, alone_is_the_standard_tenants)
{
	cr_assert_eq(read_of(FIRST), 0, "%s", error.sentence);
	cr_expect_eq(tokens.count, 1);
	cr_expect_str_eq(tenant_of(FIRST), "default");
	cr_expect_str_eq(tenant_of(SECOND), "");
	cr_assert_eq(read_of(LONGEST "\n"), 0, "%s", error.sentence);
	cr_expect_str_eq(tenant_of(LONGEST), "default");
	cr_expect_str_eq(tenant_of(FIRST), "", "a part of it is not it");
	cr_expect_str_eq(tenant_of(LONGEST "0"), "");
	cr_expect_str_eq(tenant_of(""), "");
}

Test(token, stands_behind_its_tenant)
{
	cr_assert_eq(read_of("# ours\n\n  alice\t" FIRST "  \r\nbob.2 " SECOND "\n" LONGEST "\n"),
		0, "%s", error.sentence);
	cr_expect_eq(tokens.count, 3);
	cr_expect_str_eq(tenant_of(FIRST), "alice");
	cr_expect_str_eq(tenant_of(SECOND), "bob.2");
	cr_expect_str_eq(tenant_of(LONGEST), "default");
	cr_expect_str_eq(tenant_of("alice"), "");
}

static const struct {
	const char *text, *said;
} wrong[] = {
	{ "", "holds no token" },
	{ "# nothing\n", "holds no token" },
	{ FIRST "\nalice short\n", "line 2 of" },
	{ "alice " LONGEST "0", "line 1 of" },
	{ "alice " FIRST " more\n", "line 1 of" },
	{ "al/ice " FIRST, "a tenant is" },
	{ "a23456789012345678901234567890123 " FIRST, "a tenant is" },
	{ "alice \"0123456789abcdef\"", "holds no token" },
	{ "alice " FIRST "\nbob " FIRST "\n", "line 2 of" },
};

Test(token, file_that_is_wrong_changes_nothing)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_assert_eq(read_of(SECOND), 0);
		cr_expect_lt(read_of(wrong[i].text), 0, "%s", wrong[i].text);
		cr_expect(strstr(error.sentence, wrong[i].said), "%s", error.sentence);
		cr_expect_null(strstr(error.sentence, FIRST), "%s", error.sentence);
		cr_expect_str_eq(tenant_of(SECOND), "default");
		cr_expect_eq(tokens.count, 1);
	}
}

Test(token, file_has_an_end)
{
	static char text[20000];
	size_t used = 0;

	memset(text, '#', sizeof(text));
	cr_expect_eq(read_text(text, sizeof(text)), -EINVAL);
	cr_expect_eq(read_text(FIRST "\0" FIRST, 33), -EINVAL);
	for (unsigned i = 0; i <= TOKENS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "t%u %016u\n", i, i);
	cr_expect_eq(read_text(text, used), -E2BIG);
	used = (size_t)(strstr(text, "t64 ") - text);
	cr_expect_eq(read_text(text, used), 0, "%s", error.sentence);
	cr_expect_eq(tokens.count, TOKENS_MAX);
	cr_expect_str_eq(tenant_of("0000000000000063"), "t63");
}

Test(token, is_made_once_and_kept)
{
	char made[TOKEN_BYTES + 1];
	struct stat status;

	cr_assert_eq(tokens_keep(&tokens, path, &error), 0, "%s", error.sentence);
	cr_assert_eq(tokens.count, 1);
	memcpy(made, tokens.tokens[0].text, sizeof(made));
	cr_expect_eq(strlen(made), TOKEN_BYTES);
	cr_expect_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600);
	memset(&tokens, 0, sizeof(tokens));
	cr_assert_eq(tokens_keep(&tokens, path, &error), 0, "%s", error.sentence);
	cr_expect_str_eq(tenant_of(made), "default");
}

#ifdef CORRAL_FAULTS
/* The folder is empty behind each test. */
static void expect_none(const char *plan)
{
	setenv("CORRAL_FAULT", plan, 1);
	cr_expect_lt(tokens_keep(&tokens, path, &error), 0);
	cr_expect(strstr(error.sentence, "cannot keep the token in"), "%s", error.sentence);
	cr_expect_eq(access(path, F_OK), -1);
}

Test(token, file_that_cannot_be_opened_is_not_there)
{
	expect_none("token.open:1");
}

Test(token, file_that_cannot_be_written_is_not_there)
{
	expect_none("token.write:1");
}

Test(token, file_that_cannot_be_named_is_not_there)
{
	expect_none("token.link:1");
}
#endif

Test(token, is_not_made_where_it_could_be_half_a_one)
{
	cr_expect_eq(tokens_keep(&tokens, "/proc/corral-token", &error), -EOPNOTSUPP);
	cr_expect(strstr(error.sentence, "give another --token-file"), "%s", error.sentence);
}

Test(token, is_not_made_over_what_stands_there)
{
	cr_assert_eq(symlink("/nowhere", path), 0);
	cr_expect_eq(tokens_keep(&tokens, path, &error), -ELOOP);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(read_of(""), -EINVAL);
	cr_expect_eq(tokens_keep(&tokens, path, &error), -EINVAL);
	cr_expect(strstr(error.sentence, "holds no token"), "%s", error.sentence);
}

Test(token, file_that_others_can_read_is_refused)
{
	cr_assert_eq(read_of(FIRST), 0);
	cr_assert_eq(chmod(path, 0640), 0);
	cr_expect_eq(tokens_read(&tokens, path, &error), -EPERM);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/etc/hostname", path), 0);
	cr_expect_eq(tokens_read(&tokens, path, &error), -ELOOP);
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(tokens_read(&tokens, path, &error), -ENOENT);
}
