// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_quantity.c: what people write is read exactly or refused.
 */
#include "base/quantity.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <math.h>

struct reading {
	char text[48];
	int result;
	uint64_t amount;
};

static void expect(int (*parse)(const char *, uint64_t *), const struct reading *reading)
{
	const uint64_t untouched = 0xdeadbeef;
	uint64_t amount = untouched;
	int r = parse(reading->text, &amount);

	cr_expect_eq(
		r, reading->result, "\"%s\" gives %d, not %d", reading->text, r, reading->result);
	cr_expect_eq(amount, r == 0 ? reading->amount : untouched, "\"%s\" reads as %lu",
		reading->text, (unsigned long)amount);
}

ParameterizedTestParameters(quantity, reads_bytes_exactly_or_refuses)
{
	static struct reading readings[] = {
		{ "0", 0, 0 },
		{ "17", 0, 17 },
		{ "17B", 0, 17 },
		{ "1K", 0, 1024 },
		{ "1KB", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "256M", 0, 256ul << 20 },
		{ "256 MiB", 0, 256ul << 20 },
		{ "1.5G", 0, 3ul << 29 },
		{ "0.5K", 0, 512 },
		{ "2T", 0, 2ul << 40 },
		{ "1.000000000000000000K", 0, 1024 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "16777216T", -ERANGE, 0 },
		{ "16777215.5T", 0, UINT64_MAX - (1ul << 39) + 1 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "0.3K", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1.0000000000000000001K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ " 1M", -EINVAL, 0 },
		{ "1M ", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1  M", -EINVAL, 0 },
		{ "1.M", -EINVAL, 0 },
		{ ".5M", -EINVAL, 0 },
		{ "1.5.5M", -EINVAL, 0 },
		{ "1e6", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },
		{ "1MBB", -EINVAL, 0 },
		{ "1Mi", -EINVAL, 0 },
		{ "1iB", -EINVAL, 0 },
	};

	return cr_make_param_array(struct reading, readings, sizeof(readings) / sizeof(*readings));
}

ParameterizedTest(struct reading *reading, quantity, reads_bytes_exactly_or_refuses)
{
	expect(quantity_parse_bytes, reading);
}

ParameterizedTestParameters(quantity, reads_durations_exactly_or_refuses)
{
	static struct reading readings[] = {
		{ "30", 0, 30000000000 },
		{ "30s", 0, 30000000000 },
		{ "0.25", 0, 250000000 },
		{ "1.5h", 0, 5400000000000 },
		{ "2m", 0, 120000000000 },
		{ "5ms", 0, 5000000 },
		{ "1.25 ms", 0, 1250000 },
		{ "640us", 0, 640000 },
		{ "7ns", 0, 7 },
		{ "0.000000001s", 0, 1 },
		{ "0.0000000001s", -EINVAL, 0 },
		{ "1.5ns", -EINVAL, 0 },
		{ "18446744073s", 0, 18446744073000000000u },
		{ "18446744074s", -ERANGE, 0 },
		{ "5124096h", -ERANGE, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
	};

	return cr_make_param_array(struct reading, readings, sizeof(readings) / sizeof(*readings));
}

ParameterizedTest(struct reading *reading, quantity, reads_durations_exactly_or_refuses)
{
	expect(quantity_parse_duration, reading);
}

ParameterizedTestParameters(quantity, reads_counts_of_digits_alone)
{
	static struct reading readings[] = {
		{ "0", 0, 0 },
		{ "10000", 0, 10000 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "10k", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "10 ", -EINVAL, 0 },
		{ "max", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	return cr_make_param_array(struct reading, readings, sizeof(readings) / sizeof(*readings));
}

ParameterizedTest(struct reading *reading, quantity, reads_counts_of_digits_alone)
{
	expect(quantity_parse_count, reading);
}

Test(quantity, prints_in_the_largest_unit_that_fits_once)
{
	char text[32];

	cr_expect_str_eq(quantity_print_bytes(0, text, sizeof(text)), "0 B");
	cr_expect_str_eq(quantity_print_bytes(17, text, sizeof(text)), "17 B");
	cr_expect_str_eq(quantity_print_bytes(1023, text, sizeof(text)), "1023 B");
	cr_expect_str_eq(quantity_print_bytes(1024, text, sizeof(text)), "1 KiB");
	cr_expect_str_eq(quantity_print_bytes(256ul << 20, text, sizeof(text)), "256 MiB");
	cr_expect_str_eq(quantity_print_bytes(3ul << 29, text, sizeof(text)), "1.5 GiB");
	cr_expect_str_eq(quantity_print_bytes(UINT64_MAX, text, sizeof(text)), "16777215.99 TiB");
	cr_expect_str_eq(quantity_print_duration(30000000000, text, sizeof(text)), "30 s");
	cr_expect_str_eq(quantity_print_duration(1250000, text, sizeof(text)), "1.25 ms");
	cr_expect_str_eq(quantity_print_duration(1050000, text, sizeof(text)), "1.05 ms");
	cr_expect_str_eq(quantity_print_duration(640000, text, sizeof(text)), "640 us");
	cr_expect_str_eq(quantity_print_duration(5400000000000, text, sizeof(text)), "1.5 h");
}

Test(quantity, never_prints_more_than_there_is)
{
	char text[32];

	cr_expect_str_eq(quantity_print_duration(999999999, text, sizeof(text)), "999.99 ms");
	cr_expect_str_eq(quantity_print_bytes((1ul << 20) - 1, text, sizeof(text)), "1023.99 KiB");
}

Test(quantity, cuts_at_the_end_of_a_small_buffer)
{
	char text[4] = "zzz";

	cr_expect_str_eq(quantity_print_bytes(256ul << 20, text, sizeof(text)), "256");
}

Test(quantity, reads_back_every_whole_amount_that_it_prints)
{
	char text[32];

	for (unsigned shift = 0; shift < 64; shift++) {
		uint64_t bytes = UINT64_C(1) << shift, back = 0;

		quantity_print_bytes(bytes, text, sizeof(text));
		cr_expect_eq(quantity_parse_bytes(text, &back), 0, "%s", text);
		cr_expect_eq(back, bytes, "%s", text);
	}
}

Test(quantity, takes_numbers_that_have_their_unit)
{
	static const struct {
		double number;
		int of_seconds, of_number;
		uint64_t nsec, amount;
	} rows[] = {
		{ 0, 0, 0, 0, 0 },
		{ 1, 0, 0, 1000000000, 1 },
		{ 1.5, 0, -EINVAL, 1500000000, 0 },
		{ 0.1 + 0.2, 0, -EINVAL, 300000000, 0 },
		{ 1e-9, 0, -EINVAL, 1, 0 },
		{ 4e-10, 0, -EINVAL, 0, 0 },
		{ -1, -EINVAL, -EINVAL, 0, 0 },
		{ -1e-300, -EINVAL, -EINVAL, 0, 0 },
		{ 9007199, 0, 0, 9007199000000000, 9007199 },
		{ 18446744074, -ERANGE, 0, 0, 18446744074 },
		{ 0x1.fffffffffffffp63, -ERANGE, 0, 0, UINT64_MAX - 2047 },
		{ 0x1p64, -ERANGE, -ERANGE, 0, 0 },
		{ HUGE_VAL, -ERANGE, -ERANGE, 0, 0 },
		{ NAN, -EINVAL, -EINVAL, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t nsec = 0, amount = 0;

		cr_expect_eq(quantity_from_seconds(rows[i].number, &nsec), rows[i].of_seconds,
			"row %zu", i);
		cr_expect_eq(quantity_from_number(rows[i].number, &amount), rows[i].of_number,
			"row %zu", i);
		cr_expect_eq(nsec, rows[i].nsec, "row %zu", i);
		cr_expect_eq(amount, rows[i].amount, "row %zu", i);
	}
}
