// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_output_reader.c: whatever a worker writes into the shared pages, the daemon gets
 * a record that lies inside the ring, or -EBADMSG for good.
 */
#include "ring/output.h"

#include "base/own.h"
#include "ring/channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

/* A record of the test's own making: nothing here trusts the writer's layout. */
struct header {
	uint32_t length;
	uint16_t kind;
	uint16_t sequence;
};

struct victim {
	int fd;
	struct channel *channel;
	struct output_reader reader;
	uint64_t start; /* index of the first record */
};

static void victim_open(struct victim *victim, uint64_t start)
{
	cr_assert_eq(channel_create(&victim->fd), 0);
	cr_assert_eq(channel_map(victim->fd, &victim->channel), 0);
	output_reader_init(&victim->reader, victim->channel);
	victim->start = start;
	victim->reader.head = victim->reader.released = start;
	victim->channel->output_head = start;
	victim->channel->output_tail = start;
}

static void victim_close(struct victim *victim)
{
	channel_unmap(victim->channel);
	fd_close(&victim->fd);
}

/* Puts a header where `index` stands, and the tail `tail_bytes` behind it. */
static void victim_put(struct victim *victim, uint64_t index, struct header header,
	uint64_t tail_bytes)
{
	uint8_t *ring = channel_output_bytes(victim->channel);

	memcpy(ring + index % CHANNEL_OUTPUT_BYTES, &header, sizeof(header));
	victim->channel->output_tail = index + tail_bytes;
}

/* A broken reader stays so, though the worker repents. */
static void expect_broken(struct victim *victim, const char *what)
{
	struct output_record record;

	cr_expect_eq(output_peek(&victim->reader, &record), -EBADMSG, "%s", what);
	victim_put(victim, victim->reader.head,
		(struct header){ 1, OUTPUT_STDOUT, victim->reader.sequence }, 16);
	cr_expect_eq(output_peek(&victim->reader, &record), -EBADMSG, "%s, then repented", what);
	victim->channel->output_tail = victim->reader.head;
	cr_expect_eq(output_peek(&victim->reader, &record), -EBADMSG, "%s, then emptied", what);
}

static void expect_consumed(struct victim *victim, enum output_kind kind, size_t size)
{
	struct output_record record;

	cr_assert_eq(output_peek(&victim->reader, &record), 1);
	cr_assert_eq(record.kind, kind);
	cr_assert_eq(record.size, size);
	output_consume(&victim->reader, &record);
}

/* At the ring's start, before its edge, before the index wraps, and somewhere. */
static const uint64_t starts[] = { 0, CHANNEL_OUTPUT_BYTES - 8, UINT64_C(0) - 8, 1u << 20 };

#define EACH_START(start) \
	for (const uint64_t *start = starts; start < starts + 4; start++)

Test(output_reader, refuses_a_tail_that_cannot_be)
{
	static const struct {
		const char *what;
		uint64_t ahead;
	} rows[] = {
		{ "size + 8", CHANNEL_OUTPUT_BYTES + 8 },
		{ "size + 1", CHANNEL_OUTPUT_BYTES + 1 },
		{ "2^31", UINT64_C(1) << 31 },
		{ "2^32 - 1", UINT32_MAX },
		{ "2^32", UINT64_C(1) << 32 },
		{ "2^63", UINT64_C(1) << 63 },
		{ "back by 8", UINT64_C(0) - 8 },
		{ "back by 1", UINT64_C(0) - 1 },
		{ "back by the size", UINT64_C(0) - CHANNEL_OUTPUT_BYTES },
		{ "not a multiple of 8", 17 },
		{ "a header cut off", 7 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EACH_START(start) {
			struct victim victim;

			victim_open(&victim, *start);
			victim_put(&victim, *start, (struct header){ 1, OUTPUT_STDOUT, 0 },
				rows[i].ahead);
			expect_broken(&victim, rows[i].what);
			victim_close(&victim);
		}
}

Test(output_reader, refuses_a_header_that_cannot_be)
{
	enum { FULL = CHANNEL_OUTPUT_BYTES, MOST = OUTPUT_RECORD_BYTES_MAX };
	static const struct {
		const char *what;
		struct header header;
		uint64_t used;
	} rows[] = {
		{ "all zeros", { 0, 0, 0 }, 16 },
		{ "no bytes", { 0, OUTPUT_STDOUT, 0 }, 8 },
		{ "an end of no bytes", { 0, OUTPUT_END, 0 }, 8 },
		{ "an end of 7", { 7, OUTPUT_END, 0 }, 16 },
		{ "an end of 9", { 9, OUTPUT_END, 0 }, 24 },
		{ "an end of the most", { MOST, OUTPUT_END, 0 }, FULL },
		{ "beyond the most", { MOST + 1, OUTPUT_STDOUT, 0 }, FULL },
		{ "the whole ring", { FULL, OUTPUT_STDOUT, 0 }, FULL },
		{ "negative", { (uint32_t)-1, OUTPUT_STDOUT, 0 }, FULL },
		{ "negative, even", { (uint32_t)-8, OUTPUT_STDOUT, 0 }, FULL },
		{ "2^31", { 1u << 31, OUTPUT_STDOUT, 0 }, FULL },
		{ "a header alone", { 1, OUTPUT_STDOUT, 0 }, 8 },
		{ "across the tail", { 9, OUTPUT_STDOUT, 0 }, 16 },
		{ "across the tail by far", { MOST, OUTPUT_STDOUT, 0 }, 4096 },
		{ "no kind", { 1, 0, 0 }, 16 },
		{ "a kind too many", { 1, OUTPUT_KIND_COUNT, 0 }, 16 },
		{ "kind 2^16 - 1", { 1, UINT16_MAX, 0 }, 16 },
		{ "a high bit of the kind", { 1, OUTPUT_STDOUT | 0x8000, 0 }, 16 },
		{ "a skipped sequence", { 1, OUTPUT_STDOUT, 1 }, 16 },
		{ "a sequence from before", { 1, OUTPUT_STDOUT, UINT16_MAX }, 16 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EACH_START(start) {
			struct victim victim;

			victim_open(&victim, *start);
			victim_put(&victim, *start, rows[i].header, rows[i].used);
			expect_broken(&victim, rows[i].what);
			victim_close(&victim);
		}
}

Test(output_reader, takes_what_is_just_inside_the_bounds)
{
	static const struct {
		struct header header;
		uint64_t used;
	} rows[] = {
		{ { 1, OUTPUT_STDOUT, 0 }, 16 },
		{ { 8, OUTPUT_ERROR_TRACEBACK, 0 }, 16 },
		{ { 8, OUTPUT_END, 0 }, 16 },
		{ { OUTPUT_RECORD_BYTES_MAX, OUTPUT_STDERR, 0 }, OUTPUT_RECORD_BYTES_MAX + 8 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EACH_START(start) {
			struct output_record record;
			struct victim victim;

			victim_open(&victim, *start);
			victim_put(&victim, *start, rows[i].header, rows[i].used);
			expect_consumed(&victim, rows[i].header.kind, rows[i].header.length);
			cr_expect_eq(output_peek(&victim.reader, &record), 0);
			victim_close(&victim);
		}
}

Test(output_reader, refuses_a_sequence_that_repeats_or_skips)
{
	for (uint16_t sequence = 0; sequence < 4; sequence++) {
		struct victim victim;

		victim_open(&victim, 0);
		victim_put(&victim, 0, (struct header){ 5, OUTPUT_STDOUT, 0 }, 16);
		expect_consumed(&victim, OUTPUT_STDOUT, 5);
		victim_put(&victim, 16, (struct header){ 6, OUTPUT_STDERR, sequence }, 16);
		if (sequence == 1)
			expect_consumed(&victim, OUTPUT_STDERR, 6);
		else
			expect_broken(&victim, "sequence");
		victim_close(&victim);
	}
}

Test(output_reader, counts_the_sequence_past_65536)
{
	struct victim victim;

	victim_open(&victim, 0);
	for (uint64_t i = 0; i < 70000; i++) {
		victim_put(&victim, 16 * i, (struct header){ 1, OUTPUT_STDOUT, (uint16_t)i }, 16);
		expect_consumed(&victim, OUTPUT_STDOUT, 1);
	}
	victim_close(&victim);
}

Test(output_reader, refuses_anything_behind_the_end)
{
	struct output_record record;
	struct victim victim;

	victim_open(&victim, 0);
	victim_put(&victim, 0, (struct header){ sizeof(struct output_end), OUTPUT_END, 0 }, 16);
	victim_put(&victim, 16, (struct header){ 1, OUTPUT_STDOUT, 1 }, 16);
	expect_consumed(&victim, OUTPUT_END, sizeof(struct output_end));
	expect_broken(&victim, "output behind the end");
	victim_close(&victim);

	victim_open(&victim, 0);
	victim_put(&victim, 0, (struct header){ sizeof(struct output_end), OUTPUT_END, 0 }, 16);
	expect_consumed(&victim, OUTPUT_END, sizeof(struct output_end));
	cr_expect_eq(output_peek(&victim.reader, &record), 0);
	victim_put(&victim, 16, (struct header){ sizeof(struct output_end), OUTPUT_END, 1 }, 16);
	expect_broken(&victim, "a second end");
	victim_close(&victim);
}

Test(output_reader, keeps_its_own_head_when_the_worker_writes_it)
{
	struct victim victim;

	victim_open(&victim, 0);
	victim_put(&victim, 0, (struct header){ 3, OUTPUT_STDOUT, 0 }, 16);
	victim.channel->output_head = UINT64_MAX / 3;
	expect_consumed(&victim, OUTPUT_STDOUT, 3);
	cr_expect_eq(victim.channel->output_head, 16);
	victim.channel->output_head = 0;
	victim_put(&victim, 16, (struct header){ 4, OUTPUT_STDOUT, 1 }, 16);
	expect_consumed(&victim, OUTPUT_STDOUT, 4);
	cr_expect_eq(victim.channel->output_head, 32);
	victim_close(&victim);
}

Test(output_reader, takes_no_hole_for_a_record)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct victim victim;

	victim_open(&victim, 0);
	victim_put(&victim, 0, (struct header){ 100, OUTPUT_STDOUT, 0 }, 112);
	cr_assert_eq(fallocate(victim.fd, punch, 0, CHANNEL_BYTES), 0);
	victim.channel->output_tail = 112;
	expect_broken(&victim, "a hole in the ring");
	victim_close(&victim);

	victim_open(&victim, 0);
	victim_put(&victim, 0, (struct header){ 100, OUTPUT_STDOUT, 0 }, 112);
	expect_consumed(&victim, OUTPUT_STDOUT, 100);
	cr_assert_eq(madvise(victim.channel, CHANNEL_BYTES, MADV_REMOVE), 0);
	expect_broken(&victim, "the indices gone, too");
	victim_close(&victim);
}

/* --- Several at once ------------------------------------------------------------------------ */

#define THREE_BYTES 48u

/* Three records of one, two and three bytes, of which the last may be another. */
static void victim_put_three(struct victim *victim, uint64_t start, struct header last)
{
	victim_put(victim, start, (struct header){ 1, OUTPUT_STDOUT, 0 }, 16);
	victim_put(victim, start + 16, (struct header){ 2, OUTPUT_STDERR, 1 }, 16);
	victim_put(victim, start + 32, last, 16);
}

Test(output_reader, shows_several_and_consumes_none)
{
	EACH_START(start) {
		struct output_record records[4];
		struct victim victim;

		victim_open(&victim, *start);
		victim_put_three(&victim, *start, (struct header){ 3, OUTPUT_STDOUT, 2 });
		cr_assert_eq(output_peek_many(&victim.reader, records, 2), 2);
		cr_assert_eq(output_peek_many(&victim.reader, records, 4), 3);
		for (unsigned i = 0; i < 3; i++)
			cr_expect_eq(records[i].size, i + 1);
		cr_expect_eq(records[1].kind, OUTPUT_STDERR);
		cr_expect_eq(victim.channel->output_head, *start);
		expect_consumed(&victim, OUTPUT_STDOUT, 1);
		cr_expect_eq(output_peek_many(&victim.reader, records, 4), 2);
		victim_close(&victim);
	}
}

Test(output_reader, shows_what_stands_before_something_impossible)
{
	static const struct header bad[] = {
		{ 3, OUTPUT_STDOUT, 1 }, { 9, OUTPUT_STDOUT, 2 }, { 0, OUTPUT_STDOUT, 2 },
		{ 3, OUTPUT_KIND_COUNT, 2 }, { UINT32_MAX, OUTPUT_STDERR, 2 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct output_record records[4];
		struct victim victim;

		victim_open(&victim, 0);
		victim_put_three(&victim, 0, bad[i]);
		cr_assert_eq(output_peek_many(&victim.reader, records, 4), 2);
		expect_consumed(&victim, OUTPUT_STDOUT, 1);
		expect_consumed(&victim, OUTPUT_STDERR, 2);
		cr_expect_eq(output_peek_many(&victim.reader, records, 4), -EBADMSG);
		cr_expect(victim.reader.broken);
		victim_close(&victim);
	}
}

Test(output_reader, shows_nothing_behind_the_end)
{
	struct output_record records[4];
	struct victim victim;

	victim_open(&victim, 0);
	victim_put(&victim, 0, (struct header){ sizeof(struct output_end), OUTPUT_END, 0 }, 16);
	victim_put(&victim, 16, (struct header){ 1, OUTPUT_STDOUT, 1 }, 16);
	cr_expect_eq(output_peek_many(&victim.reader, records, 4), 1);
	output_take(&victim.reader, &records[0]);
	cr_expect_eq(output_peek_many(&victim.reader, records, 4), -EBADMSG);
	victim_close(&victim);
}

Test(output_reader, keeps_the_room_of_what_is_taken_until_it_is_released)
{
	struct output_record record;
	struct victim victim;

	victim_open(&victim, 0);
	victim_put_three(&victim, 0, (struct header){ 3, OUTPUT_STDOUT, 2 });
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(output_peek(&victim.reader, &record), 1);
		output_take(&victim.reader, &record);
	}
	cr_expect_eq(victim.channel->output_head, 0);
	cr_assert_eq(output_peek(&victim.reader, &record), 1);
	cr_expect_eq(record.size, 3);
	output_release(&victim.reader);
	cr_expect_eq(victim.channel->output_head, 32);
	expect_consumed(&victim, OUTPUT_STDOUT, 3);
	cr_expect_eq(victim.channel->output_head, THREE_BYTES);
	victim_close(&victim);
}

/* The tail may stand the whole ring before what was released, not before what was taken. */
Test(output_reader, refuses_a_tail_in_the_room_of_what_is_taken)
{
	EACH_START(start) {
		struct output_record record;
		struct victim victim;

		victim_open(&victim, *start);
		victim_put_three(&victim, *start, (struct header){ 3, OUTPUT_STDOUT, 2 });
		cr_assert_eq(output_peek(&victim.reader, &record), 1);
		output_take(&victim.reader, &record);
		victim.channel->output_tail = *start + CHANNEL_OUTPUT_BYTES;
		cr_expect_eq(output_peek(&victim.reader, &record), 1);
		victim.channel->output_tail = *start + CHANNEL_OUTPUT_BYTES + 8;
		expect_broken(&victim, "the tail over what is taken");
		victim_close(&victim);
	}
}

/* --- Changes between the check and the use -------------------------------------------------- */

#define FLIP_PEEKS 300000u

struct flipper {
	uint64_t *word;
	bool stop;
};

static void *flipper_run(void *owner)
{
	static const struct header faces[] = {
		{ 1, OUTPUT_STDOUT, 0 },
		{ UINT32_MAX, OUTPUT_STDOUT, 0 },
		{ OUTPUT_RECORD_BYTES_MAX, OUTPUT_STDERR, 0 },
		{ OUTPUT_RECORD_BYTES_MAX + 1, OUTPUT_STDERR, 0 },
		{ sizeof(struct output_end), OUTPUT_END, 0 },
		{ 0, OUTPUT_END, 0 },
	};
	struct flipper *flipper = owner;
	uint64_t words[sizeof(faces) / sizeof(faces[0])];

	memcpy(words, faces, sizeof(words));
	for (size_t i = 0; !__atomic_load_n(&flipper->stop, __ATOMIC_RELAXED); i++)
		__atomic_store_n(flipper->word, words[i % (sizeof(words) / sizeof(words[0]))],
			__ATOMIC_RELAXED);
	return NULL;
}

/* True for a record that one of the valid faces describes, all of it inside the ring. */
static bool record_is_whole(const struct victim *victim, const struct output_record *record)
{
	const uint8_t *ring = channel_output_bytes(victim->channel);
	size_t size = 0;

	for (unsigned i = 0; i < record->part_count; i++) {
		const uint8_t *start = record->parts[i].iov_base;

		if (start < ring || start + record->parts[i].iov_len > ring + CHANNEL_OUTPUT_BYTES)
			return false;
		size += record->parts[i].iov_len;
	}
	return size == record->size &&
	       ((record->kind == OUTPUT_STDOUT && size == 1) ||
		(record->kind == OUTPUT_STDERR && size == OUTPUT_RECORD_BYTES_MAX) ||
		(record->kind == OUTPUT_END && size == sizeof(struct output_end)));
}

Test(output_reader, believes_a_length_once_while_a_thread_flips_it, .timeout = 60)
{
	static uint8_t copy[OUTPUT_RECORD_BYTES_MAX];
	const uint64_t start = CHANNEL_OUTPUT_BYTES - 4096;
	struct victim victim;
	unsigned seen[OUTPUT_KIND_COUNT] = { 0 }, refused = 0;
	pthread_t thread;

	victim_open(&victim, start);
	victim_put(&victim, start, (struct header){ 1, OUTPUT_STDOUT, 0 }, CHANNEL_OUTPUT_BYTES);
	struct flipper flipper = {
		.word = (uint64_t *)(void *)(channel_output_bytes(victim.channel) + start),
	};

	cr_assert_eq(pthread_create(&thread, NULL, flipper_run, &flipper), 0);
	for (unsigned i = 0; i < FLIP_PEEKS || refused == 0 || seen[OUTPUT_STDERR] == 0; i++) {
		struct output_record record;

		if (output_peek(&victim.reader, &record) == 1) {
			seen[record.kind]++;
			if (!record_is_whole(&victim, &record) ||
			    output_copy(&record, 0, copy, sizeof(copy)) != record.size)
				cr_assert_fail("kind %u, %zu bytes", record.kind, record.size);
		} else {
			refused++;
			victim.reader.broken = false; /* a fresh reader, for the next peek */
		}
	}
	__atomic_store_n(&flipper.stop, true, __ATOMIC_RELAXED);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	victim_close(&victim);
}
