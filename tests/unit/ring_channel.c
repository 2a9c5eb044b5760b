// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_channel.c: the shared memory keeps its size, whoever holds the descriptor, and
 * nothing but a sealed channel of the right size is ever mapped.
 */
#include "ring/channel.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW)
#define SEALS_WANTED (SEALS_SIZE | F_SEAL_SEAL)

static int channel_open(void)
{
	int fd;

	cr_assert_eq(channel_create(&fd), 0);
	return fd;
}

Test(channel, has_exactly_its_size_and_closes_on_exec)
{
	AUTO_FD fd = channel_open();
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	cr_expect_eq(status.st_size, CHANNEL_BYTES);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(channel, cannot_be_shrunk_grown_or_unsealed)
{
	AUTO_FD fd = channel_open();
	const off_t sizes[] = { 0, CHANNEL_PAGE_BYTES, CHANNEL_BYTES - 1, CHANNEL_BYTES + 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cr_expect_eq(ftruncate(fd, sizes[i]), -1);
		cr_expect_eq(errno, EPERM);
	}
	cr_expect_eq(fallocate(fd, 0, CHANNEL_BYTES, CHANNEL_PAGE_BYTES), -1);
	cr_expect_eq(errno, EPERM);
	cr_expect_eq(pwrite(fd, "x", 1, CHANNEL_BYTES), -1, "a write may not grow it either");

	cr_expect_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	cr_expect_eq(errno, EPERM, "a worker could seal the daemon out otherwise");
	cr_expect_eq(fcntl(fd, F_GET_SEALS) & SEALS_WANTED, SEALS_WANTED);
}

Test(channel, survives_a_hole_punched_below_the_mapping)
{
	AUTO_FD fd = channel_open();
	struct channel *channel;

	cr_assert_eq(channel_map(fd, &channel), 0);
	memset(channel_mailbox_bytes(channel), 'm', CHANNEL_MAILBOX_BYTES);
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	cr_assert_eq(fallocate(fd, punch, 0, CHANNEL_BYTES), 0);
	cr_expect_eq(channel_mailbox_bytes(channel)[0], 0);
	cr_expect_eq(channel_output_bytes(channel)[CHANNEL_OUTPUT_BYTES - 1], 0);
	channel_unmap(channel);
}

Test(channel, is_one_memory_in_all_its_mappings)
{
	AUTO_FD fd = channel_open();
	struct channel *daemon, *worker;

	cr_assert_eq(channel_map(fd, &daemon), 0);
	cr_assert_eq(channel_map(fd, &worker), 0);
	cr_expect_eq(worker->version, CHANNEL_VERSION);
	memcpy(channel_mailbox_bytes(daemon), "print(1)", 8);
	channel_output_bytes(worker)[CHANNEL_OUTPUT_BYTES - 1] = 0xa5;
	cr_expect_eq(memcmp(channel_mailbox_bytes(worker), "print(1)", 8), 0);
	cr_expect_eq(channel_output_bytes(daemon)[CHANNEL_OUTPUT_BYTES - 1], 0xa5);
	channel_unmap(daemon);
	channel_unmap(worker);
	channel_unmap(NULL);
}

/* A memfd of `size` bytes with `seals`, holding `version` where a channel has it. */
static int memory_open(off_t size, int seals, uint32_t version)
{
	int fd = memfd_create("not-a-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, size), 0);
	if (size > 0)
		cr_assert_eq(pwrite(fd, &version, sizeof(version), 0), (ssize_t)sizeof(version));
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

Test(channel, maps_only_what_is_sealed_and_of_the_right_size)
{
	static const struct {
		const char *what;
		off_t size;
		int seals;
		uint32_t version;
		int expected;
	} rows[] = {
		{ "its twin", CHANNEL_BYTES, SEALS_WANTED, CHANNEL_VERSION, 0 },
		{ "no seals", CHANNEL_BYTES, 0, CHANNEL_VERSION, -EPERM },
		{ "can shrink", CHANNEL_BYTES, F_SEAL_GROW | F_SEAL_SEAL, CHANNEL_VERSION, -EPERM },
		{ "can grow", CHANNEL_BYTES, F_SEAL_SHRINK | F_SEAL_SEAL, CHANNEL_VERSION, -EPERM },
		{ "can be sealed", CHANNEL_BYTES, SEALS_SIZE, CHANNEL_VERSION, -EPERM },
		{ "empty", 0, SEALS_WANTED, CHANNEL_VERSION, -EINVAL },
		{ "a byte short", CHANNEL_BYTES - 1, SEALS_WANTED, CHANNEL_VERSION, -EINVAL },
		{ "a page long", CHANNEL_BYTES + 4096, SEALS_WANTED, CHANNEL_VERSION, -EINVAL },
		{ "a later one", CHANNEL_BYTES, SEALS_WANTED, CHANNEL_VERSION + 1, -EPROTO },
		{ "all zeros", CHANNEL_BYTES, SEALS_WANTED, 0, -EPROTO },
		{ "read-only", CHANNEL_BYTES, SEALS_WANTED | F_SEAL_WRITE, CHANNEL_VERSION,
			-EPERM },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FD fd = memory_open(rows[i].size, rows[i].seals, rows[i].version);
		struct channel *channel = NULL;

		cr_expect_eq(channel_map(fd, &channel), rows[i].expected, "%s", rows[i].what);
		cr_expect_eq(channel != NULL, rows[i].expected == 0, "%s", rows[i].what);
		channel_unmap(channel);
	}
}

Test(channel, maps_no_other_kind_of_descriptor)
{
	AUTO_FD zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int pair[2];
	struct channel *channel;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cr_expect_eq(channel_map(zero, &channel), -EINVAL);
	cr_expect_eq(channel_map(pair[0], &channel), -EINVAL);
	cr_expect_eq(channel_map(-1, &channel), -EBADF);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

/* The name, not the address: something else may be mapped there by now. */
static bool channel_is_mapped(void)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");

	cr_assert_not_null(maps);
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, "/memfd:corral-channel") != NULL;
	fclose(maps);
	return found;
}

Test(channel, is_not_mapped_in_a_forked_child)
{
	AUTO_FD fd = channel_open();
	struct channel *channel;
	int status;

	cr_assert_eq(channel_map(fd, &channel), 0);
	pid_t child = fork();

	if (child == 0)
		_exit(channel_is_mapped());
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cr_expect(channel_is_mapped());
	channel_unmap(channel);
	cr_expect_not(channel_is_mapped());
}

Test(channel, is_left_out_of_core_dumps)
{
	AUTO_FD fd = channel_open();
	struct channel *channel;
	char line[512], start[32], *flags = NULL;

	cr_assert_eq(channel_map(fd, &channel), 0);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)channel);
	FILE *maps = fopen("/proc/self/smaps", "re");

	cr_assert_not_null(maps);
	for (bool found = false; !flags && fgets(line, sizeof(line), maps);) {
		found = found || strncmp(line, start, strlen(start)) == 0;
		if (found && strncmp(line, "VmFlags:", 8) == 0)
			flags = line;
	}
	cr_assert_not_null(flags);
	cr_expect_not_null(strstr(flags, " dd"), "%s", flags);
	cr_expect_not_null(strstr(flags, " dc"), "%s", flags);
	fclose(maps);
	channel_unmap(channel);
}

/* --- Emptied ---------------------------------------------------------------------------------- */

static void pages_write(struct channel *channel, const unsigned *pages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memset((char *)channel + pages[i] * CHANNEL_PAGE_BYTES, 0x5a, CHANNEL_PAGE_BYTES);
}

static bool is_zeros(const struct channel *channel)
{
	static const char zeros[CHANNEL_BYTES];

	return channel->version == CHANNEL_VERSION &&
	       memcmp(&channel->padding0, zeros, CHANNEL_BYTES - sizeof(channel->version)) == 0;
}

/* The first and the last of header, mailbox and ring, some between, in words of their own. */
Test(channel, is_emptied_of_all_that_was_written)
{
	static const unsigned pages[] = { 0, 1, 2, 63, 64, 200, 256, 257, 319, 320 };
	const size_t count = sizeof(pages) / sizeof(pages[0]);
	struct channel_pages known = { .known = false };
	struct channel *channel;
	AUTO_FD fd = -1;

	cr_assert_eq(channel_create(&fd), 0);
	cr_assert_eq(channel_map(fd, &channel), 0);
	/* Each time more is there; from the second time on nothing new within a round. */
	for (size_t i = 1; i <= count; i++) {
		known.known = false;
		for (int round = 0; round < 3; round++) {
			pages_write(channel, pages, i);
			cr_expect_eq(channel_empty(channel, &known), 0);
			cr_expect(is_zeros(channel), "%zu pages, round %d", i, round);
		}
	}
	channel_unmap(channel);
}

/* What another process touched is there as well, though this one never looked at it. */
Test(channel, is_emptied_of_what_another_process_wrote)
{
	struct channel_pages known = { .known = false };
	struct channel *channel, *theirs;
	AUTO_FD fd = -1;

	cr_assert_eq(channel_create(&fd), 0);
	cr_assert_eq(channel_map(fd, &channel), 0);
	cr_assert_eq(channel_map(fd, &theirs), 0);
	for (unsigned page = 0; page < CHANNEL_BYTES / CHANNEL_PAGE_BYTES; page += 7)
		pages_write(theirs, &page, 1);
	cr_expect_eq(channel_empty(channel, &known), 0);
	cr_expect(is_zeros(channel));
	channel_unmap(theirs);
	channel_unmap(channel);
}
