// SPDX-License-Identifier: Apache-2.0
/*
 * ring/parcel.c: packs files into a memfd, and reads them from there again.
 *
 * A name is judged by its letters alone, and so that every file can stand beside every other: no
 * way up or out, no name twice, none that is another's folder. What reads a parcel trusts who
 * packed it, and still checks each length and each name: it costs nothing beside making the file.
 */
#include "ring/parcel.h"

#include "base/fault.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PARCEL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct parcel_head {
	uint32_t version;
	uint32_t count;
};

struct file_head {
	uint64_t size;
	uint64_t name_bytes; /* without its NUL */
};

/* --- Names ----------------------------------------------------------------------------------- */

const char *parcel_name_fault(const char *name)
{
	if (name[0] == '/')
		return "give a relative path, it begins in /workspace";
	if (strnlen(name, PARCEL_NAME_BYTES_MAX + 1) > PARCEL_NAME_BYTES_MAX)
		return "a path of at most 4084 bytes can be opened";
	for (;; name++) {
		size_t size = strcspn(name, "/");

		if (size == 0)
			return "a part of it is empty";
		if (size > PARCEL_PART_BYTES_MAX)
			return "a part of it is longer than 255 bytes";
		if ((size == 1 && name[0] == '.') || (size == 2 && memcmp(name, "..", 2) == 0))
			return "no part of it can be . or ..";
		name += size;
		if (!*name)
			return NULL;
	}
}

/* How many bytes at the start of both are equal; eight at a time, for names can be long. */
static size_t equal_size(const char *a, const char *b, size_t size)
{
	size_t at = 0;

	while (size - at >= 8 && memcmp(a + at, b + at, 8) == 0)
		at += 8;
	while (at < size && a[at] == b[at])
		at++;
	return at;
}

/* A name's end comes first, then the slash: what is below a folder follows it at once. */
static int rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : (uint8_t)c + 2;
}

struct named {
	const char *name;
	size_t size, index;
};

static int names_compare(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	size_t size = a->size < b->size ? a->size : b->size;
	size_t at = equal_size(a->name, b->name, size);

	return rank(a->name[at]) - rank(b->name[at]);
}

const char *parcel_fault(const struct parcel_file *files, size_t count, size_t *ret_index)
{
	struct named names[PARCEL_FILES_MAX];

	*ret_index = 0;
	for (size_t i = 0; i < count && i < PARCEL_FILES_MAX; i++) {
		const char *fault = parcel_name_fault(files[i].name);

		*ret_index = i;
		if (fault)
			return fault;
		names[i] = (struct named){ files[i].name, strlen(files[i].name), i };
	}
	if (count > PARCEL_FILES_MAX) {
		*ret_index = PARCEL_FILES_MAX;
		return "1000 files are the most; bring more in one archive";
	}
	qsort(names, count, sizeof(*names), names_compare);
	for (size_t i = 1; i < count; i++) {
		const struct named *folder = &names[i - 1], *name = &names[i];
		bool begins_so = folder->size <= name->size &&
			memcmp(folder->name, name->name, folder->size) == 0;

		*ret_index = folder->index;
		if (begins_so && name->name[folder->size] == '\0')
			return "it is given twice";
		if (begins_so && name->name[folder->size] == '/')
			return "it is the folder of another";
	}
	return NULL;
}

/* --- Packing --------------------------------------------------------------------------------- */

static int write_all(int fd, const void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
	}
	return 0;
}

/* Head and name as one piece. */
static int file_pack(int fd, const struct parcel_file *file)
{
	struct {
		struct file_head head;
		char name[PARCEL_NAME_BYTES_MAX + 1];
	} piece;
	int result;

	piece.head = (struct file_head){ file->size, strlen(file->name) };
	memcpy(piece.name, file->name, piece.head.name_bytes + 1);
	result = write_all(fd, &piece, sizeof(piece.head) + piece.head.name_bytes + 1);
	return result < 0 ? result : write_all(fd, file->bytes, file->size);
}

int parcel_pack(const struct parcel_file *files, size_t count, int *ret_fd)
{
	const struct parcel_head head = { PARCEL_VERSION, (uint32_t)count };
	size_t index;
	int result;

	if (count > PARCEL_FILES_MAX)
		return -E2BIG;
	if (parcel_fault(files, count, &index))
		return -EINVAL;
	if (fault("parcel.create"))
		return -EMFILE;
	AUTO_FD fd = memfd_create("corral-files", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	result = write_all(fd, &head, sizeof(head));
	for (size_t i = 0; i < count && result == 0; i++)
		result = file_pack(fd, &files[i]);
	if (result < 0)
		return result;
	if (fcntl(fd, F_ADD_SEALS, PARCEL_SEALS) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* --- Reading --------------------------------------------------------------------------------- */

int parcel_open(int fd, struct parcel *ret_parcel)
{
	struct parcel_head head;
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);
	void *bytes;

	if (seals < 0 || (seals & PARCEL_SEALS) != PARCEL_SEALS || fstat(fd, &status) < 0 ||
		status.st_size < (off_t)sizeof(head))
		return -EBADMSG;
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	memcpy(&head, bytes, sizeof(head));
	if (head.version != PARCEL_VERSION || head.count > PARCEL_FILES_MAX) {
		munmap(bytes, (size_t)status.st_size);
		return -EBADMSG;
	}
	*ret_parcel = (struct parcel){ bytes, (size_t)status.st_size, sizeof(head), head.count };
	return 0;
}

int parcel_next(struct parcel *parcel, struct parcel_file *ret_file)
{
	size_t left = parcel->size - parcel->at;
	struct file_head head;
	const char *name;

	if (parcel->left == 0)
		return left == 0 ? 0 : -EBADMSG;
	if (left < sizeof(head))
		return -EBADMSG;
	memcpy(&head, parcel->bytes + parcel->at, sizeof(head));
	left -= sizeof(head);
	if (head.name_bytes > PARCEL_NAME_BYTES_MAX || head.name_bytes >= left)
		return -EBADMSG;
	left -= head.name_bytes + 1;
	name = (const char *)parcel->bytes + parcel->at + sizeof(head);
	if (head.size > left || strnlen(name, head.name_bytes + 1) != head.name_bytes ||
		parcel_name_fault(name))
		return -EBADMSG;
	*ret_file = (struct parcel_file){ name, name + head.name_bytes + 1, (size_t)head.size };
	parcel->at = parcel->size - left + (size_t)head.size;
	parcel->left--;
	return 1;
}

void parcel_close(struct parcel *parcel)
{
	munmap(parcel->bytes, parcel->size);
	*parcel = (struct parcel){ 0 };
}
