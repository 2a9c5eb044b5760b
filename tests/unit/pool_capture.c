// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_capture.c: what is captured is what came, each kind for itself.
 */
#include "pool/capture.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct capture capture;

static void clear(void)
{
	capture_clear(&capture);
}

TestSuite(capture, .fini = clear);

Test(capture, holds_every_byte_whatever_the_pieces)
{
	uint8_t bytes[3000];
	size_t total = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t size = 0; size <= sizeof(bytes); size += 13) {
		cr_assert(capture_add(&capture, OUTPUT_STDOUT, bytes, size));
		total += size;
	}

	const struct capture_part *part = &capture.parts[OUTPUT_STDOUT];

	cr_assert_eq(part->used, total);
	cr_expect_leq(part->used, part->size);
	for (size_t size = 0, at = 0; size <= sizeof(bytes); at += size, size += 13)
		cr_assert_eq(memcmp(part->bytes + at, bytes, size), 0);
	cr_expect_not(capture.short_of_memory);
}

Test(capture, takes_one_large_piece)
{
	size_t size = (5u << 20) + 3;
	char *bytes = malloc(size);

	memset(bytes, 'x', size);
	cr_assert(capture_add(&capture, OUTPUT_STDERR, bytes, size));
	cr_expect_eq(capture.parts[OUTPUT_STDERR].used, size);
	cr_expect_eq(memcmp(capture.parts[OUTPUT_STDERR].bytes, bytes, size), 0);
	free(bytes);
}

Test(capture, keeps_the_kinds_apart)
{
	for (int kind = 1; kind < OUTPUT_KIND_COUNT; kind++)
		cr_assert(capture_add(&capture, kind, "abcdefghij", (size_t)kind));
	for (int kind = 1; kind < OUTPUT_KIND_COUNT; kind++)
		cr_expect_eq(capture.parts[kind].used, (size_t)kind);
}

Test(capture, has_a_line_for_what_was_left_out)
{
	capture_add(&capture, OUTPUT_STDOUT, "head", 4);
	capture_add_gap(&capture, OUTPUT_STDOUT, 0);
	cr_expect_eq(capture.parts[OUTPUT_STDOUT].used, 4, "nothing was left out");
	capture_add_gap(&capture, OUTPUT_STDOUT, 12345);
	capture_add(&capture, OUTPUT_STDOUT, "tail", 5);
	cr_expect_str_eq(capture.parts[OUTPUT_STDOUT].bytes, "head\n[12345 bytes left out]\ntail");
}

Test(capture, is_empty_and_of_use_after_it_was_cleared)
{
	capture_add(&capture, OUTPUT_STDOUT, "old", 3);
	capture_clear(&capture);
	cr_expect_eq(capture.parts[OUTPUT_STDOUT].used, 0);
	cr_expect_null(capture.parts[OUTPUT_STDOUT].bytes);
	cr_assert(capture_add(&capture, OUTPUT_STDOUT, "new", 4));
	cr_expect_str_eq(capture.parts[OUTPUT_STDOUT].bytes, "new");
}

#ifdef CORRAL_FAULTS

Test(capture, says_that_it_is_short_of_memory_and_keeps_what_it_has)
{
	setenv("CORRAL_FAULT", "capture.memory:2", 1);
	cr_assert(capture_add(&capture, OUTPUT_STDOUT, "kept", 5));

	char *more = calloc(1, 1000);

	cr_expect_not(capture_add(&capture, OUTPUT_STDOUT, more, 1000));
	cr_expect(capture.short_of_memory);
	cr_expect_str_eq(capture.parts[OUTPUT_STDOUT].bytes, "kept");
	cr_expect(capture_add(&capture, OUTPUT_STDOUT, more, 1000), "the next finds some");
	free(more);
}

#endif
