// SPDX-License-Identifier: Apache-2.0
/*
 * ring/output_writer.c: the worker's end of the output ring.
 *
 * What it promises: bytes arrive in order and whole, a two-byte print costs no system call, and a
 * full ring makes the program wait, not lose output. It runs between the program and its own
 * records, so it promises nothing against the program; that is ring/output_reader.c's side.
 *
 * The wake-up cannot be lost: the tail is stored and the wish loaded here, the wish stored and
 * the tail loaded by the reader, all four sequentially consistent, so at least one side sees
 * what the other did. On x86-64 that is one locked exchange a record, about 6 ns.
 */
#include "ring/output_private.h"

#include <string.h>

/*
 * A payload that fits nowhere whole is cut only into pieces worth a header; for less room than
 * this the writer waits, else a slow reader would be fed crumbs.
 */
#define CUT_BYTES_MIN 4096u

#define HALF_BYTES (CHANNEL_OUTPUT_BYTES / 2)

void output_writer_init(struct output_writer *writer, struct channel *channel,
	void (*doorbell)(void *owner, bool wait), void *owner)
{
	*writer = (struct output_writer){
		.channel = channel,
		.doorbell = doorbell,
		.owner = owner,
	};
}

/* Bytes of payload for the next record, of `size` that are left; 0: wait for room. */
static size_t payload_fitting(const struct output_writer *writer, uint64_t head, size_t size)
{
	size_t room = CHANNEL_OUTPUT_BYTES - (size_t)(writer->tail - head);
	size_t length = size < OUTPUT_RECORD_BYTES_MAX ? size : OUTPUT_RECORD_BYTES_MAX;

	if (output_record_bytes(length) <= room)
		return length;
	return room >= OUTPUT_HEADER_BYTES + CUT_BYTES_MIN ? room - OUTPUT_HEADER_BYTES : 0;
}

static void payload_put(struct channel *channel, uint64_t index, const uint8_t *bytes,
	size_t length)
{
	uint8_t *ring = channel_output_bytes(channel);
	size_t offset = output_offset(index);
	size_t first = output_first_part(offset, length);

	memcpy(ring + offset, bytes, first);
	if (first < length)
		memcpy(ring, bytes + first, length - first);
}

/* Shows the reader everything up to `tail`, and rings where output_write() says so. */
static void tail_publish(struct output_writer *writer, uint64_t tail, uint64_t head)
{
	struct channel *channel = writer->channel;
	bool ring = tail - head > HALF_BYTES && writer->tail - head <= HALF_BYTES;

	writer->tail = tail;
	__atomic_store_n(&channel->output_tail, tail, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&channel->output_wake_wanted, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&channel->output_wake_wanted, 0, __ATOMIC_SEQ_CST))
		ring = true;
	if (ring)
		writer->doorbell(writer->owner, false);
}

void output_write(struct output_writer *writer, enum output_kind kind, const void *bytes,
	size_t size)
{
	const uint8_t *next = bytes;

	while (size > 0) {
		/* Acquire: the reader's loads of what stood here come before our stores. */
		uint64_t head = __atomic_load_n(&writer->channel->output_head, __ATOMIC_ACQUIRE);
		size_t length = payload_fitting(writer, head, size);

		if (length == 0) {
			writer->doorbell(writer->owner, true);
			continue;
		}
		union output_header header = {
			.length = (uint32_t)length,
			.kind = (uint16_t)kind,
			.sequence = writer->sequence++,
		};

		__atomic_store_n(output_header_at(writer->channel, writer->tail), header.word,
			__ATOMIC_RELAXED);
		payload_put(writer->channel, writer->tail + OUTPUT_HEADER_BYTES, next, length);
		tail_publish(writer, writer->tail + output_record_bytes(length), head);
		next += length;
		size -= length;
	}
}
