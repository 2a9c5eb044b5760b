// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/token.c: the file of tokens: made once, read again on SIGHUP, asked by each request.
 *
 * It is written before it has a name (O_TMPFILE, Linux 3.11), so a daemon that dies while it makes
 * one leaves none, and nobody reads half of one. It gets its name only where nothing stands: two
 * daemons that start at once agree on one. What cannot be read as it is meant is refused as a
 * whole: half a file would lock some tenants out without a word.
 */
#include "pool/http/token.h"

#include "base/fault.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX 16384u
#define TOKEN_BYTES_MIN 16u
#define LETTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._"

/* --- Reading ---------------------------------------------------------------------------------- */

static bool is_word(const char *word, size_t bytes_min, size_t bytes_max, const char *letters)
{
	size_t size = strlen(word);

	return size >= bytes_min && size <= bytes_max && strspn(word, letters) == size;
}

static int line_take(
	struct tokens *tokens, char *line, unsigned number, const char *path, struct error *error)
{
	char *rest = NULL, *first = strtok_r(line, " \t\r", &rest);
	char *second = first ? strtok_r(NULL, " \t\r", &rest) : NULL;
	const char *text = second ? second : first;
	const char *tenant = second ? first : TOKEN_TENANT_STANDARD;
	struct token *token = &tokens->tokens[tokens->count];

	if (!first || first[0] == '#')
		return 0;
	if (tokens->count == TOKENS_MAX)
		return error_set(error, -E2BIG, "%s holds more than %u tokens; remove some", path,
			TOKENS_MAX);
	if (strtok_r(NULL, " \t\r", &rest) || !is_word(tenant, 1, TOKEN_TENANT_BYTES, LETTERS))
		return error_set(error, -EINVAL, "line %u of %s is no 'TENANT TOKEN': a tenant is"
			" 1 to %u letters, digits and -._", number, path, TOKEN_TENANT_BYTES);
	if (!is_word(text, TOKEN_BYTES_MIN, TOKEN_BYTES, LETTERS "~+/="))
		return error_set(error, -EINVAL, "line %u of %s holds no token: %u to %u letters,"
			" digits and -._~+/=; mend it, or remove the file and start again", number,
			path, TOKEN_BYTES_MIN, TOKEN_BYTES);
	*token = (struct token){ .tenant = "" };
	memcpy(token->tenant, tenant, strlen(tenant));
	memcpy(token->text, text, strlen(text));
	if (tokens_find(tokens, text))
		return error_set(error, -EINVAL, "line %u of %s gives a token a second time; make"
			" each its own", number, path);
	tokens->count++;
	return 0;
}

static int file_text(const char *path, char *text, size_t size, struct error *error)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	ssize_t n;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(error, -errno, "cannot read %s: %s", path, error_text(errno));
	if (!S_ISREG(status.st_mode) || (status.st_mode & 077))
		return error_set(error, -EPERM,
			"others can read the token in %s: chmod 600 it, or remove it and start"
			" again", path);
	n = read(fd, text, size);
	if (n < 0)
		return error_set(error, -errno, "cannot read %s: %s", path, error_text(errno));
	if ((size_t)n == size || memchr(text, '\0', (size_t)n))
		return error_set(error, -EINVAL, "%s is no file of tokens: it is longer than %zu"
			" bytes, or holds a NUL", path, size - 1);
	text[n] = '\0';
	return 0;
}

int tokens_read(struct tokens *tokens, const char *path, struct error *error)
{
	struct tokens fresh = { .count = 0 };
	char text[FILE_BYTES_MAX + 1], *rest = text;
	unsigned number = 0;
	int result = file_text(path, text, sizeof(text), error);

	while (result == 0 && rest)
		result = line_take(&fresh, strsep(&rest, "\n"), ++number, path, error);
	if (result == 0 && !fresh.count)
		result = error_set(error, -EINVAL, "%s holds no token: write one into it, or"
			" remove it and start again", path);
	if (result == 0)
		*tokens = fresh;
	explicit_bzero(text, sizeof(text));
	return result;
}

/* --- Making ----------------------------------------------------------------------------------- */

/* Cuts the last part off; false where nothing but the root would be left, or it does not fit. */
static bool folder_of(const char *path, char *folder, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || (size_t)(slash - path) >= size)
		return false;
	memmove(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return true;
}

static int token_write(int fd)
{
	uint8_t random[TOKEN_BYTES / 2];
	char text[TOKEN_BYTES + 1];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	if (fault("token.write") || write(fd, text, TOKEN_BYTES) != TOKEN_BYTES)
		return -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}

static int token_make(const char *path)
{
	char folder[PATH_MAX], unnamed[32];
	int result;

	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (!folder_of(path, folder, sizeof(folder)))
		snprintf(folder, sizeof(folder), "%s", path[0] == '/' ? "/" : ".");

	AUTO_FD fd = fault("token.open") ? (errno = EMFILE, -1)
					 : open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	result = token_write(fd);
	if (result < 0)
		return result;
	if (fault("token.link"))
		return -ENOSPC;
	/* The one way to name it that needs no capability (open(2)). */
	snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* The last folder of the path alone: a whole missing path is a mistake in it. */
static int folder_make(const char *path)
{
	char folder[512];

	if (!folder_of(path, folder, sizeof(folder)))
		return 0;
	return mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int tokens_check(const char *path, struct error *error)
{
	struct tokens tokens;
	struct stat status;
	char folder[512];

	if (lstat(path, &status) == 0)
		return tokens_read(&tokens, path, error);
	/* It would be made, and its folder too if only that is missing. */
	if (!folder_of(path, folder, sizeof(folder)) || access(folder, W_OK | X_OK) == 0)
		return 0;
	if (errno == ENOENT && (!folder_of(folder, folder, sizeof(folder)) ||
				       access(folder, W_OK | X_OK) == 0))
		return 0;
	return error_set(error, -errno, "cannot keep the token in %s: the folder %s: %s", path,
		folder, error_text(errno));
}

int tokens_keep(struct tokens *tokens, const char *path, struct error *error)
{
	int result = folder_make(path);

	if (result == 0)
		result = token_make(path);
	if (result == -EOPNOTSUPP)
		return error_set(error, result, "cannot keep the token in %s: that file system"
			" makes no files without a name (O_TMPFILE); give another --token-file, or"
			" write one yourself", path);
	if (result < 0 && result != -EEXIST)
		return error_set(error, result, "cannot keep the token in %s: %s", path,
			error_text(result));
	return tokens_read(tokens, path, error);
}

/* --- Asking ----------------------------------------------------------------------------------- */

const struct token *tokens_find(const struct tokens *tokens, const char *given)
{
	char padded[TOKEN_BYTES + 1] = "";
	size_t size = strnlen(given, sizeof(padded));
	const struct token *found = NULL;

	if (!size || size > TOKEN_BYTES)
		return NULL;
	memcpy(padded, given, size);
	for (unsigned i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->tokens[i];
		volatile unsigned char difference = 0;

		for (size_t k = 0; k < TOKEN_BYTES; k++)
			difference |= (unsigned char)(padded[k] ^ token->text[k]);
		if (!difference)
			found = token;
	}
	return found;
}
