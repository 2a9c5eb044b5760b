// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_output.c: what an honest worker writes is what the daemon reads, byte for byte
 * and in order, at any pace of either, and nobody sleeps through a record.
 *
 * A script is a seeded sequence of writes. Both ends run their own copy of it, so the reader knows
 * the kind and bytes it must see next, also when the writer is another process.
 */
#include "ring/output.h"

#include "base/own.h"
#include "ring/channel.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITE_BYTES_MAX (CHANNEL_OUTPUT_BYTES + 5000)
#define NOISE_PERIOD 65521 /* a prime: no two places in the ring hold the same phase for long */
#define RANDOM_SEEDS 200

static uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* --- The script ----------------------------------------------------------------------------- */

static uint8_t noise[NOISE_PERIOD + WRITE_BYTES_MAX];

struct script {
	uint64_t random;
	enum output_kind kind;
	uint64_t written[OUTPUT_KIND_COUNT]; /* before the write of now */
	size_t left;                         /* of the write of now */
};

static void script_start(struct script *script, uint64_t seed)
{
	uint64_t random = 1;

	for (size_t i = 0; i < NOISE_PERIOD; i++)
		noise[i] = (uint8_t)random_next(&random);
	for (size_t i = NOISE_PERIOD; i < sizeof(noise); i++)
		noise[i] = noise[i - NOISE_PERIOD];
	*script = (struct script){ .random = seed };
}

static const uint8_t *script_bytes(const struct script *script)
{
	return noise + (script->written[script->kind] + script->kind * 9973) % NOISE_PERIOD;
}

static void script_advance(struct script *script, size_t size)
{
	script->written[script->kind] += size;
	script->left -= size;
}

/* Any kind but the end; sizes of every magnitude, and often just at a limit. */
static void script_next(struct script *script)
{
	static const size_t limits[] = { 0, 1, 7, 8, 9, OUTPUT_RECORD_BYTES_MAX - 1,
		OUTPUT_RECORD_BYTES_MAX, OUTPUT_RECORD_BYTES_MAX + 1, CHANNEL_OUTPUT_BYTES,
		WRITE_BYTES_MAX };
	uint64_t choice = random_next(&script->random);
	uint64_t size = random_next(&script->random);

	script->kind = OUTPUT_STDOUT + choice % (OUTPUT_END - OUTPUT_STDOUT);
	if (choice >> 32 & 1)
		script->left = size & ((1u << (choice >> 40) % 17) - 1);
	else
		script->left = limits[size % (sizeof(limits) / sizeof(limits[0]))];
}

/* --- Both ends ------------------------------------------------------------------------------ */

struct pair {
	int fd;
	struct channel *worker, *daemon; /* the same memory, mapped twice */
	struct output_writer writer;
	struct output_reader reader;
	struct script expected;
	struct output_end end;
	uint64_t random;
	unsigned rings, waits;
};

/* Checks the payload against the script, reading it by random pieces. */
static void record_check(struct pair *pair, const struct output_record *record)
{
	static uint8_t copy[OUTPUT_RECORD_BYTES_MAX];
	struct script *expected = &pair->expected;

	while (expected->left == 0)
		script_next(expected);
	cr_assert_eq(record->kind, expected->kind);
	cr_assert_leq(record->size, expected->left);
	cr_assert(record->size == expected->left || record->size >= 4096, "a crumb");
	for (size_t offset = 0, n; offset < record->size; offset += n) {
		size_t most = 1 + random_next(&pair->random) % sizeof(copy);

		n = output_copy(record, offset, copy, most);
		cr_assert(n > 0 && offset + n <= record->size);
		cr_assert_eq(memcmp(copy, script_bytes(expected), n), 0);
		script_advance(expected, n);
	}
	cr_assert_eq(output_copy(record, record->size, copy, sizeof(copy)), 0);
}

/* Takes the next record: 1, or 0 when there is none. */
static int pair_read(struct pair *pair)
{
	struct output_record record;
	int found = output_peek(&pair->reader, &record);

	cr_assert_geq(found, 0);
	if (found == 0)
		return 0;
	if (record.kind == OUTPUT_END)
		cr_assert_eq(output_copy(&record, 0, &pair->end, sizeof(pair->end)), 8);
	else
		record_check(pair, &record);
	output_consume(&pair->reader, &record);
	return 1;
}

/* The reader of a single thread: when the writer waits, at least one record goes. */
static void pair_doorbell(void *owner, bool wait)
{
	struct pair *pair = owner;

	pair->rings++;
	if (!wait)
		return;
	pair->waits++;
	cr_assert_eq(pair_read(pair), 1, "the writer waits though the ring is empty");
	while (random_next(&pair->random) % 4 && pair_read(pair) == 1)
		;
}

static void pair_open(struct pair *pair, uint64_t seed, uint64_t start)
{
	*pair = (struct pair){ .random = ~seed };
	cr_assert_eq(channel_create(&pair->fd), 0);
	cr_assert_eq(channel_map(pair->fd, &pair->worker), 0);
	cr_assert_eq(channel_map(pair->fd, &pair->daemon), 0);
	output_reader_init(&pair->reader, pair->daemon);
	output_writer_init(&pair->writer, pair->worker, pair_doorbell, pair);
	pair->reader.head = pair->reader.released = pair->writer.tail = start;
	pair->daemon->output_head = pair->worker->output_tail = start;
	script_start(&pair->expected, seed);
}

static void pair_close(struct pair *pair)
{
	channel_unmap(pair->worker);
	channel_unmap(pair->daemon);
	fd_close(&pair->fd);
}

static void pair_end(struct pair *pair, struct output_end end)
{
	output_write(&pair->writer, OUTPUT_END, &end, sizeof(end));
	while (!pair->reader.ended)
		cr_assert_eq(pair_read(pair), 1);
	cr_expect_eq(memcmp(&pair->end, &end, sizeof(end)), 0);
	cr_expect_eq(pair_read(pair), 0);
}

/* --- One thread ----------------------------------------------------------------------------- */

static void run_script(uint64_t seed, uint64_t start)
{
	struct pair pair;
	struct script script;

	pair_open(&pair, seed, start);
	script_start(&script, seed);
	for (unsigned i = 0; i < 100; i++) {
		script_next(&script);
		output_write(&pair.writer, script.kind, script_bytes(&script), script.left);
		script_advance(&script, script.left);
		for (uint64_t reads = random_next(&pair.random) % 4; reads > 0; reads--)
			pair_read(&pair);
	}
	pair_end(&pair, (struct output_end){ OUTPUT_ENDED_EXIT, (int32_t)(seed & 255) });
	cr_expect_eq(memcmp(pair.expected.written, script.written, sizeof(script.written)), 0);
	cr_expect_gt(pair.waits, 0, "seed %lu never filled the ring", (unsigned long)seed);
	pair_close(&pair);
}

Test(output, carries_every_byte_in_order_at_any_pace)
{
	for (uint64_t seed = 0; seed < RANDOM_SEEDS; seed++)
		run_script(seed, 0);
}

Test(output, goes_on_where_the_indices_pass_two_to_the_64)
{
	for (uint64_t seed = 0; seed < RANDOM_SEEDS; seed++) {
		uint64_t random = seed;

		run_script(seed, 0 - 8 * (random_next(&random) % CHANNEL_OUTPUT_BYTES));
	}
}

Test(output, shows_a_payload_over_the_edge_in_two_parts)
{
	struct output_record record;
	struct pair pair;
	char seen[20];

	pair_open(&pair, 0, CHANNEL_OUTPUT_BYTES - 16);
	output_write(&pair.writer, OUTPUT_STDERR, "over the very edge.", 19);
	cr_assert_eq(output_peek(&pair.reader, &record), 1);
	cr_expect_eq(record.kind, OUTPUT_STDERR);
	cr_expect_eq(record.size, 19);
	cr_assert_eq(record.part_count, 2);
	cr_expect_eq(record.parts[0].iov_len, 8);
	cr_expect_eq(record.parts[1].iov_len, 11);
	cr_expect_eq(memcmp(record.parts[1].iov_base, " very edge.", 11), 0);
	cr_expect_eq(output_copy(&record, 5, seen, sizeof(seen)), 14);
	cr_expect_eq(memcmp(seen, "the very edge.", 14), 0);
	pair_close(&pair);

	pair_open(&pair, 0, CHANNEL_OUTPUT_BYTES - 16);
	output_write(&pair.writer, OUTPUT_STDOUT, "straight", 8);
	cr_assert_eq(output_peek(&pair.reader, &record), 1);
	cr_expect_eq(record.part_count, 1, "it ends at the edge, not over it");
	pair_close(&pair);
}

Test(output, makes_no_record_of_no_bytes)
{
	struct output_record record;
	struct pair pair;

	pair_open(&pair, 0, 0);
	output_write(&pair.writer, OUTPUT_STDOUT, NULL, 0);
	cr_expect_eq(output_peek(&pair.reader, &record), 0);
	cr_expect_eq(pair.writer.tail, 0);
	pair_close(&pair);
}

Test(output, starts_empty_in_the_next_execution)
{
	struct output_record record;
	struct pair pair;

	pair_open(&pair, 0, 0);
	output_want_wake(&pair.reader, true);
	output_write(&pair.writer, OUTPUT_STDOUT, "unread", 6);
	output_want_wake(&pair.reader, true);
	output_reader_init(&pair.reader, pair.daemon);
	cr_expect_eq(output_peek(&pair.reader, &record), 0);

	output_writer_init(&pair.writer, pair.worker, pair_doorbell, &pair);
	pair.rings = 0;
	output_write(&pair.writer, OUTPUT_STDOUT, "new", 3);
	cr_expect_eq(pair.rings, 0, "the wish of the execution before is gone");
	cr_expect_eq(output_peek(&pair.reader, &record), 1);
	cr_expect_eq(record.size, 3);
	pair_close(&pair);
}

Test(output, rings_once_for_each_wish)
{
	struct pair pair;

	pair_open(&pair, 0, 0);
	output_write(&pair.writer, OUTPUT_STDOUT, "a", 1);
	cr_expect_eq(pair.rings, 0, "nobody asked");
	output_want_wake(&pair.reader, true);
	output_write(&pair.writer, OUTPUT_STDOUT, "b", 1);
	output_write(&pair.writer, OUTPUT_STDOUT, "c", 1);
	cr_expect_eq(pair.rings, 1);
	output_want_wake(&pair.reader, true);
	output_want_wake(&pair.reader, false);
	output_write(&pair.writer, OUTPUT_STDOUT, "d", 1);
	cr_expect_eq(pair.rings, 1, "taken back");
	pair_close(&pair);
}

Test(output, rings_once_each_time_it_becomes_half_full)
{
	const uint64_t records = CHANNEL_OUTPUT_BYTES / 16;
	struct output_record record;
	struct pair pair;

	pair_open(&pair, 0, 4096);
	for (unsigned crossing = 1; crossing <= 3; crossing++) {
		for (uint64_t i = 0; i < records / 2; i++)
			output_write(&pair.writer, OUTPUT_STDOUT, "12345678", 8);
		cr_expect_eq(pair.rings, crossing - 1, "exactly half is not more than half");
		for (uint64_t i = 0; i < records / 2; i++)
			output_write(&pair.writer, OUTPUT_STDOUT, "12345678", 8);
		cr_expect_eq(pair.rings, crossing);
		cr_expect_eq(pair.writer.tail - pair.reader.head, CHANNEL_OUTPUT_BYTES, "full");
		while (output_peek(&pair.reader, &record) == 1)
			output_consume(&pair.reader, &record);
	}
	cr_expect_eq(pair.waits, 0, "a full ring is no reason to wait before the next record");
	pair_close(&pair);
}

/* --- Two threads ---------------------------------------------------------------------------- */

#define WAKE_ROUNDS 30000u

static void bell_ring(void *owner, bool wait)
{
	const uint64_t one = 1;

	cr_assert(!wait);
	cr_assert_eq(write(*(const int *)owner, &one, sizeof(one)), sizeof(one));
}

/* Some hundred nanoseconds at most, so that the two threads collide often. */
static void spin_shortly(uint64_t *random)
{
	for (uint64_t spins = random_next(random) % 512; spins > 0; spins--)
		__asm__ volatile("");
}

/* The next record comes at about the moment when the reader goes to sleep for it. */
static void *worker_thread(void *owner)
{
	struct pair *pair = owner;
	const uint64_t *head = &pair->daemon->output_head, *tail = &pair->writer.tail;
	uint64_t random = 2;

	for (uint32_t round = 0; round < WAKE_ROUNDS; round++) {
		spin_shortly(&random);
		output_write(&pair->writer, OUTPUT_STDOUT, &round, sizeof(round));
		for (unsigned i = 1; __atomic_load_n(head, __ATOMIC_ACQUIRE) != *tail; i++)
			if (i % 4096 == 0)
				sched_yield();
	}
	return NULL;
}

/* A lost wake-up leaves both waiting for each other: this test then ends by its timeout. */
Test(output, lets_nobody_sleep_through_a_record, .timeout = 30)
{
	struct output_record record;
	struct pair pair;
	pthread_t thread;
	uint64_t rung;
	uint32_t seen;

	pair_open(&pair, 0, 0);
	AUTO_FD bell = eventfd(0, EFD_CLOEXEC);

	output_writer_init(&pair.writer, pair.daemon, bell_ring, &bell);
	cr_assert_eq(pthread_create(&thread, NULL, worker_thread, &pair), 0);
	for (uint32_t round = 0; round < WAKE_ROUNDS; round++) {
		spin_shortly(&pair.random);
		while (output_peek(&pair.reader, &record) == 0) {
			output_want_wake(&pair.reader, true);
			if (output_peek(&pair.reader, &record) == 0)
				cr_assert_eq(read(bell, &rung, sizeof(rung)), sizeof(rung));
		}
		cr_assert_eq(output_copy(&record, 0, &seen, sizeof(seen)), sizeof(seen));
		cr_assert_eq(seen, round);
		output_consume(&pair.reader, &record);
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	pair_close(&pair);
}

/* --- Two processes -------------------------------------------------------------------------- */

#define STREAM_BYTES (64u << 20)

static void worker_doorbell(void *owner, bool wait)
{
	const int *socket = owner;
	char message = wait ? 'w' : 'r';

	if (send(*socket, &message, 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	if (wait && recv(*socket, &message, 1, 0) != 1)
		_exit(1);
}

/* Writes the script until it is long enough, and ends the ring. */
static void worker_run(int fd, int socket, uint64_t seed)
{
	struct output_end end = { .ending = OUTPUT_ENDED_OK };
	struct output_writer writer;
	struct channel *channel;
	struct script script;

	if (channel_map(fd, &channel) < 0)
		_exit(1);
	output_writer_init(&writer, channel, worker_doorbell, &socket);
	script_start(&script, seed);
	for (size_t total = 0, size; total < STREAM_BYTES; total += size) {
		script_next(&script);
		size = script.left;
		output_write(&writer, script.kind, script_bytes(&script), size);
		script_advance(&script, size);
	}
	output_write(&writer, OUTPUT_END, &end, sizeof(end));
	_exit(0);
}

/* Reads until the end record, and sleeps only as output_want_wake() allows. */
static void daemon_run(struct pair *pair, int socket)
{
	struct output_record record;
	bool waits = false;
	char message;

	while (!pair->reader.ended) {
		if (pair_read(pair) == 1)
			continue;
		if (waits)
			cr_assert_eq(send(socket, "g", 1, MSG_NOSIGNAL), 1);
		waits = false;
		output_want_wake(&pair->reader, true);
		if (output_peek(&pair->reader, &record) != 0)
			continue;
		cr_assert_eq(recv(socket, &message, 1, 0), 1);
		waits = message == 'w';
	}
}

Test(output, carries_64_mebibytes_between_two_processes, .timeout = 120)
{
	const uint64_t seed = 64;
	struct pair pair;
	int ends[2], status;
	uint64_t total = 0;

	pair_open(&pair, seed, 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid_t child = fork();

	if (child == 0) {
		fd_close(&ends[0]);
		worker_run(pair.fd, ends[1], seed);
	}
	fd_close(&ends[1]);
	daemon_run(&pair, ends[0]);
	cr_expect_eq(pair.end.ending, OUTPUT_ENDED_OK);
	cr_expect_eq(pair.expected.left, 0);
	for (unsigned kind = 0; kind < OUTPUT_KIND_COUNT; kind++)
		total += pair.expected.written[kind];
	cr_expect_geq(total, STREAM_BYTES);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fd_close(&ends[0]);
	pair_close(&pair);
}
