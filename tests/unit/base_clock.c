// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_clock.c: time goes forward, and a process is charged for what it computes.
 */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

Test(clock, never_goes_back)
{
	uint64_t last = clock_now_nsec();

	cr_assert(last > 0);
	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_now_nsec();

		cr_assert(now >= last);
		last = now;
	}
}

Test(clock, is_waited_for_until_a_moment_and_not_for_one_that_is_past)
{
	uint64_t begin = clock_now_nsec();

	clock_wait_until(begin + 3 * NSEC_PER_MSEC);
	cr_expect(clock_now_nsec() >= begin + 3 * NSEC_PER_MSEC);
	clock_wait_until(begin);
	clock_wait_until(0);
}

Test(clock, charges_a_process_for_what_it_computes)
{
	uint64_t used = clock_process_cpu_nsec(getpid());

	cr_assert(used > 0);
	while (clock_process_cpu_nsec(getpid()) < used + 2 * NSEC_PER_MSEC)
		;
	cr_expect(clock_process_cpu_nsec(getpid()) <= clock_now_nsec());
}

Test(clock, knows_nothing_of_a_process_that_is_gone)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	cr_assert(waitpid(child, NULL, 0) == child);
	cr_expect_eq(clock_process_cpu_nsec(child), 0);
}
