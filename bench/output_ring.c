// SPDX-License-Identifier: Apache-2.0
/*
 * bench/output_ring.c: how many bytes and records a second pass from a worker to the daemon?
 *
 * Closed loop between two processes, on one CPU and on two:
 *	ring	the output ring; the doorbell only when half full or full
 *	wish	the same, and the reader asks for a doorbell each time it found the ring empty
 *	pipe	write(2) of each record, read(2) of 64 KiB: what a child process's stdout is
 * The reader copies each byte out. Best of REPEATS, fork and exit included; one JSON line.
 * `write_nsec` is the writer alone, on a ring that never becomes half full.
 */
#include "base/clock.h"
#include "ring/channel.h"
#include "ring/output.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPEATS = 5 };
enum way { WAY_RING, WAY_WISH, WAY_PIPE, WAY_COUNT };

static const char *const way_names[] = { "ring", "wish", "pipe" };
static uint8_t bytes[1u << 16];
static int memory;
static struct channel *channel;

static void doorbell(void *owner, bool wait)
{
	const int *fd = owner;
	char message = wait ? 'w' : 'r';

	if (send(*fd, &message, 1, 0) != 1 || (wait && recv(*fd, &message, 1, 0) != 1))
		err(1, "doorbell");
}

static void cpu_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		err(1, "CPU %d", cpu);
}

static void write_records(enum way way, int fd, size_t size, unsigned records)
{
	struct output_writer writer;

	output_writer_init(&writer, channel, doorbell, &fd);
	for (unsigned i = 0; i < records; i++)
		if (way != WAY_PIPE)
			output_write(&writer, OUTPUT_STDOUT, bytes, size);
		else if (write(fd, bytes, size) != (ssize_t)size)
			err(1, "pipe");
	if (way != WAY_PIPE && fd >= 0)
		doorbell(&fd, false);
}

/* Until `left` bytes came: the writer may have cut records. */
static void read_ring(struct output_reader *reader, int fd, bool wish, size_t left)
{
	struct output_record record;

	for (char message = 0; left > 0; message = 0) {
		output_want_wake(reader, wish);
		if (output_peek(reader, &record) == 0 && recv(fd, &message, 1, 0) != 1)
			err(1, "doorbell");
		while (output_peek(reader, &record) == 1) {
			left -= output_copy(&record, 0, bytes, sizeof(bytes));
			output_consume(reader, &record);
		}
		if (message == 'w' && send(fd, &message, 1, 0) != 1)
			err(1, "answer");
	}
}

static uint64_t run_nsec(enum way way, size_t size, unsigned records, int cpus)
{
	struct output_reader reader;
	int ends[2], status;

	if (way == WAY_PIPE ? pipe2(ends, O_CLOEXEC) :
			      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		err(1, "pipe or socket");
	output_reader_init(&reader, channel);
	cpu_pin(0);
	uint64_t start = clock_now_nsec();
	pid_t writer = fork();

	if (writer == 0) {
		cpu_pin(cpus - 1);
		if (channel_map(memory, &channel) < 0)
			errx(1, "no channel");
		write_records(way, ends[1], size, records);
		_exit(0);
	}
	close(ends[1]);
	while (way == WAY_PIPE && read(ends[0], bytes, sizeof(bytes)) > 0)
		;
	if (way != WAY_PIPE)
		read_ring(&reader, ends[0], way == WAY_WISH, records * size);
	if (waitpid(writer, &status, 0) != writer || status)
		errx(1, "the writer failed");
	close(ends[0]);
	return clock_now_nsec() - start;
}

int main(void)
{
	static const unsigned sizes[] = { 2, 64, 4096, 32768 };
	static const unsigned records[] = { 300000, 300000, 65536, 8192 };
	struct output_reader reader;
	struct utsname name;

	if (channel_create(&memory) < 0 || channel_map(memory, &channel) < 0 || uname(&name) < 0)
		errx(1, "no channel");
	printf("{\"bench\":\"output_ring\",\"kernel\":\"%s\",\"rows\":[", name.release);
	for (int row = 0; row < 4; row++) {
		unsigned size = sizes[row], few = CHANNEL_OUTPUT_BYTES / 2 / (size + 16);
		uint64_t best = UINT64_MAX, taken;

		for (int i = 0; i < REPEATS; i++, best = taken < best ? taken : best) {
			output_reader_init(&reader, channel);
			taken = clock_now_nsec();
			write_records(WAY_RING, -1, size, few);
			taken = clock_now_nsec() - taken;
		}
		printf("%s\"record_bytes\":%u,\"write_nsec\":%.1f", row ? "},{" : "{", size,
			(double)best / few);
		for (int column = 0; column < 2 * WAY_COUNT; column++) {
			int way = column % WAY_COUNT, cpus = 1 + column / WAY_COUNT;

			best = UINT64_MAX;
			for (int i = 0; i < REPEATS; i++, best = taken < best ? taken : best)
				taken = run_nsec(way, size, records[row], cpus);
			double rate = records[row] * 1e9 / (double)best;

			printf(",\"%s_%dcpu\":{\"records_per_s\":%.0f,\"mib_per_s\":%.1f}",
				way_names[way], cpus, rate, rate * size / (1 << 20));
		}
	}
	puts("}]}");
}
