// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/image.c: captures an image.
 *
 * First all that is to be copied is planned, as runs; then it is copied once, into a memfd by
 * pwrite (which costs half of what faulting its pages in would), and the memfd is sealed.
 *
 * What a worker has not written since it was forked is in its template's sealed memory, and is not
 * copied. Writable mappings of any other file are copied whole: their unwritten pages can be
 * written later, and then nobody here could say what they held.
 */
#include "snapshot/image.h"

#include "base/own.h"
#include "ring/restorer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define COPY_BYTES (256u * 1024u)
#define STORE_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* --- What to copy ----------------------------------------------------------------------------- */

static int run_add(struct image *image, uint64_t start, uint64_t end)
{
	struct image_run *last = image->run_count ? &image->runs[image->run_count - 1] : NULL;

	if (image->store_bytes + (end - start) > (uint64_t)WRITTEN_PAGES_MAX * WRITTEN_PAGE_BYTES ||
		image->run_count == IMAGE_RUNS_MAX)
		return -E2BIG;
	assert(!last || last->end <= start);
	image->runs[image->run_count++] = (struct image_run){
		.start = start, .end = end, .offset = image->store_bytes,
	};
	image->store_bytes += end - start;
	return 0;
}

static bool is_copied_whole(const struct image *image, const struct mapping *mapping)
{
	return mapping->inode && (mapping->protection & PROT_WRITE) &&
	       !sealed_is_shown(image->sealed, mapping);
}

/* The part of a range that lies in the mapping. */
static int range_plan(struct image *image, const struct mapping *mapping,
	const struct written_range *range)
{
	uint64_t start = range->start > mapping->start ? range->start : mapping->start;
	uint64_t end = range->end < mapping->end ? range->end : mapping->end;

	if (range->kind == WRITTEN_ZERO && !mapping->inode)
		return 0;
	return mapping->protection & PROT_READ ? run_add(image, start, end) : -ENOTSUP;
}

static int runs_plan(struct image *image, const struct written_range *ranges, unsigned count)
{
	unsigned next = 0;
	int result = 0;

	for (unsigned i = 0; result == 0 && i < image->mapping_count; i++) {
		const struct mapping *mapping = &image->mappings[i];

		while (next < count && ranges[next].end <= mapping->start)
			next++;
		if (!mapping_is_private(mapping))
			continue;
		if (is_copied_whole(image, mapping)) {
			result = run_add(image, mapping->start, mapping->end);
			continue;
		}
		for (unsigned j = next; result == 0 && j < count; j++) {
			if (ranges[j].start >= mapping->end)
				break;
			result = range_plan(image, mapping, &ranges[j]);
		}
	}
	return result;
}

static int own_pages_plan(struct image *image, pid_t pid)
{
	AUTO_FREE struct written_range *ranges = calloc(WRITTEN_RANGES_MAX, sizeof(*ranges));
	unsigned count;
	int result = -ENOMEM;

	if (ranges)
		result = written_scan(pid, image->mappings[0].start,
			image->mappings[image->mapping_count - 1].end, ranges, WRITTEN_RANGES_MAX,
			&count);
	return result == 0 ? runs_plan(image, ranges, count) : result;
}

/* --- The copy --------------------------------------------------------------------------------- */

static int run_copy(const struct image *image, const struct image_run *run, pid_t pid, void *buffer)
{
	size_t size = run->end - run->start;

	for (size_t done = 0; done < size;) {
		size_t step = size - done < COPY_BYTES ? size - done : COPY_BYTES;
		struct iovec local = { buffer, step };
		struct iovec remote = { (void *)(uintptr_t)(run->start + done), step };
		ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

		if (n != (ssize_t)step)
			return n < 0 ? -errno : -EFAULT;
		n = pwrite(image->store_fd, buffer, step, (off_t)(run->offset + done));
		if (n != (ssize_t)step)
			return n < 0 ? -errno : -EIO;
		done += step;
	}
	return 0;
}

static int store_fill(struct image *image, pid_t pid)
{
	AUTO_FREE uint8_t *buffer = malloc(COPY_BYTES);
	void *store;

	image->store_fd = memfd_create("corral-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (image->store_fd < 0)
		return -errno;
	if (!buffer)
		return -ENOMEM;
	if (ftruncate(image->store_fd, (off_t)image->store_bytes) < 0)
		return -errno;
	for (unsigned i = 0; i < image->run_count; i++) {
		int result = run_copy(image, &image->runs[i], pid, buffer);

		if (result < 0)
			return result;
	}
	if (fcntl(image->store_fd, F_ADD_SEALS, STORE_SEALS) < 0)
		return -errno;
	if (image->store_bytes == 0)
		return 0;
	store = mmap(NULL, image->store_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE,
		image->store_fd, 0);
	if (store == MAP_FAILED)
		return -errno;
	image->store = store;
	return 0;
}

/* --- The whole -------------------------------------------------------------------------------- */

/* Whether there is a moment to capture: everything about it is where we can read it. */
static int rest_check(const struct image *image, const struct tracee *tracee, struct error *error)
{
	int threads = tracee_count_threads(tracee);

	if (threads < 0)
		return error_set(error, threads, "cannot capture process %d: %s", tracee->pid,
			error_text(threads));
	if (threads != 1)
		return error_set(error, -ENOTSUP,
			"cannot capture process %d: it has %d threads", tracee->pid, threads);
	if (tracee->stop != TRACEE_INTERRUPTED)
		return error_set(error, -ENOTSUP,
			"cannot capture process %d: signal %d is on its way", tracee->pid,
			tracee->signal);
	if (!tracee_can_repeat(&image->registers.general))
		return error_set(error, -ENOTSUP,
			"cannot capture process %d: it waits with a time-out that only the kernel"
			" knows", tracee->pid);
	return 0;
}

static int mappings_take(struct image *image, pid_t pid)
{
	image->mappings = calloc(MAPPINGS_MAX, sizeof(image->mappings[0]));
	image->runs = calloc(IMAGE_RUNS_MAX, sizeof(image->runs[0]));
	if (!image->mappings || !image->runs)
		return -ENOMEM;
	return mappings_read(pid, image->mappings, MAPPINGS_MAX, &image->mapping_count);
}

/* The one that nobody can have made but us; else repairs are not possible, and all else is. */
static uint64_t restorer_find(const struct image *image, pid_t pid)
{
	for (unsigned i = 0; i < image->mapping_count; i++) {
		const struct mapping *mapping = &image->mappings[i];

		if (!mapping->is_shared || mapping->protection != (PROT_READ | PROT_EXEC))
			continue;

		AUTO_FD fd = mapping_file_open(pid, mapping);

		if (fd >= 0 && restorer_is_file(fd))
			return mapping->start;
	}
	return 0;
}

int image_capture(struct image **ret_image, const struct tracee *tracee,
	const struct sealed *sealed, struct error *error)
{
	struct image *image = aligned_alloc(64, (sizeof(*image) + 63) / 64 * 64);
	const char *what = "registers";
	int result;

	if (!image)
		return error_set(error, -ENOMEM, "cannot capture process %d: no memory",
			tracee->pid);
	*image = (struct image){ .store_fd = -1, .sealed = sealed };
	result = tracee_get_registers(tracee, &image->registers);
	if (result == 0) {
		result = rest_check(image, tracee, error);
		if (result < 0)
			goto fail;
		what = "posture";
		result = posture_read(tracee, &image->posture);
	}
	if (result == 0) {
		what = "mapping table";
		result = mappings_take(image, tracee->pid);
	}
	if (result == 0) {
		what = "memory";
		result = own_pages_plan(image, tracee->pid);
	}
	if (result == 0)
		result = store_fill(image, tracee->pid);
	if (result == 0) {
		image->restorer = restorer_find(image, tracee->pid);
		*ret_image = image;
		return 0;
	}
	error_set(error, result, "cannot capture the %s of process %d: %s", what, tracee->pid,
		error_text(result));
fail:
	image_free(image);
	return result;
}

uint64_t image_channel_address(const struct image *image)
{
	for (unsigned i = 0; i < image->mapping_count; i++)
		if (image->mappings[i].is_shared && (image->mappings[i].protection & PROT_WRITE))
			return image->mappings[i].start;
	return 0;
}

void image_free(struct image *image)
{
	if (!image)
		return;
	if (image->store)
		munmap((void *)image->store, image->store_bytes);
	fd_close(&image->store_fd);
	free(image->runs);
	free(image->mappings);
	free(image);
}
