// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/worker_files.c: unpacks a parcel.
 *
 * The worker does it, not the daemon: as its own uid, behind its own Landlock and seccomp, on its
 * own memory and its own tmpfs, so that a hostile parcel costs its sender and nobody else. No name
 * can leave the folder (openat2(2) with RESOLVE_BENEATH, Linux 5.6), no symbolic link is followed,
 * and nothing that stands there is written to.
 */
#include "runtime/worker_files.h"

#include "base/own.h"
#include "ring/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define FILE_MODE 0644
#define FOLDER_MODE 0755
#define SHOWN_BYTES_MAX 100u /* of a name in a sentence */

static int file_open(int folder, const char *name)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		.mode = FILE_MODE,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int folders_make(int folder, const char *name)
{
	char path[PARCEL_NAME_BYTES_MAX + 1];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t size = (size_t)(slash - name);

		memcpy(path, name, size);
		path[size] = '\0';
		if (mkdirat(folder, path, FOLDER_MODE) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int file_make(int folder, const struct parcel_file *file)
{
	const char *bytes = file->bytes;
	size_t left = file->size;
	int result;

	AUTO_FD fd = file_open(folder, file->name);

	if (fd == -ENOENT) {
		result = folders_make(folder, file->name);
		fd = result < 0 ? result : file_open(folder, file->name);
	}
	if (fd < 0)
		return fd;
	while (left > 0) {
		ssize_t n = write(fd, bytes, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		left -= (size_t)n;
	}
	return 0;
}

/* A long name is cut, between two characters if it is UTF-8. */
static int file_refused(const struct parcel_file *file, int code, struct error *error)
{
	size_t size = strnlen(file->name, SHOWN_BYTES_MAX + 1);
	bool is_cut = size > SHOWN_BYTES_MAX;

	while (is_cut && --size > 0 && (file->name[size] & 0xc0) == 0x80)
		;
	return error_set(error, code, "cannot make the file '%.*s%s', which the request brings: %s",
		(int)size, file->name, is_cut ? "..." : "", error_text(code));
}

int worker_files_make(int fd, int folder, struct error *error)
{
	struct parcel_file file;
	struct parcel parcel;
	int result = parcel_open(fd, &parcel);

	if (result < 0)
		return result;
	while ((result = parcel_next(&parcel, &file)) > 0) {
		result = file_make(folder, &file);
		if (result < 0) {
			file_refused(&file, result, error);
			break;
		}
	}
	parcel_close(&parcel);
	return result;
}
