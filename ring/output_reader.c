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

/* Whether the record may stand here, the next of this sequence, `used` bytes before the tail. */
static bool header_is_valid(union output_header header, uint16_t sequence, uint64_t used)
{
	if (header.kind == 0 || header.kind >= OUTPUT_KIND_COUNT)
		return false;
	if (header.sequence != sequence)
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

/* The bytes between head and tail, or -EBADMSG if there cannot be that many. */
static int64_t reader_used(const struct output_reader *reader)
{
	/* Sequentially consistent: see output_want_wake(). */
	uint64_t tail = __atomic_load_n(&reader->channel->output_tail, __ATOMIC_SEQ_CST);
	uint64_t used = tail - reader->head;

	/* What was taken and not released is still in the ring. */
	if (used > CHANNEL_OUTPUT_BYTES - (reader->head - reader->released) || used % 8 != 0 ||
	    (used > 0 && reader->ended))
		return -EBADMSG;
	return (int64_t)used;
}

int output_peek_many(
	struct output_reader *reader, struct output_record *ret_records, unsigned max)
{
	int64_t used = reader->broken ? -EBADMSG : reader_used(reader);
	uint64_t head = reader->head;
	unsigned count = 0;
	bool ended = false, valid = used >= 0;

	while (valid && used > 0 && !ended && count < max) {
		union output_header header = {
			.word = __atomic_load_n(
				output_header_at(reader->channel, head), __ATOMIC_RELAXED),
		};

		valid = header_is_valid(
			header, (uint16_t)(reader->sequence + count), (uint64_t)used);
		if (!valid)
			break;
		record_show(reader->channel, head, header, &ret_records[count++]);
		head += output_record_bytes(header.length);
		used -= (int64_t)output_record_bytes(header.length);
		ended = header.kind == OUTPUT_END;
	}
	/* What stood before the bad one is good, and read before the bad one is met again. */
	if (valid || count > 0)
		return (int)count;
	reader->broken = true;
	return -EBADMSG;
}

int output_peek(struct output_reader *reader, struct output_record *ret_record)
{
	return output_peek_many(reader, ret_record, 1);
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

void output_take(struct output_reader *reader, const struct output_record *record)
{
	reader->head += output_record_bytes(record->size);
	reader->sequence++;
	reader->ended = record->kind == OUTPUT_END;
}

void output_release(struct output_reader *reader)
{
	reader->released = reader->head;
	/* Release: our loads of the payload come before the worker's stores over it. */
	__atomic_store_n(&reader->channel->output_head, reader->head, __ATOMIC_RELEASE);
}

void output_consume(struct output_reader *reader, const struct output_record *record)
{
	output_take(reader, record);
	output_release(reader);
}

void output_want_wake(struct output_reader *reader, bool wanted)
{
	__atomic_store_n(&reader->channel->output_wake_wanted, wanted, __ATOMIC_SEQ_CST);
}
