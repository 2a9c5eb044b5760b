// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_fault.c: a point fails when the plan says so, and never in a release build.
 */
#include "base/fault.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#ifdef CORRAL_FAULTS

/* Each test is a process of its own: the plan is read once, at the first point. */
static void plan(const char *text)
{
	setenv("CORRAL_FAULT", text, 1);
}

Test(fault, fails_the_nth_pass_of_its_point_alone)
{
	plan("mkdir:3");
	for (int pass = 1; pass <= 6; pass++) {
		cr_expect_not(fault("open"));
		cr_expect_eq(fault("mkdir"), pass == 3, "pass %d", pass);
	}
}

Test(fault, fails_from_the_nth_pass_on)
{
	plan("mkdir:3+");
	for (int pass = 1; pass <= 6; pass++)
		cr_expect_eq(fault("mkdir"), pass >= 3, "pass %d", pass);
}

Test(fault, fails_the_nth_pass_of_any_point)
{
	plan("*:3");
	cr_expect_not(fault("mkdir"));
	cr_expect_not(fault("open"));
	cr_expect(fault("mkdir"));
	cr_expect_not(fault("open"));
	cr_expect_eq(fault_passes(), 4);
}

Test(fault, kills_at_the_nth_pass, .signal = SIGKILL)
{
	plan("!mkdir:2");
	if (fault("open") || fault("mkdir"))
		abort();
	fault("mkdir");
	abort();
}

Test(fault, kills_at_the_nth_pass_of_any_point, .signal = SIGKILL)
{
	plan("!*:2");
	if (fault("open"))
		abort();
	fault("mkdir");
	abort();
}

Test(fault, fails_by_chance_about_as_often_as_asked)
{
	int failed = 0;

	plan("%10:42");
	for (int pass = 0; pass < 10000; pass++)
		failed += fault("any");
	cr_expect(failed > 800 && failed < 1200, "%d of 10000 at 10 %%", failed);
}

Test(fault, fails_by_chance_behind_so_many_passes)
{
	int failed = 0;

	plan("%50:42+1000");
	for (int pass = 0; pass < 1000; pass++)
		cr_expect_not(fault("any"));
	for (int pass = 0; pass < 1000; pass++)
		failed += fault("any");
	cr_expect(failed > 400 && failed < 600, "%d of 1000 at 50 %%", failed);
}

Test(fault, fails_nothing_without_a_plan)
{
	unsetenv("CORRAL_FAULT");
	cr_expect_not(fault("mkdir"));
}

Test(fault, ignores_a_plan_that_makes_no_sense)
{
	plan("mkdir");
	cr_expect_not(fault("mkdir"));
}

#else

Test(fault, is_compiled_out_of_a_release)
{
	setenv("CORRAL_FAULT", "mkdir:1+", 1);
	cr_expect_not(fault("mkdir"));
}

#endif
