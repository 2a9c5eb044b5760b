// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_frames.c: frames to the byte, as docs/api.md has them.
 */
#include "pool/http/frames.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bytes frames;

static void clear(void)
{
	bytes_clear(&frames);
}

TestSuite(frames, .fini = clear);

#define EXPECT_BYTES(wanted) do { \
	cr_assert_eq(frames.used, sizeof(wanted) - 1); \
	cr_expect_arr_eq(frames.start, wanted, sizeof(wanted) - 1); \
} while (0)

Test(frames, have_a_header_and_their_bytes)
{
	cr_assert(frame_add(&frames, frame_kind_of(OUTPUT_STDOUT), "ab", 2));
	cr_assert(frame_add(&frames, frame_kind_of(OUTPUT_STDERR), "\0", 1));
	cr_assert(frame_add(&frames, FRAME_STDOUT, "", 0), "no bytes are no frame");
	cr_assert(frame_add(&frames, FRAME_RESULT, "{}", 2));
	EXPECT_BYTES("\1\0\0\0\0\0\0\2" "ab"
		     "\2\0\0\0\0\0\0\1" "\0"
		     "\3\0\0\0\0\0\0\2" "{}");
}

Test(frames, tell_a_gap_of_any_size)
{
	cr_assert(frame_add_gap(&frames, OUTPUT_STDERR, UINT64_C(0x0102030405060708)));
	EXPECT_BYTES("\4\0\0\0\0\0\0\x10"
		     "\2\0\0\0\0\0\0\0" "\1\2\3\4\5\6\7\x08");
}

Test(frames, have_their_length_in_network_order)
{
	uint8_t header[FRAME_HEADER_BYTES];

	memset(header, 0xff, sizeof(header));
	frame_header(header, FRAME_STDOUT, 0x01020304);
	cr_expect_arr_eq(header, "\1\0\0\0\1\2\3\4", sizeof(header));
}

Test(frames, are_whole_when_a_buffer_takes_the_place_of_another)
{
	struct bytes sent = { 0 };

	for (unsigned turn = 0; turn < 4; turn++) {
		for (unsigned i = 0; i < 1000; i++)
			cr_assert(frame_add(&frames, FRAME_STDOUT, &i, sizeof(i)));
		bytes_swap(&frames, &sent);
		cr_expect_eq(frames.used, 0);
		cr_assert_eq(sent.used, 1000 * (FRAME_HEADER_BYTES + sizeof(unsigned)));
		for (unsigned i = 0; i < 1000; i++)
			cr_assert_eq(memcmp(sent.start + (i + 1) * 12 - 4, &i, 4), 0);
		sent.used = 0;
	}
	bytes_clear(&sent);
}
