// SPDX-License-Identifier: Apache-2.0
/*
 * base/clock.c: readings of the kernel's clocks.
 */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

static uint64_t clock_nsec(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_nsec(void)
{
	return clock_nsec(CLOCK_MONOTONIC);
}

void clock_wait_until(uint64_t due_nsec)
{
	struct timespec due = { .tv_sec = (time_t)(due_nsec / NSEC_PER_SEC),
		.tv_nsec = (long)(due_nsec % NSEC_PER_SEC) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

uint64_t clock_process_cpu_nsec(int pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0)
		return 0;
	return clock_nsec(clock);
}
