// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/image_apply.c: makes a process's memory an image's.
 *
 * Two lists in order of address are walked as one: the pages that the process has of its own, and
 * those that the image has. Each piece of either gets its bytes from the image's store, else from
 * the template's sealed memory, else it gets zeros. Pieces are gathered into few calls of
 * process_vm_writev(). Together the two lists are every page that can differ: a page in neither
 * shows, in both, the same page of the same file, or nothing.
 *
 * That pages of the image are written though the process gave them back, and pages of its own
 * though they may hold the right bytes, is what makes a second apply need no scan.
 */
#include "snapshot/image.h"


#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PIECES_MAX 1024u /* of one call: IOV_MAX of Linux */
#define CHECK_BYTES (64u * 1024u)
#define CHECK_PIECES_MAX (CHECK_BYTES / WRITTEN_PAGE_BYTES)
#define ZERO_BYTES (256u * 1024u)

static uint8_t zeros[ZERO_BYTES]; /* never written */

struct writes {
	struct iovec local[PIECES_MAX], remote[PIECES_MAX];
	unsigned local_count, remote_count;
	size_t bytes;
};

/* Pages that cannot be written are read, and must be what they ought to be. */
struct checks {
	struct iovec remote[CHECK_PIECES_MAX];
	const uint8_t *wanted[CHECK_PIECES_MAX];
	unsigned count;
	size_t bytes;
	uint8_t buffer[CHECK_BYTES];
};

struct apply {
	const struct image *image;
	pid_t pid;
	const struct image_own *own;
	unsigned own_index, run_index, mapping_index;
	uint64_t pages;
	struct writes writes;
	struct checks checks;
};

/* The next stretch of one kind, in one mapping. */
struct piece {
	uint64_t start, end;
	const struct image_run *run;         /* or NULL: the process's own alone */
	const struct mapping *mapping;
	uint64_t kind;                       /* enum written_kind, where it is no run */
};

/* --- Writing and checking --------------------------------------------------------------------- */

static int writes_flush(struct apply *apply)
{
	struct writes *writes = &apply->writes;
	ssize_t n;

	if (writes->bytes == 0)
		return 0;
	n = process_vm_writev(apply->pid, writes->local, writes->local_count, writes->remote,
		writes->remote_count, 0);
	if (n != (ssize_t)writes->bytes)
		return n < 0 ? -errno : -EFAULT;
	apply->pages += writes->bytes / WRITTEN_PAGE_BYTES;
	writes->local_count = writes->remote_count = 0;
	writes->bytes = 0;
	return 0;
}

static int write_add(struct apply *apply, uint64_t address, const uint8_t *bytes, size_t size)
{
	struct writes *writes = &apply->writes;
	struct iovec *last;
	int result = 0;

	if (writes->local_count == PIECES_MAX || writes->remote_count == PIECES_MAX)
		result = writes_flush(apply);
	if (result < 0)
		return result;
	last = &writes->remote[writes->remote_count - (writes->remote_count > 0)];
	if (writes->remote_count &&
		(uint64_t)(uintptr_t)last->iov_base + last->iov_len == address)
		last->iov_len += size;
	else
		writes->remote[writes->remote_count++] =
			(struct iovec){ (void *)(uintptr_t)address, size };
	writes->local[writes->local_count++] = (struct iovec){ (void *)bytes, size };
	writes->bytes += size;
	return 0;
}

static int checks_flush(struct apply *apply)
{
	struct checks *checks = &apply->checks;
	struct iovec local = { checks->buffer, checks->bytes };
	size_t at = 0;
	ssize_t n;

	if (checks->count == 0)
		return 0;
	n = process_vm_readv(apply->pid, &local, 1, checks->remote, checks->count, 0);
	if (n != (ssize_t)checks->bytes)
		return n < 0 ? -errno : -EFAULT;
	for (unsigned i = 0; i < checks->count; at += checks->remote[i++].iov_len)
		if (memcmp(checks->buffer + at, checks->wanted[i], checks->remote[i].iov_len) != 0)
			return -ENOTSUP;
	checks->count = 0;
	checks->bytes = 0;
	return 0;
}

static int check_add(struct apply *apply, uint64_t address, const uint8_t *bytes, size_t size)
{
	struct checks *checks = &apply->checks;

	while (size > 0) {
		size_t room = CHECK_BYTES - checks->bytes, step = size < room ? size : room;

		if (step == 0 || checks->count == CHECK_PIECES_MAX) {
			int result = checks_flush(apply);

			if (result < 0)
				return result;
			continue;
		}
		checks->remote[checks->count] = (struct iovec){ (void *)(uintptr_t)address, step };
		checks->wanted[checks->count++] = bytes;
		checks->bytes += step;
		address += step;
		bytes += step;
		size -= step;
	}
	return 0;
}

static int bytes_want(
	struct apply *apply, const struct piece *piece, uint64_t address, const uint8_t *bytes,
	size_t size)
{
	return piece->mapping->protection & PROT_WRITE ? write_add(apply, address, bytes, size)
						       : check_add(apply, address, bytes, size);
}

/* --- Where the bytes come from ---------------------------------------------------------------- */

static int zeros_want(struct apply *apply, const struct piece *piece)
{
	int result = 0;

	if (piece->kind == WRITTEN_ZERO)
		return 0;
	for (uint64_t at = piece->start; result == 0 && at < piece->end;) {
		uint64_t left = piece->end - at, size = left < ZERO_BYTES ? left : ZERO_BYTES;

		result = bytes_want(apply, piece, at, zeros, size);
		at += size;
	}
	return result;
}

static int piece_want(struct apply *apply, const struct piece *piece)
{
	const struct image *image = apply->image;
	const struct mapping *mapping = piece->mapping;
	const uint8_t *bytes;

	if (piece->run)
		bytes = image->store + piece->run->offset + (piece->start - piece->run->start);
	else if (mapping->inode == 0)
		return zeros_want(apply, piece);
	else if (sealed_is_shown(image->sealed, mapping))
		bytes = image->sealed->bytes + mapping->offset + (piece->start - mapping->start);
	else
		return -ENOTSUP;
	return bytes_want(apply, piece, piece->start, bytes, piece->end - piece->start);
}

/* --- The walk --------------------------------------------------------------------------------- */

/* The image's mapping at the address; both only go up. */
static const struct mapping *mapping_at(struct apply *apply, uint64_t address)
{
	const struct image *image = apply->image;
	const struct mapping *mapping;

	while (apply->mapping_index < image->mapping_count &&
		image->mappings[apply->mapping_index].end <= address)
		apply->mapping_index++;
	if (apply->mapping_index == image->mapping_count)
		return NULL;
	mapping = &image->mappings[apply->mapping_index];
	return mapping->start <= address ? mapping : NULL;
}

/* The first of both lists from `from` on; false: neither has more. */
static bool piece_next(struct apply *apply, uint64_t from, struct piece *ret_piece)
{
	const struct image_own *own = apply->own;
	const struct image *image = apply->image;
	const struct written_range *range;
	const struct image_run *run;
	uint64_t range_start, run_start;

	while (apply->own_index < own->count && own->ranges[apply->own_index].end <= from)
		apply->own_index++;
	while (apply->run_index < image->run_count && image->runs[apply->run_index].end <= from)
		apply->run_index++;
	range = apply->own_index < own->count ? &own->ranges[apply->own_index] : NULL;
	run = apply->run_index < image->run_count ? &image->runs[apply->run_index] : NULL;
	if (!range && !run)
		return false;
	range_start = !range ? UINT64_MAX : range->start > from ? range->start : from;
	run_start = !run ? UINT64_MAX : run->start > from ? run->start : from;
	if (run_start <= range_start)
		*ret_piece = (struct piece){ .start = run_start, .end = run->end, .run = run };
	else
		*ret_piece = (struct piece){
			.start = range_start,
			.end = range->end < run_start ? range->end : run_start,
			.kind = range->kind,
		};
	return true;
}

static int pieces_want(struct apply *apply)
{
	struct piece piece = { .end = 0 };

	while (piece_next(apply, piece.end, &piece)) {
		int result;

		piece.mapping = mapping_at(apply, piece.start);
		if (!piece.mapping)
			return -ESTALE;
		if (piece.end > piece.mapping->end)
			piece.end = piece.mapping->end;
		/* Pages of the kernel's own, which no process can write. */
		if (piece.mapping->kind == MAPPING_KERNEL)
			continue;
		if (piece.mapping->is_shared)
			return -ESTALE;
		result = piece_want(apply, &piece);
		if (result < 0)
			return result;
	}
	return 0;
}

int image_apply_memory(const struct image *image, pid_t pid, struct image_own *own,
	uint64_t *ret_pages)
{
	struct apply apply;
	int result = 0;

	assert(image->mapping_count > 0);
	apply.image = image;
	apply.pid = pid;
	apply.own = own;
	apply.own_index = apply.run_index = apply.mapping_index = 0;
	apply.pages = 0;
	apply.writes.local_count = apply.writes.remote_count = 0;
	apply.writes.bytes = apply.checks.bytes = 0;
	apply.checks.count = 0;
	if (own->image != image || own->pid != pid)
		result = written_scan(pid, image->mappings[0].start,
			image->mappings[image->mapping_count - 1].end, own->ranges, own->capacity,
			&own->count);
	image_own_forget(own);
	if (result == 0)
		result = pieces_want(&apply);
	if (result == 0)
		result = writes_flush(&apply);
	if (result == 0)
		result = checks_flush(&apply);
	if (result < 0)
		return result;
	own->image = image;
	own->pid = pid;
	*ret_pages = apply.pages;
	return 0;
}

int image_apply_registers(const struct image *image, const struct tracee *tracee)
{
	return tracee_set_registers(tracee, &image->registers);
}

int image_compare_mappings(const struct image *image, pid_t pid, uint64_t channel_inode,
	struct mapping_change *changes, unsigned capacity, unsigned *ret_count)
{
	struct mapping wanted[MAPPINGS_MAX], now[MAPPINGS_MAX];
	unsigned count;
	int result = mappings_read(pid, now, MAPPINGS_MAX, &count);

	if (result < 0)
		return result;
	memcpy(wanted, image->mappings, image->mapping_count * sizeof(wanted[0]));
	for (unsigned i = 0; channel_inode && i < image->mapping_count; i++)
		if (wanted[i].is_shared && (wanted[i].protection & PROT_WRITE))
			wanted[i].inode = channel_inode;
	return mappings_compare(wanted, image->mapping_count, now, count, changes, capacity,
		ret_count);
}
