// SPDX-License-Identifier: Apache-2.0
/*
 * ring/output.h: the output ring, both ends.
 *
 * A byte ring of CHANNEL_OUTPUT_BYTES with free-running 64-bit indices: used = tail - head, empty
 * when equal, full when used == size. Records are 8-byte aligned:
 *
 *	u32 length	bytes of payload, 1 … OUTPUT_RECORD_BYTES_MAX
 *	u16 kind	enum output_kind
 *	u16 sequence	counts records, modulo 65,536, from 0
 *	payload		padded to 8 bytes; may wrap around the end of the ring
 *
 * One writer (the worker's interpreter; no locks: the runtime's own lock is held, or the program
 * harms itself), one reader (the daemon's loop). When the ring is full the writer rings the
 * doorbell and waits for the reader; its deadline goes on meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct channel;

enum output_kind {
	OUTPUT_STDOUT = 1,
	OUTPUT_STDERR,
	OUTPUT_RESULT_TEXT,     /* the last expression's value as a notebook shows it */
	OUTPUT_RESULT_JSON,     /* the same as JSON, where it can be said in JSON */
	OUTPUT_ERROR_NAME,      /* of the exception that ended the code */
	OUTPUT_ERROR_MESSAGE,
	OUTPUT_ERROR_TRACEBACK,
	OUTPUT_END,             /* payload: struct output_end; nothing may follow it */
	OUTPUT_RESULT_MIME,     /* of the result, other forms: a JSON object, data by media type */
	OUTPUT_KIND_COUNT,
};

#define OUTPUT_HEADER_BYTES 8u
#define OUTPUT_RECORD_BYTES_MAX (1u << 15)

/* How the code ended, in the runtime's words; the last is the stub's. */
enum output_ending {
	OUTPUT_ENDED_OK = 1,
	OUTPUT_ENDED_ERROR, /* the code raised */
	OUTPUT_ENDED_EXIT,  /* the code asked to exit with exit_code */
	OUTPUT_ENDED_UNBEGUN, /* nothing of the code ran: the worker itself failed */
};

struct output_end {
	uint32_t ending;   /* enum output_ending */
	int32_t exit_code; /* for OUTPUT_ENDED_EXIT, 0…255 */
};

/* The worker's end. Both ends start each execution empty, at index 0: see output_reader_init(). */

struct output_writer {
	struct channel *channel;
	uint64_t tail;
	uint16_t sequence;
	/* Rings the doorbell; with `wait` it returns when the reader may have moved on. */
	void (*doorbell)(void *owner, bool wait);
	void *owner;
};

void output_writer_init(struct output_writer *writer, struct channel *channel,
	void (*doorbell)(void *owner, bool wait), void *owner);

/*
 * Appends `size` bytes as one or more records of `kind`, in order, waiting for room as needed; no
 * bytes are no record. Cuts where the bytes run out of record or room, be it inside a character.
 * Rings the doorbell once for each wish of the reader, and once each time that the ring becomes
 * more than half full.
 */
void output_write(struct output_writer *writer, enum output_kind kind, const void *bytes,
	size_t size);

/* The daemon's end. */

struct output_reader {
	struct channel *channel;
	uint64_t head;     /* the truth; the shared word is only where it is published */
	uint64_t released; /* what is published: head, or less while records are taken */
	uint16_t sequence; /* expected next */
	bool ended;        /* OUTPUT_END was consumed */
	bool broken;       /* something impossible was seen: -EBADMSG from then on */
};

struct output_record {
	enum output_kind kind;
	size_t size;
	struct iovec parts[2]; /* the payload in the ring; the worker can still change it */
	unsigned part_count;
};

/*
 * Empties the ring for the next execution: both shared indices are 0, no wish stands. Call it while
 * the worker waits, before the dispatch; the worker calls output_writer_init() after it. The bytes
 * of earlier records stay where they are.
 */
void output_reader_init(struct output_reader *reader, struct channel *channel);

/*
 * Looks at the next record without consuming it. 1: there is one; 0: none; -EBADMSG: the worker
 * wrote something impossible (index, length, kind, sequence, a record behind the end record), and
 * nothing more can be read from it. Keep the record until it is consumed: what was checked is in
 * it, and a second look may find another one in its place.
 */
int output_peek(struct output_reader *reader, struct output_record *ret_record);

/*
 * The same for the next records, at most `max` (which is not 0); how many there are. Something
 * impossible is told when it is the next. Only the first ones may be consumed or taken, in order.
 */
int output_peek_many(
	struct output_reader *reader, struct output_record *ret_records, unsigned max);

/* Copies at most `size` bytes of the payload from `offset` on, and returns how many. */
size_t output_copy(const struct output_record *record, size_t offset, void *buffer, size_t size);

/* Consumes the record that output_peek() showed, and publishes the room of all that was taken. */
void output_consume(struct output_reader *reader, const struct output_record *record);

/*
 * Consumes it and keeps its room, so that the worker does not write over what is still to be read
 * (it can, but then it spoils its own output), until output_release() publishes all of it.
 */
void output_take(struct output_reader *reader, const struct output_record *record);
void output_release(struct output_reader *reader);

/*
 * Asks for a doorbell at the next record (true), or only when the ring is half full (false). The
 * doorbell that answers a wish ends it. A record may have come just before the wish, so look once
 * more before sleeping; then no wake-up is lost:
 *
 *	while (output_peek(…) == 0) {
 *		output_want_wake(…, true);
 *		if (output_peek(…) == 0)
 *			sleep until the doorbell;
 *	}
 */
void output_want_wake(struct output_reader *reader, bool wanted);
