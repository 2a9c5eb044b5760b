// SPDX-License-Identifier: Apache-2.0
// sources: ring/output_reader.c
/*
 * tests/fuzz/output_reader.c: any bytes as the output ring of a worker.
 *
 * Input: u64 start index (its low 3 bits dropped), u64 tail ahead of it, then what stands from the
 * start index on, around the edge; the rest is zeros. The reader must end, never show more bytes
 * than lie between start and tail, and never touch a byte outside the ring.
 */
#include "ring/channel.h"
#include "ring/output.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct channel *channel;
	static uint8_t copy[OUTPUT_RECORD_BYTES_MAX];
	uint64_t words[2], total = 0;
	struct output_reader reader;
	struct output_record record;
	int found;

	if (size < sizeof(words) || size > sizeof(words) + CHANNEL_OUTPUT_BYTES)
		return 0;
	if (!channel) { /* on the heap, so that what lies behind the ring is poisoned as well */
		channel = aligned_alloc(CHANNEL_PAGE_BYTES, CHANNEL_BYTES);
		ASAN_POISON_MEMORY_REGION(channel_mailbox_bytes(channel), CHANNEL_MAILBOX_BYTES);
	}
	memcpy(words, data, sizeof(words));
	output_reader_init(&reader, channel);
	reader.head = reader.released = words[0] & ~UINT64_C(7);
	channel->output_tail = reader.head + words[1];
	uint8_t *ring = channel_output_bytes(channel);

	memset(ring, 0, CHANNEL_OUTPUT_BYTES);
	for (size_t i = sizeof(words); i < size; i++)
		ring[(reader.head + i - sizeof(words)) % CHANNEL_OUTPUT_BYTES] = data[i];

	struct output_record records[4];

	found = output_peek_many(&reader, records, 4);
	for (int i = 0; i < found; i++)
		CHECK(output_copy(&records[i], 0, copy, sizeof(copy)) == records[i].size);

	while ((found = output_peek(&reader, &record)) == 1) {
		CHECK(record.size > 0 && record.size <= sizeof(copy));
		CHECK(output_copy(&record, 0, copy, sizeof(copy)) == record.size);
		CHECK(output_copy(&record, record.size / 2, copy, 1) == 1);
		CHECK(output_copy(&record, record.size, copy, 1) == 0);
		CHECK(!reader.ended);
		output_consume(&reader, &record);
		total += OUTPUT_HEADER_BYTES + record.size;
		CHECK(total <= words[1] && total <= CHANNEL_OUTPUT_BYTES);
	}
	CHECK(found == 0 || output_peek(&reader, &record) == found);
	CHECK(found < 0 || reader.head == channel->output_tail);
	return 0;
}
