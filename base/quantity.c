// SPDX-License-Identifier: Apache-2.0
/*
 * base/quantity.c: one number, exactly, or a refusal.
 *
 * "1.5G" is digits, a fraction and a unit. The fraction is kept as a numerator and a power of ten,
 * so that an amount which is no whole number of bytes or nanoseconds ("0.3K", "1.5ns") is refused
 * instead of rounded. A limit that a person set is the limit that is enforced.
 */
#include "base/quantity.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* 10^18 fits 64 bits, and finer than that nothing divides a unit that stands here. */
#define FRACTION_DIGITS_MAX 18

struct unit {
	const char *name;
	uint64_t size;
};

/* Largest first, for printing; the last is the unit of amounts smaller than all others. */
static const struct unit byte_units[] = {
	{ "TiB", UINT64_C(1) << 40 }, { "GiB", UINT64_C(1) << 30 }, { "MiB", UINT64_C(1) << 20 },
	{ "KiB", UINT64_C(1) << 10 }, { "B", 1 },
};

static const struct unit duration_units[] = {
	{ "h", 3600 * NSEC_PER_SEC }, { "m", 60 * NSEC_PER_SEC }, { "s", NSEC_PER_SEC },
	{ "ms", NSEC_PER_MSEC }, { "us", NSEC_PER_USEC }, { "ns", 1 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct decimal {
	uint64_t whole;
	uint64_t fraction; /* of `scale` parts */
	uint64_t scale;    /* a power of ten */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Leaves *text behind the number and behind one space, if a unit follows it. */
static int decimal_parse(const char **text, struct decimal *ret_decimal)
{
	struct decimal decimal = { .scale = 1 };
	const char *at = *text;
	int digits = 0;

	if (!is_digit(*at))
		return -EINVAL;
	for (; is_digit(*at); at++)
		if (__builtin_mul_overflow(decimal.whole, 10, &decimal.whole) ||
			__builtin_add_overflow(decimal.whole, *at - '0', &decimal.whole))
			return -ERANGE;
	if (*at == '.') {
		for (at++; is_digit(*at); at++) {
			if (++digits > FRACTION_DIGITS_MAX)
				return -EINVAL;
			decimal.fraction = decimal.fraction * 10 + (uint64_t)(*at - '0');
			decimal.scale *= 10;
		}
		if (!digits)
			return -EINVAL;
	}
	if (at[0] == ' ' && at[1])
		at++;
	*text = at;
	*ret_decimal = decimal;
	return 0;
}

static int decimal_times(const struct decimal *decimal, uint64_t unit, uint64_t *ret_amount)
{
	unsigned __int128 parts = (unsigned __int128)decimal->fraction * unit;
	uint64_t amount;

	if (parts % decimal->scale)
		return -EINVAL;
	if (__builtin_mul_overflow(decimal->whole, unit, &amount) ||
		__builtin_add_overflow(amount, (uint64_t)(parts / decimal->scale), &amount))
		return -ERANGE;
	*ret_amount = amount;
	return 0;
}

/* "G", "GB" and "GiB" for "GiB"; "B" and nothing for "B". */
static bool is_byte_unit(const char *text, const char *name)
{
	if (strcmp(text, name) == 0)
		return true;
	if (name[1] == '\0')
		return *text == '\0';
	return text[0] == name[0] && (text[1] == '\0' || strcmp(text + 1, "B") == 0);
}

int quantity_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	struct decimal decimal;
	int r = decimal_parse(&text, &decimal);

	if (r < 0)
		return r;
	for (size_t i = 0; i < COUNT(byte_units); i++)
		if (is_byte_unit(text, byte_units[i].name))
			return decimal_times(&decimal, byte_units[i].size, ret_bytes);
	return -EINVAL;
}

int quantity_parse_duration(const char *text, uint64_t *ret_nsec)
{
	struct decimal decimal;
	int r = decimal_parse(&text, &decimal);

	if (r < 0)
		return r;
	if (*text == '\0')
		return decimal_times(&decimal, NSEC_PER_SEC, ret_nsec);
	for (size_t i = 0; i < COUNT(duration_units); i++)
		if (strcmp(text, duration_units[i].name) == 0)
			return decimal_times(&decimal, duration_units[i].size, ret_nsec);
	return -EINVAL;
}

int quantity_parse_count(const char *text, uint64_t *ret_count)
{
	struct decimal decimal;
	int r = decimal_parse(&text, &decimal);

	if (r < 0)
		return r;
	if (*text != '\0' || decimal.scale != 1)
		return -EINVAL;
	*ret_count = decimal.whole;
	return 0;
}

int quantity_from_seconds(double seconds, uint64_t *ret_nsec)
{
	double nsec = seconds * (double)NSEC_PER_SEC + 0.5;

	if (!(seconds >= 0))
		return -EINVAL;
	if (nsec >= 0x1p64)
		return -ERANGE;
	*ret_nsec = (uint64_t)nsec;
	return 0;
}

int quantity_from_number(double number, uint64_t *ret_amount)
{
	if (!(number >= 0))
		return -EINVAL;
	if (number >= 0x1p64)
		return -ERANGE;
	if ((double)(uint64_t)number != number)
		return -EINVAL;
	*ret_amount = (uint64_t)number;
	return 0;
}

/* In the largest unit that fits once, with at most two decimals, cut: never more than there is. */
static const char *print(
	uint64_t amount, const struct unit *units, size_t count, char *buffer, size_t size)
{
	const struct unit *unit = units;

	while (unit < &units[count - 1] && amount < unit->size)
		unit++;

	uint64_t whole = amount / unit->size;
	/* The largest remainder is below 2^42, so a hundred of it fits. */
	unsigned hundredths = (unsigned)(amount % unit->size * 100 / unit->size);

	if (hundredths == 0)
		snprintf(buffer, size, "%" PRIu64 " %s", whole, unit->name);
	else if (hundredths % 10 == 0)
		snprintf(buffer, size, "%" PRIu64 ".%u %s", whole, hundredths / 10, unit->name);
	else
		snprintf(buffer, size, "%" PRIu64 ".%02u %s", whole, hundredths, unit->name);
	return buffer;
}

const char *quantity_print_bytes(uint64_t bytes, char *buffer, size_t size)
{
	return print(bytes, byte_units, COUNT(byte_units), buffer, size);
}

const char *quantity_print_duration(uint64_t nsec, char *buffer, size_t size)
{
	return print(nsec, duration_units, COUNT(duration_units), buffer, size);
}
