// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/repair.c: the calls of each kind of repair, and the questions for the image.
 *
 * Where a call needs memory (a path, a disposition, room for an answer) it lies in the errand's
 * data, which has one layout for questions and repairs.
 */
#include "snapshot/repair.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNALS 64u
#define SIGNAL_SET_BYTES 8u

struct data {
	struct image_action actions[SIGNALS]; /* of signal 1 and following */
	struct image_stack stack;
	uint64_t pending;
	struct stat status[REPAIR_DESCRIPTORS];
	struct flock unlocked;
	struct itimerval off;
	uint64_t limits[POSTURE_LIMITS][2];
	char null_path[16], directory[16];
};

static_assert(sizeof(struct data) <= ERRAND_DATA_BYTES, "data of an errand");
static_assert(sizeof(struct image_action) == 32, "struct kernel_sigaction of x86-64");
static_assert(sizeof(struct image_stack) == sizeof(stack_t), "sigaltstack(2)");

static struct data *data_of(const struct errand *errand)
{
	return (struct data *)errand->shared;
}

static uint64_t at(const struct errand *errand, size_t offset)
{
	return errand->address + offset;
}

#define AT(member) at(errand, offsetof(struct data, member))
#define CALL(number, ...) (&(const struct restorer_call){ SYS_##number, { __VA_ARGS__ }, -ENOSYS })

static bool has_disposition(unsigned signal)
{
	return signal != SIGKILL && signal != SIGSTOP;
}

/* --- Questions -------------------------------------------------------------------------------- */

void repair_ask(struct errand *errand)
{
	for (unsigned signal = 1; signal <= SIGNALS; signal++)
		if (has_disposition(signal))
			errand_add(errand,
				CALL(rt_sigaction, signal, 0, AT(actions[signal - 1]),
					SIGNAL_SET_BYTES));
	errand_add(errand, CALL(sigaltstack, 0, AT(stack)));
	errand_add_any(errand, CALL(brk, 0));
}

void repair_learn(const struct errand *errand, struct image *image)
{
	const struct restorer_call *calls =
		(const struct restorer_call *)(errand->shared + ERRAND_DATA_BYTES);
	const struct data *data = data_of(errand);

	memcpy(image->actions, data->actions, sizeof(image->actions));
	image->signal_stack = data->stack;
	image->heap_end = (uint64_t)calls[errand->count - 1].result;
	image->has_learnt = true;
}

/* --- Repairs ---------------------------------------------------------------------------------- */

static void mappings_plan(
	struct errand *errand, const struct image *image, const struct repair_needs *needs)
{
	errand_add_exact(errand, CALL(brk, image->heap_end), (int64_t)image->heap_end);
	for (unsigned i = 0; i < needs->change_count; i++) {
		const struct mapping_change *change = &needs->changes[i];
		uint64_t start = change->start, size = change->end - start;
		uint64_t protection = change->protection;

		if (change->kind == MAPPING_UNMAP)
			errand_add(errand, CALL(munmap, start, size));
		else if (change->kind == MAPPING_PROTECT)
			errand_add(errand, CALL(mprotect, start, size, protection));
		else if (change->kind == MAPPING_ANONYMOUS)
			errand_add_any(errand, CALL(mmap, start, size, protection,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0));
	}
}

/*
 * What the image has there is written anew in any case, and where there is no more room for calls
 * the rest as well.
 */
static void pages_plan(struct errand *errand, const struct image *image)
{
	for (unsigned i = 0; i < image->mapping_count && errand_has_room(errand, 2); i++) {
		const struct mapping *mapping = &image->mappings[i];

		if (mapping_is_private(mapping) && mapping->protection & PROT_WRITE)
			errand_add(errand, CALL(madvise, mapping->start,
				mapping->end - mapping->start, MADV_DONTNEED));
	}
}

static uint64_t flags_of(const struct image *image, unsigned fd)
{
	for (unsigned i = 0; i < image->posture.descriptor_count; i++)
		if (image->posture.descriptors[i].number == fd)
			return image->posture.descriptors[i].flags;
	return 0;
}

/* A file that stays: what fcntl(2) and flock(2) can have set on it. */
static void descriptor_plan(struct errand *errand, const struct image *image, unsigned fd)
{
	uint64_t flags = flags_of(image, fd);

	errand_add(errand, CALL(fcntl, fd, F_SETFD, flags & O_CLOEXEC ? FD_CLOEXEC : 0));
	errand_add(errand, CALL(fcntl, fd, F_SETFL, flags & ~(uint64_t)O_CLOEXEC));
	errand_add(errand, CALL(fcntl, fd, F_SETOWN, 0));
	errand_add(errand, CALL(fcntl, fd, F_SETSIG, 0));
	errand_add(errand, CALL(fcntl, fd, F_SETLK, AT(unlocked)));
	errand_add(errand, CALL(fcntl, fd, F_OFD_SETLK, AT(unlocked)));
	errand_add(errand, CALL(flock, fd, LOCK_UN));
	errand_add(errand, CALL(fstat, fd, AT(status[fd])));
}

static void descriptors_plan(struct errand *errand, const struct image *image)
{
	struct data *data = data_of(errand);

	data->unlocked = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET };
	snprintf(data->null_path, sizeof(data->null_path), "/dev/null");
	errand_add(errand, CALL(close_range, REPAIR_DESCRIPTORS, ~0u, 0));
	/* The lowest that is free is the new one. */
	errand_add(errand, CALL(close_range, 0, 0, 0));
	errand_add(errand, CALL(openat, (uint64_t)AT_FDCWD, AT(null_path), flags_of(image, 0)));
	for (unsigned fd = 1; fd < REPAIR_DESCRIPTORS; fd++)
		descriptor_plan(errand, image, fd);
}

static void signals_plan(struct errand *errand, const struct image *image)
{
	struct data *data = data_of(errand);

	memcpy(data->actions, image->actions, sizeof(data->actions));
	data->stack = image->signal_stack;
	for (unsigned signal = 1; signal <= SIGNALS; signal++)
		if (has_disposition(signal))
			errand_add(errand,
				CALL(rt_sigaction, signal, AT(actions[signal - 1]), 0,
					SIGNAL_SET_BYTES));
	errand_add(errand, CALL(sigaltstack, AT(stack), 0));
}

static void place_plan(struct errand *errand, const struct image *image)
{
	struct data *data = data_of(errand);

	snprintf(data->directory, sizeof(data->directory), "/workspace");
	errand_add(errand, CALL(chdir, AT(directory)));
	errand_add_any(errand, CALL(umask, image->posture.umask));
}

static void timers_plan(struct errand *errand)
{
	data_of(errand)->off = (struct itimerval){ .it_interval = { 0, 0 } };
	errand_add(errand, CALL(setitimer, ITIMER_REAL, AT(off), 0));
	errand_add(errand, CALL(setitimer, ITIMER_VIRTUAL, AT(off), 0));
	errand_add(errand, CALL(setitimer, ITIMER_PROF, AT(off), 0));
}

static void limits_plan(struct errand *errand, const struct repair_needs *needs)
{
	memcpy(data_of(errand)->limits, needs->limits, sizeof(needs->limits));
	for (unsigned i = 0; i < POSTURE_LIMITS; i++)
		errand_add(errand, CALL(prlimit64, 0, i, AT(limits[i]), 0));
}

/* The last one finds that there is no child any more. */
static void children_plan(struct errand *errand, unsigned children)
{
	for (unsigned i = 0; i < children; i++)
		errand_add_any(errand, CALL(wait4, (uint64_t)-1, 0, __WALL, 0));
	errand_add_exact(errand, CALL(wait4, (uint64_t)-1, 0, __WALL, 0), -ECHILD);
}

void repair_plan(
	struct errand *errand, const struct image *image, const struct repair_needs *needs)
{
	uint32_t leaves = needs->leaves;

	assert(image->has_learnt);
	/* Before signals: the last of them says that it ended. */
	if (leaves & LEAVES_PROCESSES)
		children_plan(errand, needs->children);
	if (leaves & LEAVES_TIMERS)
		timers_plan(errand);
	/* Before what needs descriptors or memory. */
	if (leaves & LEAVES_LIMITS)
		limits_plan(errand, needs);
	if (leaves & LEAVES_PLACE)
		place_plan(errand, image);
	if (leaves & LEAVES_DESCRIPTORS)
		descriptors_plan(errand, image);
	if (leaves & LEAVES_SIGNALS)
		signals_plan(errand, image);
	if (leaves & LEAVES_MEMORY || needs->change_count)
		mappings_plan(errand, image, needs);
	if (needs->gives_pages_back)
		pages_plan(errand, image);
	/* All are blocked: whatever is under way is pending. */
	errand_add(errand, CALL(rt_sigpending, AT(pending), SIGNAL_SET_BYTES));
}

int repair_check(const struct errand *errand, uint32_t leaves, const struct repair_files *files)
{
	const struct data *data = data_of(errand);

	if (data->pending)
		return -ENOTSUP;
	for (unsigned fd = 1; leaves & LEAVES_DESCRIPTORS && fd < REPAIR_DESCRIPTORS; fd++)
		if (data->status[fd].st_ino != files->inodes[fd])
			return -ENOTSUP;
	return 0;
}
