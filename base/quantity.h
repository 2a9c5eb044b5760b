// SPDX-License-Identifier: Apache-2.0
/*
 * base/quantity.h: amounts as people write them ("256M", "30s", "1.5h") and back.
 *
 * Sizes are powers of 1024 (K M G T, with or without a trailing B or iB). Durations take
 * ns us ms s m h; a bare number is seconds. One space may stand before the unit. What does not
 * parse, is negative, does not fit or is no whole number of bytes or nanoseconds is refused, never
 * rounded to something else.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int quantity_parse_bytes(const char *text, uint64_t *ret_bytes);      /* 0, -EINVAL, -ERANGE */
int quantity_parse_duration(const char *text, uint64_t *ret_nsec);    /* 0, -EINVAL, -ERANGE */
int quantity_parse_count(const char *text, uint64_t *ret_count);      /* 0, -EINVAL, -ERANGE */

/*
 * The same for a number that has its unit already, as JSON gives it: seconds, rounded to a
 * nanosecond, since a double can hold few fractions exactly; or bytes or things, which must be
 * whole. 0, -EINVAL (negative, not whole, no number), -ERANGE.
 */
int quantity_from_seconds(double seconds, uint64_t *ret_nsec);
int quantity_from_number(double number, uint64_t *ret_amount);

/* "256 MiB", "1.5 GiB", "17 B": two decimals at most, the rest is cut; returns `buffer`. */
const char *quantity_print_bytes(uint64_t bytes, char *buffer, size_t size);

/* "30 s", "1.25 ms", "640 us": two decimals at most, the rest is cut; returns `buffer`. */
const char *quantity_print_duration(uint64_t nsec, char *buffer, size_t size);
