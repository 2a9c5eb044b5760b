// SPDX-License-Identifier: Apache-2.0
/*
 * pool/artifacts.c: one openat2(2) a name: the kernel finds it beneath the folder or not at all.
 */
#include "pool/artifacts.h"

#include "base/memory.h"
#include "base/own.h"
#include "ring/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int artifacts_name(struct artifacts *artifacts, const char *names, size_t size)
{
	*artifacts = (struct artifacts){ .list = NULL };
	for (size_t i = 0; i < size; i++)
		artifacts->count += names[i] == '\0';
	if (artifacts->count > ARTIFACTS_MAX) {
		artifacts->count = 0;
		return -E2BIG;
	}
	if (!artifacts->count)
		return 0;
	artifacts->list = memory_alloc(artifacts->count * sizeof(*artifacts->list));
	if (!artifacts->list) {
		artifacts->count = 0;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < artifacts->count; i++, names += strlen(names) + 1) {
		artifacts->list[i] = (struct artifact){ .name = names };
		if (parcel_name_fault(names))
			return -EINVAL;
	}
	return 0;
}

/* Of a regular file alone: a pipe would make its reader wait, and what else is there is no file. */
static int file_open(int folder, const char *name, size_t *ret_size)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	struct stat status;
	AUTO_FD fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return -1;
	*ret_size = (size_t)status.st_size;
	return fd_take(&fd);
}

/* So much as was there when it was opened, or less. */
static bool file_read_whole(struct artifact *artifact, int fd, size_t size)
{
	char *bytes = memory_alloc(size + 1);

	if (!bytes)
		return false;
	while (artifact->size < size) {
		ssize_t n = pread(fd, bytes + artifact->size, size - artifact->size,
			(off_t)artifact->size);

		if (n <= 0)
			break;
		artifact->size += (size_t)n;
	}
	artifact->bytes = bytes;
	return true;
}

void artifacts_read(struct artifacts *artifacts, int folder)
{
	size_t room = ARTIFACTS_BYTES_MAX, size = 0;

	for (unsigned i = 0; i < artifacts->count; i++) {
		struct artifact *artifact = &artifacts->list[i];
		AUTO_FD fd = file_open(folder, artifact->name, &size);

		if (fd < 0)
			continue;
		if (size > room || !file_read_whole(artifact, fd, size))
			artifacts->left_out = true;
		else
			room -= artifact->size;
	}
}

void artifacts_clear(struct artifacts *artifacts)
{
	for (unsigned i = 0; artifacts->list && i < artifacts->count; i++)
		memory_free(artifacts->list[i].bytes);
	memory_free(artifacts->list);
	*artifacts = (struct artifacts){ .list = NULL };
}
