// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/posture.h: what a process is besides its memory and its registers, as far as it can be
 * told from outside, without a call made in its name.
 *
 * Not told by any file of /proc, and so only by calls injected into the process, or by knowing that
 * it never made the calls that change it:
 *	handlers, flags and masks of caught signals (only which signals are caught is told);
 *	the program break within its page; setitimer and alarm; the alternate signal stack;
 *	dumpable, parent-death signal and the rest of prctl(2); registered membarriers;
 *	positions and locks of open files.
 */
#pragma once

#include "snapshot/tracee.h"

#include <stdint.h>

#define POSTURE_DESCRIPTORS_MAX 64u
#define POSTURE_LIMITS 16u /* RLIM_NLIMITS of Linux */

struct posture_file {
	uint64_t device, inode;
};

struct posture_descriptor {
	uint64_t number, flags; /* O_*, close-on-exec among them */
	struct posture_file file;
};

/* Of 64-bit words alone, so that it has no gaps and can be compared and hashed as bytes. */
struct posture {
	uint64_t pending, ignored, caught; /* sets of signals; the mask is with the registers */
	uint64_t umask;
	struct posture_file directory, root;
	uint64_t limits[POSTURE_LIMITS][2];  /* soft, hard; UINT64_MAX: none */
	uint64_t timers;                     /* timer_create(2), how many */
	uint64_t timer_slack_nsec;
	uint64_t uids[4], gids[4];           /* real, effective, saved, of files */
	uint64_t capabilities[5];            /* inheritable to ambient, as /proc has them */
	uint64_t security[3];                /* no_new_privs, seccomp's mode and filters */
	uint64_t locked_bytes;               /* mlock(2) */
	uint64_t threads;
	uint64_t groups[2];                  /* process group, session */
	uint64_t scheduling[3];              /* nice, policy, realtime priority */
	uint64_t cpus[16];                   /* may run on */
	uint64_t namespaces[8];              /* inodes */
	uint64_t personality, oom_score_adj;
	uint64_t layout[10];                 /* where code, data, break, arguments are */
	uint64_t robust_list, rseq;          /* addresses that the kernel writes to */
	uint64_t name[2];                    /* PR_SET_NAME */
	uint64_t descriptor_count;
	struct posture_descriptor descriptors[POSTURE_DESCRIPTORS_MAX];
};

/*
 * Reads the posture of a stopped process. 0, -E2BIG (more descriptors than that), -ESRCH (it is
 * gone), -EPROTO (/proc said something unexpected) or another negative errno.
 */
int posture_read(const struct tracee *tracee, struct posture *ret_posture);

/* The name of the first thing that differs, a static string; NULL: nothing does. */
const char *posture_compare(const struct posture *wanted, const struct posture *now);
