// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/event.h: what the kernel's programs and the daemon share.
 *
 * Included by both sides, so it holds types of fixed size alone; tests/unit/bpf_footprints.c
 * compares each offset with the BTF of the object that was built from it.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define FOOTPRINT_VERSION 2
#define FOOTPRINT_CALLS 512 /* bits: a number's own, or the last one for those that have none */

/*
 * Above the kernel's numbers: uses of a call that leave less than its worst (bpf/uses.h tells by
 * the arguments). Such a use is recorded here, every other one under the call's own number. A
 * number that a program asks for from here on has no bit of its own.
 */
#define FOOTPRINT_USES 480
enum footprint_use {
	USE_OPEN_READING = FOOTPRINT_USES,
	USE_OPEN_WRITING,
	USE_MMAP_PLAIN,
	USE_MPROTECT_PLAIN,
	USE_MREMAP_PLAIN,
	USE_MADVISE_PAGES,
	USE_PRLIMIT_ASKING,
	USE_SIGACTION_ASKING,
	USE_SIGPROCMASK_ASKING,
	USE_SIGALTSTACK_ASKING,
	USE_IOCTL_ASKING,
	USE_IOCTL_FLAGS,
	USE_FCNTL_ASKING,
	USE_FCNTL_FLAGS,        /* and another number for the same file */
	USE_ARCH_PRCTL_SEGMENT,
	FOOTPRINT_USES_END,
};

enum footprint_state {
	FOOTPRINT_OFF,   /* nobody runs here: nothing is recorded */
	FOOTPRINT_ARMED, /* the worker is about to run code: FOOTPRINT_MARK begins the record */
	FOOTPRINT_ON,
};

/*
 * The system call by which a worker says that what follows is the program's. getppid(): it takes
 * nothing, changes nothing, and nobody needs it on the way there.
 */
#define FOOTPRINT_MARK 110

enum footprint_excess { FOOTPRINT_WITHIN, FOOTPRINT_CALLS_EXCEEDED, FOOTPRINT_CPU_EXCEEDED };

/* What some child had together with the worker, so that what it did was done to both. */
enum footprint_shared {
	FOOTPRINT_SHARED_MEMORY = 1, /* vfork() */
	FOOTPRINT_SHARED_MORE = 2,   /* descriptors, working directory or signal dispositions */
};

/*
 * One a slot, in an array that the daemon maps. While a record is not OFF the kernel writes it and
 * the daemon only reads; while it is OFF only the daemon writes. Each word is whole at any time,
 * the words together are exact once all of the cell's processes sleep or are dead.
 */
struct footprint {
	/* What was done since the record was armed. */
	__u64 worker_call_set[FOOTPRINT_CALLS / 64]; /* a bit for each number and use */
	__u64 others_call_set[FOOTPRINT_CALLS / 64]; /* its children, and theirs */
	__u64 calls;
	__u64 forks;     /* processes */
	__u64 threads;
	__u64 execs;
	__u64 ends;      /* processes */
	__u64 faults;    /* page faults, minor and major, those on behalf of the kernel as well */
	__u64 cpu_nsec;  /* up to the moment at which the last one left the CPU */
	__u64 switches;  /* off the CPU */
	/* What may be done, and whether it was more. */
	__u64 calls_max; /* 0: as many as it likes */
	__u64 cpu_nsec_max;
	__u32 state;     /* enum footprint_state */
	__u32 excess;    /* enum footprint_excess; the first counts */
	__u32 worker;    /* the process that made FOOTPRINT_MARK, as the host counts */
	__u32 unused;
	__u64 shared;    /* bits of enum footprint_shared */
	__u64 unused_too[3];
};
