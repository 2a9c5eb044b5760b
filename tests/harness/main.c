// SPDX-License-Identifier: Apache-2.0
/*
 * tests/harness/main.c: the main() of every unit test program: Criterion, with leaks as failures.
 *
 * Each test runs in a process of its own, counted before and after: open descriptors, children,
 * and under AddressSanitizer the heap. The whole program is counted too: mounts of the host, and
 * control groups that a test's daemon left. The last line is "N passed, M failed".
 *
 * Criterion 2.4 counts as failures only what happens in a test's main phase; an assertion or a
 * crash in .init or .fini is a warning. Therefore the fixtures of a test are taken from Criterion
 * here and run, with the census around them, in the main phase. Of a test that fails half-way only
 * .fini runs, and no leaks are looked for.
 *
 * Its time-outs are not enough: a test without .timeout has none, and of two at a time the longer
 * one is lost when the shorter one ends first. So each test's process has a timer that kills it,
 * which Criterion reports as a crash.
 */
#include "tests/harness/census.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/options.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEST_SECONDS_MAX 60 /* of a test without .timeout */
#define TEST_SECONDS_OF_GRACE 5 /* for Criterion to end one that has .timeout */
#define FIXTURES_MAX 256

/* Criterion's sections of this program's tests and suites; the bounds are the linker's. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

/* Where the address sanitizer is linked; returns non-zero when there are leaks, and prints them. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void fixtures_fini(void);

static struct fixture {
	const char *suite;
	const char *test; /* NULL: the fixture of the suite */
	void (*init)(void);
	void (*fini)(void);
	double timeout_sec; /* 0: none */
} fixtures[FIXTURES_MAX];

static size_t fixture_count;
static struct census before, after, mounts_before, cgroups_before;
static void (*body)(void);
static struct criterion_global_stats totals;

static void fixture_take(
	struct criterion_test_extra_data *data, const char *suite, const char *test)
{
	if (fixture_count == FIXTURES_MAX)
		abort();
	fixtures[fixture_count++] =
		(struct fixture){ suite, test, data->init, data->fini, data->timeout };
	data->init = NULL;
	data->fini = test ? fixtures_fini : NULL;
}

/* Runs in the runner and again in each test's process, which is a new image of this program. */
__attribute__((constructor)) static void fixtures_take(void)
{
	for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
		if (*suite && (*suite)->data)
			fixture_take((*suite)->data, (*suite)->name, NULL);
	for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++)
		if (*test)
			fixture_take((*test)->data, (*test)->category, (*test)->name);
}

/* By name: what Criterion shows of the test is a copy, with the addresses of the runner. */
static bool fixture_is_for(const struct fixture *fixture, const struct criterion_test *test)
{
	return strcmp(fixture->suite, test->category) == 0 &&
	       (!fixture->test || strcmp(fixture->test, test->name) == 0);
}

/* The suite's before the test's. */
static void fixtures_init(void)
{
	for (size_t i = 0; i < fixture_count; i++)
		if (fixture_is_for(&fixtures[i], criterion_current_test) && fixtures[i].init)
			fixtures[i].init();
}

/* Each once, in the reverse order; again, for those that are left, after one that fails. */
static void fixtures_fini(void)
{
	while (fixture_count > 0) {
		const struct fixture *fixture = &fixtures[--fixture_count];

		if (fixture_is_for(fixture, criterion_current_test) && fixture->fini)
			fixture->fini();
	}
}

static void test_leak(const char *sentence)
{
	cr_expect_fail("%s", sentence);
}

/* Not inherited by children; SIGKILL, so that no test can block it. */
static void timer_arm(void)
{
	struct sigevent kill_self = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec after_that = { .it_value.tv_sec = TEST_SECONDS_MAX };
	timer_t timer;

	for (size_t i = 0; i < fixture_count; i++) {
		time_t seconds = (time_t)fixtures[i].timeout_sec;

		if (seconds > 0 && fixture_is_for(&fixtures[i], criterion_current_test))
			after_that.it_value.tv_sec = seconds + TEST_SECONDS_OF_GRACE;
	}
	cr_assert_eq(timer_create(CLOCK_MONOTONIC, &kill_self, &timer), 0);
	cr_assert_eq(timer_settime(timer, 0, &after_that, NULL), 0);
}

/* The parameter of a parameterized test; the others ignore it. */
static void test_counted(void *parameter)
{
	timer_arm();
	census_descriptors(&before);
	fixtures_init();
	((void (*)(void *))(void *)body)(parameter);
	fixtures_fini();
	census_descriptors(&after);
	census_compare_descriptors(&before, &after, test_leak);
	census_children(test_leak);
	if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
		test_leak("leaks memory, listed above");
}

/* Stands before Criterion's own, which calls `test` between "the main phase begins" and "ends". */
void criterion_internal_test_main(void (*test)(void))
{
	void (*next)(void (*)(void)) =
		(void (*)(void (*)(void)))dlsym(RTLD_NEXT, "criterion_internal_test_main");

	body = test;
	next((void (*)(void))(void *)test_counted);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	totals = *stats;
}

static void program_leak(const char *sentence)
{
	fprintf(stderr, "[LEAK] %s: the program %s\n", program_invocation_short_name, sentence);
}

int main(int argc, char **argv)
{
	census_mounts(&mounts_before);
	census_cgroups(&cgroups_before);

	struct criterion_test_set *tests = criterion_initialize();

	if (!criterion_handle_args(argc, argv, true)) {
		criterion_finalize(tests);
		return 0;
	}
	criterion_run_all_tests(tests);
	criterion_finalize(tests);

	census_mounts(&after);
	size_t failed = totals.nb_tests - totals.tests_passed - totals.tests_skipped;

	failed += census_compare_names(&mounts_before, &after, "mount", program_leak);
	census_cgroups(&after);
	failed += census_compare_names(&cgroups_before, &after, "control group", program_leak);
	printf("%zu passed, %zu failed\n", totals.tests_passed, failed);
	return failed ? 1 : 0;
}
