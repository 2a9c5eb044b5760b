// SPDX-License-Identifier: Apache-2.0
// sources: tests/newborn/newborn.c
/*
 * tests/unit/runtime_python_generators.c: twins draw different numbers, from the seed that they are
 * given, and a generator that was written from outside still is one.
 */
#include "tests/newborn/newborn.h"
#include "tests/newborn/python.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int warm_with_numpy(const char *imports, struct error *error)
{
	(void)imports;
	return python_warm("random, numpy", error);
}

/* Becomes a template that has numpy. */
static void numpy_warm(void)
{
	static struct runtime with_numpy;

	with_numpy = python;
	with_numpy.warm = warm_with_numpy;
	newborn_warm(&with_numpy);
}

Test(generators, of_random_are_seeded_from_the_job, .timeout = 20)
{
	static const char code[] = "import random, uuid, tempfile, secrets\n"
		"print(random.random(), random.gauss(0, 1))\n";
	struct runtime_job jobs[] = { job_of(code), job_of(code) };
	static char first[256];

	newborn_warm(&python);
	jobs[1].seed[3] = 5;
	run_job(jobs[0]);
	snprintf(first, sizeof(first), "%s", text(OUTPUT_STDOUT));
	run_job(jobs[0]);
	cr_expect_str_eq(text(OUTPUT_STDOUT), first);
	run_job(jobs[1]);
	cr_expect_str_neq(text(OUTPUT_STDOUT), first);

	/* Newborn twins without a seed: forking alone has parted them. */
	memset(jobs[0].seed, 0, sizeof(jobs[0].seed));
	run_job(jobs[0]);
	snprintf(first, sizeof(first), "%s", text(OUTPUT_STDOUT));
	run_job(jobs[0]);
	cr_expect_str_neq(text(OUTPUT_STDOUT), first);
}

/* The kept state is numpy's own word for it; the mean of many is a half. */
#define DRAW                                                                                      \
	"import numpy as np\nkept = np.random.get_state()\nassert kept[3] == 0, kept[3]\n"      \
	"drawn = np.random.random(100000)\nassert abs(drawn.mean() - .5) < .01, drawn.mean()\n" \
	"other = np.random.RandomState()\nother.set_state(kept)\n"                              \
	"assert (other.random(100000) == drawn).all()\nprint(drawn[:4], np.random.normal())\n"

Test(generators, of_numpy_are_seeded_from_the_job, .timeout = 30)
{
	struct runtime_job jobs[] = { job_of(DRAW), job_of(DRAW) };
	static char first[256];

	numpy_warm();
	jobs[1].seed[3] = 5;
	run_job(jobs[0]);
	cr_expect_str_empty(text(OUTPUT_STDERR), "%s", text(OUTPUT_STDERR));
	snprintf(first, sizeof(first), "%s", text(OUTPUT_STDOUT));
	cr_expect_str_not_empty(first);
	run_job(jobs[0]);
	cr_expect_str_eq(text(OUTPUT_STDOUT), first);
	run_job(jobs[1]);
	cr_expect_str_neq(text(OUTPUT_STDOUT), first);
	cr_expect_str_not_empty(text(OUTPUT_STDOUT));
}

/* One of a session's may have left half of a pair of normal numbers. */
Test(generators, of_a_program_that_lived_on_are_made_anew_whole, .timeout = 30)
{
	static const char code[] = "import numpy as np, random\n"
		"print(np.random.get_state()[3], np.random.normal(), random.gauss(0, 1))\n";
	struct runtime_job jobs[] = { job_of(code), job_of(code) };
	char first[128] = "", second[128] = "";

	jobs[0].session = jobs[1].session = true;
	numpy_warm();
	run_jobs(jobs, 2, "");
	cr_expect_str_empty(text(OUTPUT_STDERR), "%s", text(OUTPUT_STDERR));
	cr_assert_eq(sscanf(text(OUTPUT_STDOUT), "0 %99[^\n]\n0 %99[^\n]", first, second), 2, "%s",
		text(OUTPUT_STDOUT));
	/* numpy's way to use the seed is another than ours; random's is the same. */
	cr_expect_str_eq(strchr(first, ' '), strchr(second, ' '));
}
