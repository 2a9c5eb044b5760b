// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/image.h: an image: all that a worker at its safe point is, so that it can be made so
 * again.
 *
 * An image is a mapping table, the pages that differ from the template's sealed memory, a register
 * set, and the posture. It is captured from a process that is held still, and is constant from
 * then on. Applying it to a process whose mapping table equals its own makes that process's private
 * memory the image's, byte for byte, and then its registers.
 *
 * The memory of shared mappings is not part of it: what the daemon shares with a worker (the
 * channel) the daemon itself makes as it wants it.
 *
 * Everything in the process is hostile. Nothing here trusts it, but nothing here stops a second
 * thread either: a process with more than one is refused at the capture, and before an apply it is
 * the caller who must know that there is one (tracee_count_threads), and that no other process
 * shares the memory (no child of vfork lives).
 */
#pragma once

#include "base/error.h"
#include "snapshot/mappings.h"
#include "snapshot/posture.h"
#include "snapshot/sealed.h"
#include "snapshot/tracee.h"
#include "snapshot/written.h"

#include <stddef.h>

#define IMAGE_RUNS_MAX WRITTEN_RANGES_MAX

/* Pages side by side, within one mapping, that the image holds itself. */
struct image_run {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* in the store */
};

/* As the kernel takes and tells a disposition (rt_sigaction(2)) and an alternate stack. */
struct image_action {
	uint64_t handler, flags, restorer, blocked;
};

struct image_stack {
	uint64_t start, flags, bytes;
};

struct image {
	struct mapping *mappings;
	unsigned mapping_count;
	struct image_run *runs;      /* in order of address */
	unsigned run_count;
	int store_fd;                /* a memfd, sealed against every change */
	const uint8_t *store;
	size_t store_bytes;
	const struct sealed *sealed; /* the caller's, or NULL; outlives the image */
	struct tracee_registers registers;
	struct posture posture;
	uint64_t restorer;           /* where its page is (ring/restorer.h); 0: there is none */
	/* What only the process itself could tell (snapshot/repair.h), where it was asked. */
	bool has_learnt;
	struct image_action actions[64];
	struct image_stack signal_stack;
	uint64_t heap_end;           /* the break, to the byte */
};

/*
 * Captures a stopped process. `sealed` is its template's memory, or NULL: then all memory that it
 * could write is copied. 0, or a negative errno with the sentence: -ENOTSUP (more than one thread,
 * a wait that cannot be repeated, a signal on its way, memory that cannot be read), -E2BIG (more
 * mappings, runs or pages than an image has), -ESRCH.
 */
int image_capture(struct image **ret_image, const struct tracee *tracee,
	const struct sealed *sealed, struct error *error);

/* Where the process has the memory that it shares with the daemon; 0: nowhere. */
uint64_t image_channel_address(const struct image *image);

/* NULL is accepted. */
void image_free(struct image *image);

/*
 * The changes that make the process's mapping table the image's, as mappings_compare() tells them.
 * `channel_inode` is the file of the one shared mapping that each worker can write, or 0: the
 * image's.
 */
int image_compare_mappings(const struct image *image, pid_t pid, uint64_t channel_inode,
	struct mapping_change *changes, unsigned capacity, unsigned *ret_count);

/*
 * The pages that a process has of its own, of which it takes no copy when it writes them again.
 * Known after an apply and as long as nothing could have added to them, for that image alone: its
 * own pages, which the apply wrote, are not listed here.
 */
struct image_own {
	struct written_range *ranges; /* the caller's, `capacity` of them */
	unsigned capacity, count;
	const struct image *image;    /* which was applied last; NULL: nothing is known */
	pid_t pid;                    /* to which process */
};

static inline void image_own_forget(struct image_own *own)
{
	own->image = NULL;
}

/*
 * Makes the private memory of a stopped process the image's: every page that is its own, or the
 * image's own, gets the image's bytes. Pages that it cannot write it compares.
 *
 * `own` is filled by a scan unless it is known for this image and this process. Forget it before,
 * unless since the last apply no task took a page fault for this memory (neither in user mode nor
 * in the kernel, nor by way of /proc/PID/mem or a child that shares it), and no call changed the
 * address space (mmap, munmap, mremap, mprotect, madvise, brk, userfaultfd): then no page can have
 * become its own, and each that was written is among those that are.
 *
 * 0; -ESTALE: it has pages where the image has no mapping, so the tables differ; -ENOTSUP: a page
 * differs that cannot be restored (not writable, or of a file that is not the template's); -EFAULT:
 * a page could not be reached; -E2BIG, -ESRCH, or what written_scan() fails with. After every
 * failure the memory is partly written, `own` is forgotten, and the process must be ended.
 */
int image_apply_memory(const struct image *image, pid_t pid, struct image_own *own,
	uint64_t *ret_pages);

/*
 * Sets the registers and the mask of signals; when the process goes on it repeats the call that it
 * was captured in.
 */
int image_apply_registers(const struct image *image, const struct tracee *tracee);
