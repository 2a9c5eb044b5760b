// SPDX-License-Identifier: Apache-2.0
/*
 * bench/stream_rate.c: how fast does a program's output come to a client of the daemon?
 *
 *	stream_rate [MIB [ROUNDS]]
 *
 * MIB mebibytes (1,024) of printed lines of 80 characters, three ways in turn, ROUNDS (3) times, to
 * a reader in this process that reads 256 KiB at a time and looks at nothing but the end:
 *	cat	`cat` of the same bytes, from memory, through a pipe
 *	raw	a real `corral serve` with one shard, over its unix socket: frames
 *	lines	the same as NDJSON
 * From the request (for cat: its start) to the end of the stream; closed loop. The reader has the
 * last CPU, cat and the daemon the first. The figure of each way is its best round, as the others
 * tell of the machine; exit code 1 if a stream is not whole.
 */
#include "base/clock.h"
#include "base/own.h"
#include "bench/harness.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define LINE_BYTES 80u
#define PIECE_LINES 800u /* of one print */
#define PIECE_BYTES (LINE_BYTES * PIECE_LINES)
#define READ_BYTES (256u * 1024u)
#define TAIL_BYTES 1024u
#define ROUNDS_MAX 64u
#define WELL "\"verdict\":\"ok\""

static struct {
	char folder[32];
	char program[512]; /* corral, beside us */
	pid_t daemon;
	unsigned turns;    /* pieces of a stream */
	int file;          /* the same bytes */
	char *buffer;
	char tail[TAIL_BYTES]; /* the end of what was read */
	size_t tail_bytes;
} bench = { .daemon = -1, .file = -1 };

static void pin(unsigned cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		err(1, "cannot go to CPU %u", cpu);
}

/* Reads to the end. */
static uint64_t all_read(int fd)
{
	uint64_t total = 0;
	size_t kept = 0;
	ssize_t n;

	while ((n = read(fd, bench.buffer, READ_BYTES)) > 0) {
		size_t fresh = (size_t)n < TAIL_BYTES ? (size_t)n : TAIL_BYTES;
		size_t old = kept < TAIL_BYTES - fresh ? kept : TAIL_BYTES - fresh;

		memmove(bench.tail, bench.tail + kept - old, old);
		memcpy(bench.tail + old, bench.buffer + n - fresh, fresh);
		kept = old + fresh;
		total += (uint64_t)n;
	}
	if (n < 0)
		err(1, "cannot read a stream");
	bench.tail_bytes = kept;
	return total;
}

static double cat_run(void)
{
	char path[64];
	int ends[2];
	uint64_t begin = clock_now_nsec();

	if (pipe2(ends, O_CLOEXEC) < 0)
		err(1, "cannot make a pipe");
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), bench.file);
	pid_t pid = fork();

	if (pid < 0)
		err(1, "cannot start cat");
	if (pid == 0) {
		pin(0);
		dup2(ends[1], 1);
		execlp("cat", "cat", path, NULL);
		err(127, "cannot run cat");
	}
	close(ends[1]);
	if (all_read(ends[0]) != (uint64_t)bench.turns * PIECE_BYTES)
		errx(1, "cat did not bring all");
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return (double)(clock_now_nsec() - begin) / 1e9;
}

static double stream_run(const char *accept)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char body[512], request[1024];
	uint64_t begin = clock_now_nsec(), total;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", bench.folder);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "cannot connect to %s", address.sun_path);
	snprintf(body, sizeof(body),
		"{\"code\":\"piece = ('x' * %u + '\\\\n') * %u\\nfor turn in range(%u):\\n"
		"    print(piece, end='')\\n\",\"stream\":true,"
		"\"limits\":{\"output\":\"4G\",\"timeout\":600,\"cpu_time\":600}}",
		LINE_BYTES - 1, PIECE_LINES, bench.turns);
	int size = snprintf(request, sizeof(request),
		"POST /v1/execute HTTP/1.1\r\nContent-Type: application/json\r\nAccept: %s\r\n"
		"Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
		accept, strlen(body), body);

	if (send(fd, request, (size_t)size, MSG_NOSIGNAL) != size)
		err(1, "cannot send a request");
	total = all_read(fd);
	if (!memmem(bench.tail, bench.tail_bytes, WELL, strlen(WELL)) ||
	    total < (uint64_t)bench.turns * PIECE_BYTES)
		errx(1, "the stream is not whole: %" PRIu64 " bytes", total);
	return (double)(clock_now_nsec() - begin) / 1e9;
}

/* --- The daemon ------------------------------------------------------------------------------- */

static void daemon_end(void)
{
	if (bench.daemon > 0) {
		kill(bench.daemon, SIGTERM);
		waitpid(bench.daemon, NULL, 0);
	}
}

static void folder_remove(void)
{
	static const char *const names[] = { "notify", "state", "" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", bench.folder, names[i]);
		if (remove(path) < 0 && i != 1)
			warn("cannot remove %s", path);
	}
}

static void daemon_exec(void)
{
	char socket_path[64], state[64], notify[64];

	snprintf(socket_path, sizeof(socket_path), "%s/socket", bench.folder);
	snprintf(state, sizeof(state), "%s/state", bench.folder);
	snprintf(notify, sizeof(notify), "%s/notify", bench.folder);
	setenv("NOTIFY_SOCKET", notify, 1);
	pin(0);
	execl(bench.program, "corral", "serve", "--socket", socket_path, "--state-dir", state,
		"--workers", "2", "--shards", "1", NULL);
	err(127, "cannot run %s", bench.program);
}

/* Until it says that it is ready. */
static void daemon_start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 60 };
	AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char word[64];
	ssize_t n = readlink("/proc/self/exe", bench.program, sizeof(bench.program) - 32);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", bench.folder);
	if (n < 0 || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		err(1, "cannot listen on %s", address.sun_path);
	bench.program[n] = '\0';
	snprintf(strrchr(bench.program, '/'), 32, "/../bin/corral");
	bench.daemon = fork();
	if (bench.daemon < 0)
		err(1, "cannot start the daemon");
	if (bench.daemon == 0)
		daemon_exec();
	atexit(daemon_end);
	if (recv(fd, word, sizeof(word), 0) < 0)
		errx(1, "corral serve did not start");
}

static void file_fill(void)
{
	char *piece = malloc(PIECE_BYTES);

	memset(piece, 'x', PIECE_BYTES);
	for (unsigned i = 1; i <= PIECE_LINES; i++)
		piece[i * LINE_BYTES - 1] = '\n';
	bench.file = memfd_create("stream_rate", MFD_CLOEXEC);
	for (unsigned i = 0; i < bench.turns; i++)
		if (write(bench.file, piece, PIECE_BYTES) != PIECE_BYTES)
			err(1, "no memory for the bytes that cat brings");
	free(piece);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "cat", "raw", "lines" };
	unsigned mebibytes = harness_number(argc, argv, 1, 1024, 1, 4000);
	unsigned rounds = harness_number(argc, argv, 2, 3, 1, ROUNDS_MAX);
	double best[3] = { 1e9, 1e9, 1e9 };

	harness_json_begin("stream_rate"); /* with all CPUs */
	fflush(stdout);
	snprintf(bench.folder, sizeof(bench.folder), "/tmp/stream_rate.XXXXXX");
	if (!mkdtemp(bench.folder))
		err(1, "cannot make a folder in /tmp");
	bench.buffer = malloc(READ_BYTES);
	bench.turns = (unsigned)(mebibytes * MIB / PIECE_BYTES);
	file_fill();
	daemon_start();
	pin((unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned way = 0; way < 3; way++) {
			double seconds = way == 0 ? cat_run()
				: way == 1 ? stream_run("application/octet-stream")
					   : stream_run("application/x-ndjson");

			best[way] = seconds < best[way] ? seconds : best[way];
		}
	printf(",\"mib\":%u,\"rounds\":%u", mebibytes, rounds);
	for (unsigned way = 0; way < 3; way++)
		printf(",\"%s_mib_per_s\":%.0f", names[way],
			(double)bench.turns * PIECE_BYTES / MIB / best[way]);
	printf(",\"raw_of_cat\":%.2f,\"lines_of_cat\":%.2f}\n", best[0] / best[1],
		best[0] / best[2]);
	daemon_end();
	bench.daemon = -1;
	folder_remove();
	return 0;
}
