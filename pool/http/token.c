// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/token.c: made once, with O_EXCL, so that two daemons that start at once agree on one.
 */
#include "pool/http/token.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static int token_make(const char *path, struct token *token)
{
	uint8_t random[TOKEN_BYTES / 2];

	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(token->text + 2 * i, 3, "%02x", random[i]);
	if (write(fd, token->text, TOKEN_BYTES) != TOKEN_BYTES) {
		unlink(path);
		return -EIO;
	}
	return 0;
}

static int token_read(const char *path, struct token *token, struct error *error)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	char text[TOKEN_BYTES + 2];
	ssize_t n;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(error, -errno, "cannot read %s: %s", path, error_text(errno));
	if (!S_ISREG(status.st_mode) || (status.st_mode & 077))
		return error_set(error, -EPERM,
			"others can read the token in %s: chmod 600 it, or remove it and start"
			" again", path);
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return error_set(error, -errno, "cannot read %s: %s", path, error_text(errno));
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) < 16 || strlen(text) > TOKEN_BYTES ||
	    strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~+/=") !=
		    strlen(text))
		return error_set(error, -EINVAL, "%s holds no token: 16 to %u letters, digits and"
			" -._~+/=; remove it and start again", path, TOKEN_BYTES);
	memcpy(token->text, text, strlen(text) + 1);
	return 0;
}

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

/* The last folder of the path alone: a whole missing path is a mistake in it. */
static int folder_make(const char *path)
{
	char folder[512];

	if (!folder_of(path, folder, sizeof(folder)))
		return 0;
	return mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int token_check(const char *path, struct error *error)
{
	struct token token;
	struct stat status;
	char folder[512];

	if (lstat(path, &status) == 0)
		return token_read(path, &token, error);
	/* It would be made, and its folder too if only that is missing. */
	if (!folder_of(path, folder, sizeof(folder)) || access(folder, W_OK | X_OK) == 0)
		return 0;
	if (errno == ENOENT && (!folder_of(folder, folder, sizeof(folder)) ||
				       access(folder, W_OK | X_OK) == 0))
		return 0;
	return error_set(error, -errno, "cannot keep the token in %s: the folder %s: %s", path,
		folder, error_text(errno));
}

int token_keep(struct token *token, const char *path, struct error *error)
{
	int result = folder_make(path);

	if (result == 0)
		result = token_make(path, token);
	if (result == -EEXIST)
		return token_read(path, token, error);
	if (result < 0)
		return error_set(error, result, "cannot keep the token in %s: %s", path,
			error_text(result));
	return 0;
}
