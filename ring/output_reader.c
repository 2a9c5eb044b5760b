// SPDX-License-Identifier: Apache-2.0
/*
 * ring/output_reader.c: the daemon's end of the output ring.
 *
 * The worker can write anything, at any time, into the shared pages: indices, headers, payload.
 * So this file reads each shared word once, into a local, checks it against state that the worker
 * cannot reach, and uses the local alone from there on. It never reads back what it published.
 * A bad word costs the worker its output, and the daemon nothing: the reader stays broken.
 *
 * What would break if it were wrong: a length believed twice is a copy beyond the ring.
 */
#include "ring/output_private.h"

#include <errno.h>
#include <string.h>

void output_reader_init(struct output_reader *reader, struct channel *channel)
{
	*reader = (struct output_reader){ .channel = channel };
	__atomic_store_n(&channel->output_wake_wanted, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&channel->output_head, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&channel->output_tail, 0, __ATOMIC_SEQ_CST);
}

/* Whether the record may stand at the head, `used` bytes before the tail. */
static bool header_is_valid(const struct output_reader *reader, union output_header header,
	uint64_t used)
{
	if (header.kind == 0 || header.kind >= OUTPUT_KIND_COUNT)
		return false;
	if (header.sequence != reader->sequence)
		return false;
	if (header.length == 0 || header.length > OUTPUT_RECORD_BYTES_MAX)
		return false;
	if (header.kind == OUTPUT_END && header.length != sizeof(struct output_end))
		return false;
	return output_record_bytes(header.length) <= used;
}

static void record_show(struct channel *channel, uint64_t head, union output_header header,
	struct output_record *ret_record)
{
	uint8_t *ring = channel_output_bytes(channel);
	size_t offset = output_offset(head + OUTPUT_HEADER_BYTES);
	size_t first = output_first_part(offset, header.length);

	*ret_record = (struct output_record){
		.kind = header.kind,
		.size = header.length,
		.parts = {
			{ .iov_base = ring + offset, .iov_len = first },
			{ .iov_base = ring, .iov_len = header.length - first },
		},
		.part_count = first < header.length ? 2 : 1,
	};
}

int output_peek(struct output_reader *reader, struct output_record *ret_record)
{
	if (reader->broken)
		return -EBADMSG;
	/* Sequentially consistent: see output_want_wake(). */
	uint64_t tail = __atomic_load_n(&reader->channel->output_tail, __ATOMIC_SEQ_CST);
	uint64_t used = tail - reader->head;

	if (used == 0)
		return 0;
	if (used > CHANNEL_OUTPUT_BYTES || used % 8 != 0 || reader->ended) {
		reader->broken = true;
		return -EBADMSG;
	}
	union output_header header = {
		.word = __atomic_load_n(output_header_at(reader->channel, reader->head),
			__ATOMIC_RELAXED),
	};

	if (!header_is_valid(reader, header, used)) {
		reader->broken = true;
		return -EBADMSG;
	}
	record_show(reader->channel, reader->head, header, ret_record);
	return 1;
}

size_t output_copy(const struct output_record *record, size_t offset, void *buffer, size_t size)
{
	uint8_t *next = buffer;

	for (unsigned i = 0; i < record->part_count; i++) {
		const struct iovec *part = &record->parts[i];

		if (offset >= part->iov_len) {
			offset -= part->iov_len;
			continue;
		}
		size_t left = part->iov_len - offset;
		size_t length = size < left ? size : left;

		memcpy(next, (const uint8_t *)part->iov_base + offset, length);
		next += length;
		size -= length;
		offset = 0;
	}
	return (size_t)(next - (uint8_t *)buffer);
}

void output_consume(struct output_reader *reader, const struct output_record *record)
{
	reader->head += output_record_bytes(record->size);
	reader->sequence++;
	reader->ended = record->kind == OUTPUT_END;
	/* Release: our loads of the payload come before the worker's stores over it. */
	__atomic_store_n(&reader->channel->output_head, reader->head, __ATOMIC_RELEASE);
}

void output_want_wake(struct output_reader *reader, bool wanted)
{
	__atomic_store_n(&reader->channel->output_wake_wanted, wanted, __ATOMIC_SEQ_CST);
}
