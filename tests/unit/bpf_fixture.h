// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/bpf_fixture.h: the footprints of some slots, and real processes that leave them.
 *
 * For a suite with before() and after(), as root, on a kernel that loads tracing programs: one that
 * does not skips, out loud.
 */
#pragma once

#include "bpf/footprints.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UID_FIRST 61000u
#define SLOTS 70u /* more than a page of records */

static struct footprints *footprints;

static inline void before(void)
{
	struct error error;

	if (footprints_open(&footprints, SLOTS, UID_FIRST, &error) < 0)
		cr_skip_test("%s", error.sentence);
}

static inline void after(void)
{
	footprints_close(footprints);
}

/* A child that takes the slot's uid and then does what `act` does; its wait status. */
static inline int act_as(unsigned slot, void (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct timespec moment = { .tv_nsec = 1 };

		if (setresuid(UID_FIRST + slot, UID_FIRST + slot, UID_FIRST + slot))
			_exit(99);
		/* As a worker does: it is its slot's from when it comes to the CPU. */
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
		act();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static inline struct footprint record_of(unsigned slot, void (*act)(void))
{
	struct footprint *footprint = footprints_slot(footprints, slot);

	footprint_arm(footprint, 0, 0);
	cr_expect_eq(act_as(slot, act), 0);
	return footprint_read(footprint);
}
