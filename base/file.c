// SPDX-License-Identifier: Apache-2.0
/*
 * base/file.c: one open, one read or write, one close.
 */
#include "base/file.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int file_read(int dir, const char *path, char *buffer, size_t size)
{
	AUTO_FD fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;

	if (fd < 0)
		return -errno;
	while (used + 1 < size) {
		ssize_t n = read(fd, buffer + used, size - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buffer[used] = '\0';
	return (int)used;
}

int file_write(int dir, const char *path, const char *text)
{
	AUTO_FD fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int file_write_number(int dir, const char *path, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return file_write(dir, path, text);
}

static int number_read(const char *text, uint64_t *ret_number)
{
	char *end;

	if (strncmp(text, "max", 3) == 0) {
		*ret_number = UINT64_MAX;
		return 0;
	}
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno ? -errno : 0;
}

int file_read_number(int dir, const char *path, uint64_t *ret_number)
{
	char text[32];
	int n = file_read(dir, path, text, sizeof(text));

	return n < 0 ? n : number_read(text, ret_number);
}

int text_find_number(const char *text, const char *key, uint64_t *ret_number)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return number_read(line + length + 1, ret_number);
	}
	return -ENOENT;
}
