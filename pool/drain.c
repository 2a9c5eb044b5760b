// SPDX-License-Identifier: Apache-2.0
/*
 * pool/drain.c: output, from the worker's ring and its children's pipes to the caller.
 *
 * Bytes up to the output limit go straight on. What comes behind it goes into a small ring a
 * stream, of which the last part is delivered at the end: the caller sees how a flood began and
 * how it ended, and the pool holds no more than EXECUTION_TAIL_BYTES of it.
 *
 * Large records may be lent to the caller where they lie. Until it resumes, their room is not
 * published and nothing else is brought; and as an execution is over only when its caller took
 * everything, the ring stays mapped and the slot as it is, whatever ended the program meanwhile.
 */
#include "pool/pool_private.h"

#include "base/own.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than this consumed may have made room for a waiting writer. */
#define WAKE_AFTER_BYTES (CHANNEL_OUTPUT_BYTES / 4)

/* A smaller record costs less to copy than to tell the kernel of. */
#define LEND_BYTES_MIN 1024u

static size_t smaller(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

static void tail_keep(struct slot_tail *tail, const char *bytes, size_t size)
{
	tail->written += size;
	if (size > EXECUTION_TAIL_BYTES) {
		bytes += size - EXECUTION_TAIL_BYTES;
		size = EXECUTION_TAIL_BYTES;
	}
	for (size_t done = 0; done < size;) {
		size_t at = (tail->written - size + done) % EXECUTION_TAIL_BYTES;
		size_t part = smaller(size - done, EXECUTION_TAIL_BYTES - at);

		memcpy(tail->bytes + at, bytes + done, part);
		done += part;
	}
}

static void sink_offer(struct slot *slot, enum output_kind kind, const void *bytes, size_t size)
{
	if (size && !slot->execution->output(slot->execution, kind, bytes, size))
		slot->sink_full = true;
}

static void stream_take(struct slot *slot, enum output_kind kind, const char *bytes, size_t size)
{
	uint64_t limit = slot->execution->limits.values[LIMIT_OUTPUT];
	uint64_t room = limit > slot->output_bytes ? limit - slot->output_bytes : 0;
	size_t head = smaller(size, room);

	slot->output_bytes += head;
	sink_offer(slot, kind, bytes, head);
	if (size > head)
		tail_keep(&slot->tails[kind == OUTPUT_STDERR], bytes + head, size - head);
}

bool slot_is_over_output(const struct slot *slot)
{
	return slot->tails[0].written || slot->tails[1].written;
}

void slot_tails_deliver(struct slot *slot)
{
	for (int i = 0; i < 2; i++) {
		struct slot_tail *tail = &slot->tails[i];
		enum output_kind kind = i ? OUTPUT_STDERR : OUTPUT_STDOUT;
		size_t kept = smaller(tail->written, EXECUTION_TAIL_BYTES);
		size_t start =
			kept < EXECUTION_TAIL_BYTES ? 0 : tail->written % EXECUTION_TAIL_BYTES;
		size_t first = smaller(kept, EXECUTION_TAIL_BYTES - start);

		if (!kept)
			continue;
		slot->dropped_bytes += tail->written - kept;
		slot->output_bytes += kept;
		if (slot->execution->gap)
			slot->execution->gap(slot->execution, kind, tail->written - kept);
		sink_offer(slot, kind, tail->bytes + start, first);
		sink_offer(slot, kind, tail->bytes, kept - first);
		tail->written = 0;
	}
}

/* The payload is copied before it is looked at: the worker can still write those pages. */
static void record_take(struct slot *slot, const struct output_record *record)
{
	char bytes[OUTPUT_RECORD_BYTES_MAX];
	size_t size = output_copy(record, 0, bytes, sizeof(bytes));

	switch (record->kind) {
	case OUTPUT_STDOUT:
	case OUTPUT_STDERR:
		stream_take(slot, record->kind, bytes, size);
		break;
	case OUTPUT_END:
		memcpy(&slot->end, bytes, sizeof(slot->end));
		break;
	default:
		slot->record_bytes += size;
		if (slot->record_bytes <= EXECUTION_RECORD_BYTES_MAX)
			sink_offer(slot, record->kind, bytes, size);
	}
}

/* Whether it could be lent: a small record is copied sooner than its place is told. */
static bool record_may_be_lent(const struct slot *slot, const struct output_record *record)
{
	return slot->execution->vector && record->size >= LEND_BYTES_MIN &&
	       (record->kind == OUTPUT_STDOUT || record->kind == OUTPUT_STDERR);
}

/* Offers what comes next, as far as it is of the streams and within the output limit. */
static bool ring_lend(struct slot *slot)
{
	uint64_t limit = slot->execution->limits.values[LIMIT_OUTPUT];
	uint64_t room = limit > slot->output_bytes ? limit - slot->output_bytes : 0;
	struct output_record records[OUTPUT_VECTOR_MAX];
	int found = output_peek_many(&slot->reader, records, OUTPUT_VECTOR_MAX);
	unsigned count = 0, taken;

	while ((int)count < found && records[count].size <= room &&
	       (records[count].kind == OUTPUT_STDOUT || records[count].kind == OUTPUT_STDERR))
		room -= records[count++].size;
	taken = count ? slot->execution->vector(slot->execution, records, count) : 0;
	for (unsigned i = 0; i < taken; i++) {
		slot->output_bytes += records[i].size;
		output_take(&slot->reader, &records[i]);
	}
	slot->lent = slot->sink_full = taken > 0;
	return slot->lent;
}

static int64_t ring_drain(struct slot *slot)
{
	uint64_t before = slot->reader.head, released = slot->reader.released;
	struct output_record record;
	int result = 0;

	if (slot->sink_full)
		return 0;
	if (slot->lent)
		output_release(&slot->reader);
	slot->lent = false;
	while (!slot->sink_full && (result = output_peek(&slot->reader, &record)) > 0) {
		if (record_may_be_lent(slot, &record) && ring_lend(slot))
			break;
		record_take(slot, &record);
		output_consume(&slot->reader, &record);
	}
	/* A writer that waits was out of room, so by the time that all is read this is much. */
	slot->room_bytes += slot->reader.released - released;
	if (slot->room_bytes >= WAKE_AFTER_BYTES) {
		slot->room_bytes = 0;
		syscall(SYS_futex, &slot->channel->output_head, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	return result < 0 ? result : (int64_t)(slot->reader.head - before);
}

static int64_t pipe_drain(struct slot *slot, unsigned which)
{
	static _Thread_local char bytes[OUTPUT_CHUNK_BYTES_MAX];
	int64_t taken = 0;

	while (!slot->sink_full && slot->pipes[which].fd >= 0) {
		ssize_t n = read(slot->pipes[which].fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		stream_take(slot, which ? OUTPUT_STDERR : OUTPUT_STDOUT, bytes, (size_t)n);
		taken += n;
		/*
		 * A writer as fast as we are must not keep us here: its limit has to be looked at.
		 */
		if (slot_is_over_output(slot))
			break;
	}
	return taken;
}

int64_t slot_drain(struct slot *slot)
{
	int64_t consumed = ring_drain(slot);

	if (consumed < 0)
		return consumed;
	consumed += pipe_drain(slot, 0);
	return consumed + pipe_drain(slot, 1);
}
