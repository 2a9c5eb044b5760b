// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/sealed.c: finds a template's memfd by what nobody can forge: its seals. Bytes that could
 * still change would be no template's.
 */
#include "snapshot/sealed.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* The file behind the mapping if it is such a memfd. A descriptor, -ENOENT, or another errno. */
static int memfd_open(pid_t pid, const struct mapping *mapping)
{
	struct stat status;
	AUTO_FD fd = mapping_file_open(pid, mapping);

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_GET_SEALS) != SEALS || fstat(fd, &status) < 0 ||
		status.st_ino != mapping->inode ||
		major(status.st_dev) != mapping->device_major ||
		minor(status.st_dev) != mapping->device_minor)
		return -ENOENT;
	return fd_take(&fd);
}

static int memfd_map(struct sealed *sealed, int fd, const struct mapping *mapping)
{
	struct stat status;
	void *bytes;

	if (fstat(fd, &status) < 0)
		return -errno;
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*sealed = (struct sealed){
		.bytes = bytes,
		.size = (size_t)status.st_size,
		.device_major = mapping->device_major,
		.device_minor = mapping->device_minor,
		.inode = mapping->inode,
	};
	return 0;
}

int sealed_open(struct sealed *sealed, pid_t pid, struct error *error)
{
	AUTO_FREE struct mapping *table = calloc(MAPPINGS_MAX, sizeof(*table));
	AUTO_FD fd = -1;
	unsigned count = 0, i = 0;
	int result = table ? mappings_read(pid, table, MAPPINGS_MAX, &count) : -ENOMEM;

	*sealed = (struct sealed){ .bytes = NULL };
	for (; result == 0 && i < count; i++) {
		if (table[i].is_shared || !table[i].inode)
			continue;
		fd = memfd_open(pid, &table[i]);
		if (fd >= 0 || fd != -ENOENT)
			break;
	}
	if (result == 0)
		result = i == count ? -ENOENT : fd < 0 ? fd : memfd_map(sealed, fd, &table[i]);
	if (result < 0)
		return error_set(error, result,
			"cannot read the sealed memory of process %d: %s", pid, error_text(result));
	return 0;
}

void sealed_close(struct sealed *sealed)
{
	if (sealed->bytes)
		munmap((void *)sealed->bytes, sealed->size);
	*sealed = (struct sealed){ .bytes = NULL };
}
