// SPDX-License-Identifier: Apache-2.0
/*
 * ring/output_private.h: the layout of a record, for the two ends of the output ring alone.
 *
 * A header is one aligned word, so each end moves it in one access: what the reader checked is
 * what it uses, however fast the worker flips it. Headers never wrap (records are 8-byte aligned,
 * and so is the ring's end); payloads do.
 */
#pragma once

#include "ring/channel.h"
#include "ring/output.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

union output_header {
	uint64_t word;
	struct {
		uint32_t length;
		uint16_t kind;
		uint16_t sequence;
	};
};

static_assert(sizeof(union output_header) == OUTPUT_HEADER_BYTES, "output ABI");
static_assert(sizeof(struct output_end) == 8, "output ABI");
static_assert((CHANNEL_OUTPUT_BYTES & (CHANNEL_OUTPUT_BYTES - 1)) == 0, "indices are masked");
static_assert(2 * (OUTPUT_RECORD_BYTES_MAX + OUTPUT_HEADER_BYTES) <= CHANNEL_OUTPUT_BYTES,
	"one record is read while the next is written");

/* Where a free-running index stands in the ring. */
static inline size_t output_offset(uint64_t index)
{
	return (size_t)(index & (CHANNEL_OUTPUT_BYTES - 1));
}

/* What a payload of `length` bytes takes in the ring, header and padding included. */
static inline size_t output_record_bytes(size_t length)
{
	return OUTPUT_HEADER_BYTES + ((length + 7) & ~(size_t)7);
}

/* How much of `length` bytes at `offset` lies before the ring's end. */
static inline size_t output_first_part(size_t offset, size_t length)
{
	size_t straight = CHANNEL_OUTPUT_BYTES - offset;

	return length < straight ? length : straight;
}

static inline uint64_t *output_header_at(struct channel *channel, uint64_t index)
{
	return (uint64_t *)(void *)(channel_output_bytes(channel) + output_offset(index));
}
