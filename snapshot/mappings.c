// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/mappings.c: reads the mapping table of another process.
 *
 * A question for each mapping (PROCMAP_QUERY) costs less than the text of them all: the kernel
 * neither prints numbers nor looks up the paths of files. Names are asked for only where there is
 * no file: they tell stack, heap and the kernel's own apart.
 */
#include "snapshot/mappings.h"

#include "base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* include/uapi/linux/fs.h, Linux 6.11 */
struct procmap_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor;
	uint32_t vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
static_assert(sizeof(struct procmap_query) == 104, "struct procmap_query of Linux 6.11");
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
#define PROCMAP_READABLE 0x01u
#define PROCMAP_WRITABLE 0x02u
#define PROCMAP_EXECUTABLE 0x04u
#define PROCMAP_SHARED 0x08u
#define PROCMAP_COVERING_OR_NEXT 0x10u

#define NAME_BYTES 32u /* "[vvar_vclock]"; a longer one is cut and is none of ours */
/* The vsyscall page stands above it in the text, in every process, and belongs to none. */
#define ADDRESS_END (UINT64_C(1) << 47)
/* Of one line: "start-end perms offset major:minor inode", then a path that may be longer. */
#define LINE_BYTES 512u

static int maps_open(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? (errno == ENOENT ? -ESRCH : -errno) : fd;
}

static uint8_t kind_of(const char *name)
{
	if (name[0] != '[' || strncmp(name, "[anon:", 6) == 0)
		return MAPPING_MEMORY;
	if (strcmp(name, "[heap]") == 0)
		return MAPPING_HEAP;
	return strcmp(name, "[stack]") == 0 ? MAPPING_STACK : MAPPING_KERNEL;
}

/* --- The binary answer ------------------------------------------------------------------------ */

static int query(int fd, uint64_t address, struct procmap_query *query, char *name)
{
	*query = (struct procmap_query){
		.size = sizeof(*query),
		.query_flags = PROCMAP_COVERING_OR_NEXT,
		.query_addr = address,
		.vma_name_size = name ? NAME_BYTES : 0,
		.vma_name_addr = (uint64_t)(uintptr_t)name,
	};
	return ioctl(fd, PROCMAP_QUERY, query) < 0 ? -errno : 0;
}

static int row_ask(int fd, uint64_t address, struct mapping *ret_mapping)
{
	struct procmap_query answer;
	char name[NAME_BYTES] = "";
	int result = query(fd, address, &answer, NULL);

	if (result == 0 && answer.inode == 0)
		result = query(fd, address, &answer, name);
	/* A name that is longer than any of the kernel's. */
	if (result == -ENAMETOOLONG)
		result = query(fd, address, &answer, NULL);
	if (result < 0)
		return result;
	*ret_mapping = (struct mapping){
		.start = answer.vma_start,
		.end = answer.vma_end,
		.offset = answer.inode ? answer.vma_offset : 0,
		.inode = answer.inode,
		.device_major = answer.dev_major,
		.device_minor = answer.dev_minor,
		.protection = (answer.vma_flags & PROCMAP_READABLE ? PROT_READ : 0) |
			      (answer.vma_flags & PROCMAP_WRITABLE ? PROT_WRITE : 0) |
			      (answer.vma_flags & PROCMAP_EXECUTABLE ? PROT_EXEC : 0),
		.is_shared = answer.vma_flags & PROCMAP_SHARED,
		.kind = kind_of(name),
	};
	return 0;
}

static int table_ask(int fd, struct mapping *table, unsigned capacity, unsigned *ret_count)
{
	struct mapping row = { .end = 0 };
	unsigned count = 0;

	for (;;) {
		int result = row_ask(fd, row.end, &row);

		if (result == -ENOENT || (result == 0 && row.start >= ADDRESS_END))
			break;
		if (result < 0)
			return result;
		if (count == capacity)
			return -E2BIG;
		table[count++] = row;
	}
	*ret_count = count;
	return count ? 0 : -ESRCH;
}

/* --- The text --------------------------------------------------------------------------------- */

static bool number_take(const char **text, unsigned base, char end, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *at = *text;

	for (;; at++) {
		unsigned digit = *at >= '0' && *at <= '9' ? (unsigned)(*at - '0')
			: *at >= 'a' && *at <= 'f'	  ? (unsigned)(*at - 'a') + 10
							  : base;

		if (digit >= base)
			break;
		number = number * base + digit;
	}
	if (at == *text || *at != end)
		return false;
	*text = at + 1;
	*ret_number = number;
	return true;
}

static bool line_parse(const char *line, struct mapping *ret_mapping)
{
	uint64_t major, minor;
	const char *flags;

	*ret_mapping = (struct mapping){ .start = 0 };
	if (!number_take(&line, 16, '-', &ret_mapping->start) ||
		!number_take(&line, 16, ' ', &ret_mapping->end) || strnlen(line, 5) < 5)
		return false;
	flags = line;
	line += 5;
	if (!number_take(&line, 16, ' ', &ret_mapping->offset) ||
		!number_take(&line, 16, ':', &major) || !number_take(&line, 16, ' ', &minor) ||
		!number_take(&line, 10, ' ', &ret_mapping->inode))
		return false;
	ret_mapping->device_major = (uint32_t)major;
	ret_mapping->device_minor = (uint32_t)minor;
	ret_mapping->protection = (flags[0] == 'r' ? PROT_READ : 0) |
				  (flags[1] == 'w' ? PROT_WRITE : 0) |
				  (flags[2] == 'x' ? PROT_EXEC : 0);
	ret_mapping->is_shared = flags[3] == 's';
	if (!ret_mapping->inode) {
		ret_mapping->offset = 0;
		ret_mapping->kind = kind_of(line + strspn(line, " "));
	}
	return true;
}

/* The next line, without its path's end where that is long. 1, 0 (no more) or a negative errno. */
static int line_next(FILE *file, char *line)
{
	if (!fgets(line, LINE_BYTES, file))
		return ferror(file) ? -EIO : 0;
	if (!strchr(line, '\n'))
		for (int byte = 0; byte != '\n' && byte != EOF;)
			byte = getc_unlocked(file);
	line[strcspn(line, "\n")] = '\0';
	return 1;
}

static int table_parse(FILE *file, struct mapping *table, unsigned capacity, unsigned *ret_count)
{
	char line[LINE_BYTES];
	unsigned count = 0;
	int result;

	while ((result = line_next(file, line)) > 0) {
		struct mapping row;

		if (!line_parse(line, &row))
			return -EPROTO;
		if (row.start >= ADDRESS_END)
			continue;
		if (count == capacity)
			return -E2BIG;
		table[count++] = row;
	}
	if (result < 0)
		return result;
	*ret_count = count;
	return count ? 0 : -ESRCH;
}

int mappings_read_text(pid_t pid, struct mapping *table, unsigned capacity, unsigned *ret_count)
{
	int result, fd = maps_open(pid);
	FILE *file;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "re");
	if (!file) {
		fd_close(&fd);
		return -ENOMEM;
	}
	result = table_parse(file, table, capacity, ret_count);
	fclose(file);
	return result;
}

/* --- Either ----------------------------------------------------------------------------------- */

int mappings_read(pid_t pid, struct mapping *table, unsigned capacity, unsigned *ret_count)
{
	AUTO_FD fd = maps_open(pid);
	int result;

	if (fd < 0)
		return fd;
	result = table_ask(fd, table, capacity, ret_count);
	/* ENOTTY: Linux before 6.11; ENOSYS and EPERM: a filter refuses the request. */
	if (result == -ENOTTY || result == -ENOSYS || result == -EPERM)
		return mappings_read_text(pid, table, capacity, ret_count);
	return result;
}

const struct mapping *mappings_find(const struct mapping *table, unsigned count, uint64_t address)
{
	unsigned low = 0, high = count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (table[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && table[low].start <= address ? &table[low] : NULL;
}

int mapping_file_open(pid_t pid, const struct mapping *mapping)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
		mapping->start, mapping->end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
