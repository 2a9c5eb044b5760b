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

#define FOOTPRINT_VERSION 1
#define FOOTPRINT_CALLS 512 /* system call numbers that have a bit of their own; others: the last */

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
	__u64 worker_call_set[FOOTPRINT_CALLS / 64]; /* a bit for each number that it called */
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
