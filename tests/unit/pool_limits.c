// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_limits.c: a limit is what was asked for, or within the caps and said so, or
 * refused with a sentence; never something else.
 */
#include "pool/limits.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

Test(limits, have_standard_values_within_their_caps)
{
	struct limits limits;

	limits_init(&limits);
	for (int i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_type *type = &limit_types[i];

		cr_expect_str_not_empty(type->name);
		cr_expect_str_not_empty(type->help);
		cr_expect_eq(limits.values[i], type->standard, "%s", type->name);
		cr_expect(
			type->min > 0 && type->min <= type->standard && type->standard <= type->max,
			"%s", type->name);
	}
	cr_expect_eq(limits.values[LIMIT_TIMEOUT], 30 * NSEC_PER_SEC);
	cr_expect_eq(limits.values[LIMIT_MEMORY], 256 * MIB);
}

Test(limits, are_clamped_to_their_caps)
{
	for (int i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_type *type = &limit_types[i];
		struct limits limits;

		cr_expect_not(limits_set(&limits, i, type->min));
		cr_expect_eq(limits.values[i], type->min);
		cr_expect_not(limits_set(&limits, i, type->max));
		cr_expect_eq(limits.values[i], type->max);
		cr_expect(limits_set(&limits, i, type->min - 1));
		cr_expect_eq(limits.values[i], type->min);
		cr_expect(limits_set(&limits, i, type->max + 1));
		cr_expect_eq(limits.values[i], type->max);
		cr_expect(limits_set(&limits, i, UINT64_MAX));
		cr_expect_eq(limits.values[i], type->max);
	}
}

Test(limits, are_read_in_their_units)
{
	static const struct {
		enum limit limit;
		const char *text;
		uint64_t value;
		bool clamped;
	} rows[] = {
		{ LIMIT_TIMEOUT, "2", 2 * NSEC_PER_SEC, false },
		{ LIMIT_TIMEOUT, "500ms", 500 * NSEC_PER_MSEC, false },
		{ LIMIT_TIMEOUT, "1h", 3600 * NSEC_PER_SEC, false },
		{ LIMIT_TIMEOUT, "61m", 3600 * NSEC_PER_SEC, true },
		{ LIMIT_TIMEOUT, "1ns", NSEC_PER_MSEC, true },
		{ LIMIT_CPU_TIME, "0.25s", 250 * NSEC_PER_MSEC, false },
		{ LIMIT_MEMORY, "64M", 64 * MIB, false },
		{ LIMIT_MEMORY, "1", 8 * MIB, true },
		{ LIMIT_MEMORY, "65G", 64 * GIB, true },
		{ LIMIT_MEMORY, "99999999999999999999999T", 64 * GIB, true },
		{ LIMIT_PIDS, "7", 7, false },
		{ LIMIT_PIDS, "1000000", 4096, true },
		{ LIMIT_OUTPUT, "1", 1, false },
		{ LIMIT_FILES, "1.5M", 3 * MIB / 2, false },
		{ LIMIT_OPEN_FILES, "15", 16, true },
		{ LIMIT_SYSCALLS, "1", 1, false },
		{ LIMIT_SYSCALLS, "2000000000000", LIMIT_SYSCALLS_NONE, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error = { .sentence = "" };
		struct limits limits;
		bool clamped = !rows[i].clamped;

		limits_init(&limits);
		cr_expect_eq(
			limits_parse(&limits, rows[i].limit, rows[i].text, &clamped, &error), 0);
		cr_expect_eq(limits.values[rows[i].limit], rows[i].value, "%s", rows[i].text);
		cr_expect_eq(clamped, rows[i].clamped, "%s", rows[i].text);
		cr_expect_eq(error.sentence[0] != '\0', rows[i].clamped, "%s", rows[i].text);
	}
}

Test(limits, are_read_from_numbers)
{
	static const struct {
		enum limit limit;
		double number;
		uint64_t value;
		bool clamped;
	} rows[] = {
		{ LIMIT_TIMEOUT, 2, 2 * NSEC_PER_SEC, false },
		{ LIMIT_TIMEOUT, 0.1, 100 * NSEC_PER_MSEC, false },
		{ LIMIT_TIMEOUT, 0.1 + 0.2, 300 * NSEC_PER_MSEC, false },
		{ LIMIT_TIMEOUT, 3600, 3600 * NSEC_PER_SEC, false },
		{ LIMIT_TIMEOUT, 3600.5, 3600 * NSEC_PER_SEC, true },
		{ LIMIT_TIMEOUT, 1e-9, NSEC_PER_MSEC, true },
		{ LIMIT_TIMEOUT, 1e300, 3600 * NSEC_PER_SEC, true },
		{ LIMIT_MEMORY, 64 * 1048576, 64 * MIB, false },
		{ LIMIT_MEMORY, 0x1p64, 64 * GIB, true },
		{ LIMIT_OUTPUT, 1, 1, false },
		{ LIMIT_PIDS, 1e300, 4096, true },
		{ LIMIT_OPEN_FILES, 15, 16, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error = { .sentence = "" };
		struct limits limits;
		bool clamped = !rows[i].clamped;

		limits_init(&limits);
		cr_expect_eq(limits_parse_number(
				     &limits, rows[i].limit, rows[i].number, &clamped, &error),
			0);
		cr_expect_eq(limits.values[rows[i].limit], rows[i].value, "row %zu", i);
		cr_expect_eq(clamped, rows[i].clamped, "row %zu", i);
		cr_expect_eq(error.sentence[0] != '\0', rows[i].clamped, "row %zu", i);
	}
}

Test(limits, refuse_numbers_that_mean_nothing)
{
	static const struct {
		enum limit limit;
		double number;
		const char *sentence;
	} rows[] = {
		{ LIMIT_TIMEOUT, 0,
			"timeout cannot be '0': give a duration such as 30s or 500ms above zero" },
		{ LIMIT_TIMEOUT, 1e-10,
			"timeout cannot be '1e-10': give a duration such as 30s or 500ms above "
			"zero" },
		{ LIMIT_CPU_TIME, -0.5,
			"cpu_time cannot be '-0.5': give a duration such as 30s or 500ms above "
			"zero" },
		{ LIMIT_MEMORY, 1048576.5,
			"memory cannot be '1048576.5': give a size such as 256M above zero" },
		{ LIMIT_MEMORY, -1, "memory cannot be '-1': give a size such as 256M above zero" },
		{ LIMIT_PIDS, 1.5, "pids cannot be '1.5': give a whole number above zero" },
		{ LIMIT_OPEN_FILES, -0.0,
			"open_files cannot be '-0': give a whole number above zero" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error;
		struct limits limits, before;
		bool clamped;

		limits_init(&limits);
		before = limits;
		cr_expect_eq(limits_parse_number(
				     &limits, rows[i].limit, rows[i].number, &clamped, &error),
			-EINVAL, "row %zu", i);
		cr_expect_str_eq(error.sentence, rows[i].sentence);
		cr_expect_eq(memcmp(&limits, &before, sizeof(limits)), 0, "row %zu", i);
	}
}

Test(limits, say_which_cap_was_applied)
{
	struct error error;
	struct limits limits;
	bool clamped;

	cr_expect_eq(limits_parse(&limits, LIMIT_TIMEOUT, "2h", &clamped, &error), 0);
	cr_expect_str_eq(error.sentence, "timeout 2h is outside what this pool allows; using 1 h");
	cr_expect_eq(limits_parse(&limits, LIMIT_PIDS, "5000", &clamped, &error), 0);
	cr_expect_str_eq(error.sentence, "pids 5000 is outside what this pool allows; using 4096");
}

Test(limits, refuse_nonsense_and_stay_what_they_were)
{
	static const char *const nonsense[] = { "", " ", "-1", "0", "0s", "lots", "1e999G", "1e3",
		"0x10", "NaN", "inf", "+5", "1,5", "5 5", "1..5", ".5", "\xc2\xb2", "5K5", "5\n" };
	struct limits limits, before;

	limits_init(&limits);
	before = limits;
	for (int limit = 0; limit < LIMIT_COUNT; limit++) {
		for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
			struct error error = { .sentence = "" };
			bool clamped;

			cr_expect_eq(limits_parse(&limits, limit, nonsense[i], &clamped, &error),
				-EINVAL, "%s: '%s'", limit_types[limit].name, nonsense[i]);
			cr_expect(strstr(error.sentence, limit_types[limit].name), "%s",
				error.sentence);
		}
	}
	cr_expect_eq(memcmp(&limits, &before, sizeof(limits)), 0);
}

Test(limits, take_no_unit_of_another_kind)
{
	struct limits limits;
	bool clamped;

	cr_expect_eq(limits_parse(&limits, LIMIT_TIMEOUT, "5M", &clamped, NULL), -EINVAL);
	cr_expect_eq(limits_parse(&limits, LIMIT_MEMORY, "5s", &clamped, NULL), -EINVAL);
	cr_expect_eq(limits_parse(&limits, LIMIT_PIDS, "5K", &clamped, NULL), -EINVAL);
}

Test(limits, are_printed_for_people)
{
	struct limits limits;
	char text[32];

	limits_init(&limits);
	cr_expect_str_eq(limits_print(&limits, LIMIT_TIMEOUT, text, sizeof(text)), "30 s");
	cr_expect_str_eq(limits_print(&limits, LIMIT_MEMORY, text, sizeof(text)), "256 MiB");
	cr_expect_str_eq(limits_print(&limits, LIMIT_PIDS, text, sizeof(text)), "32");
}
