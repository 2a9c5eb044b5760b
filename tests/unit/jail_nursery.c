// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_nursery.c: cells from a real corral-init: what they are made of, how they fail,
 * and what is heard when the nursery dies. Needs root.
 */
#include "jail/nursery.h"

#include "base/own.h"
#include "jail/netns.h"
#include "ring/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID 61234u
#define SLOT 3u
#define REPLIES_MAX 8

enum { TYPE_RECEIVE, TYPE_EXIT, TYPE_COUNT };

static const struct loop_op_type types[TYPE_COUNT] = {
	[TYPE_RECEIVE] = { "receive", nursery_received },
	[TYPE_EXIT] = { "exit", nursery_exited },
};

static struct loop *loop;
static struct nursery nursery;
static struct cell_reply replies[REPLIES_MAX];
static unsigned reply_count, replies_wanted, losses;

static void replied(void *owner, const struct cell_reply *reply)
{
	cr_assert_lt(reply_count, REPLIES_MAX);
	replies[reply_count++] = *reply;
	if (reply_count == replies_wanted)
		loop_stop(loop);
}

static void lost(void *owner)
{
	losses++;
	loop_stop(loop);
}

static const char *program_path(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	cr_assert_gt(n, 0);
	path[n] = '\0';
	snprintf(strrchr(path, '/'), 32, "/corral-init");
	return path;
}

static void nursery_open(const char *program)
{
	const struct loop_config loop_config = {
		.types = types, .type_count = TYPE_COUNT, .ops_max = 8
	};
	const struct nursery_config config = {
		.program = program,
		.uid_first = UID,
		.uid_count = 8,
		.cpu = -1,
		.receive_type = TYPE_RECEIVE,
		.exit_type = TYPE_EXIT,
		.entrance = { -1, -1, -1, -1 },
		.replied = replied,
		.lost = lost,
	};
	struct error error = { .sentence = "" };

	cr_assert_eq(loop_new(&loop, &loop_config), 0);
	nursery_init(&nursery, &config);
	nursery.config.loop = loop;
	cr_assert_eq(nursery_start(&nursery, &error), 0, "%s", error.sentence);
}

static void open_real(void)
{
	nursery_open(program_path());
}

/* Ends the nursery, unless it is dead, and hears of it. */
static void nursery_close(void)
{
	if (nursery.pid) {
		nursery_stop(&nursery);
		cr_assert_eq(loop_run(loop), 0);
	}
	cr_expect_eq(losses, 1);
	cr_expect_eq(loop_inflight(loop, -1), 0);
	loop_free(loop);
}

TestSuite(nursery, .init = open_real, .fini = nursery_close, .timeout = 20);

static const struct cell_request request = {
	.version = CELL_VERSION,
	.slot = SLOT,
	.generation = 77,
	.files_bytes = 1 << 20,
	.files_inodes = 600,
	.uid = UID,
	.gid = UID + 1,
};

static const struct cell_reply *reply_of(enum cell_reply_kind kind)
{
	for (unsigned i = 0; i < reply_count; i++)
		if (replies[i].kind == kind)
			return &replies[i];
	return NULL;
}

/* Returns the pid of its corral-init. */
static pid_t cell_start(int network_fd)
{
	reply_count = 0;
	replies_wanted = 2;
	cr_assert_eq(nursery_request(&nursery, &request, network_fd), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert(reply_of(CELL_CLONED) && reply_of(CELL_READY));
	for (unsigned i = 0; i < reply_count; i++) {
		cr_expect_eq(replies[i].slot, SLOT);
		cr_expect_eq(replies[i].generation, 77);
	}
	return reply_of(CELL_CLONED)->pid;
}

static void cell_end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, __WALL), pid, "the cell is our child");
}

static const char *inside(pid_t pid, const char *path)
{
	static char full[128];

	snprintf(full, sizeof(full), "/proc/%d/root%s", pid, path);
	return full;
}

static ino_t namespace_of(const char *who, const char *name)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", who, name);
	return stat(path, &status) == 0 ? status.st_ino : 0;
}

Test(nursery, makes_a_cell_with_namespaces_of_its_own)
{
	static const char *const names[] = { "mnt", "ipc", "uts", "net", "pid", "cgroup" };
	pid_t pid = cell_start(-1);
	char text[16];

	cr_expect_eq(reply_of(CELL_READY)->error, 0);
	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect_neq(namespace_of(text, names[i]), 0, "%s", names[i]);
		cr_expect_neq(namespace_of(text, names[i]), namespace_of("self", names[i]), "%s",
			names[i]);
	}
	cell_end(pid);
}

Test(nursery, gives_a_cell_its_private_files_bounded_in_bytes_and_inodes)
{
	pid_t pid = cell_start(-1);
	struct stat workspace, tmp, shm;
	struct statvfs files, root;

	cr_assert_eq(stat(inside(pid, "/workspace"), &workspace), 0);
	cr_assert_eq(stat(inside(pid, "/tmp"), &tmp), 0);
	cr_assert_eq(stat(inside(pid, "/dev/shm"), &shm), 0);
	cr_expect(workspace.st_uid == UID && workspace.st_gid == UID + 1);
	cr_expect_eq(workspace.st_mode & 07777, 0755);
	cr_expect_eq(tmp.st_mode & 07777, 01777);
	cr_expect(tmp.st_dev == workspace.st_dev && shm.st_dev == workspace.st_dev,
		"one bound for all");
	cr_assert_eq(statvfs(inside(pid, "/workspace"), &files), 0);
	cr_expect_eq(files.f_blocks * files.f_frsize, 1 << 20);
	cr_expect_eq(files.f_files, 600);
	cr_expect((files.f_flag & (ST_NOSUID | ST_NODEV)) == (ST_NOSUID | ST_NODEV));
	cr_assert_eq(statvfs(inside(pid, "/usr"), &root), 0);
	cr_expect((root.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV)) ==
		(ST_RDONLY | ST_NOSUID | ST_NODEV));
	cell_end(pid);
}

Test(nursery, shares_nothing_between_cells_but_the_view)
{
	pid_t first = cell_start(-1), second = cell_start(-1);
	AUTO_FD fd = open(inside(first, "/tmp/left"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_expect_geq(fd, 0);
	cr_expect_neq(access(inside(second, "/tmp/left"), F_OK), 0);
	cr_expect_neq(access("/tmp/left", F_OK), 0);
	fd_close(&fd);
	cell_end(first);
	cell_end(second);
}

Test(nursery, puts_a_cell_into_the_network_namespace_that_it_is_given)
{
	pid_t first = cell_start(-1);
	char one[16], two[16];
	AUTO_FD network = netns_of(first);

	snprintf(one, sizeof(one), "%d", first);

	ino_t inode = namespace_of(one, "net");

	cell_end(first);
	pid_t second = cell_start(network);

	snprintf(two, sizeof(two), "%d", second);
	cr_expect_eq(namespace_of(two, "net"), inode);
	cr_expect_eq(fcntl(network, F_GETFD), FD_CLOEXEC, "it stays the caller's");
	cell_end(second);
	fd_close(&network);
}

Test(nursery, tells_at_which_step_a_cell_failed)
{
	AUTO_FD none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = cell_start(none);

	cr_expect_eq(reply_of(CELL_CLONED)->error, 0);
	cr_expect_eq(reply_of(CELL_READY)->error, -EINVAL);
	cr_expect_eq(reply_of(CELL_READY)->step, CELL_STEP_NETWORK);
	cell_end(pid);
	fd_close(&none);
}

Test(nursery, makes_a_pid_1_without_any_power_that_outlives_the_nursery)
{
	pid_t pid = cell_start(-1);
	char path[64], line[128];
	unsigned seen = 0;

	nursery_stop(&nursery);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(kill(pid, 0), 0);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *status = fopen(path, "re");

	cr_assert_not_null(status);
	while (fgets(line, sizeof(line), status)) {
		seen += strcmp(line, "CapEff:\t0000000000000000\n") == 0;
		seen += strcmp(line, "CapPrm:\t0000000000000000\n") == 0;
		seen += strcmp(line, "NoNewPrivs:\t1\n") == 0;
		seen += strncmp(line, "NSpid:", 6) == 0 && strstr(line, "\t1\n");
	}
	fclose(status);
	cr_expect_eq(seen, 4);
	cell_end(pid);
}

Test(nursery, is_heard_of_when_it_is_killed_and_takes_no_request_then)
{
	kill(nursery.pid, SIGKILL);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(losses, 1);
	cr_expect_eq(nursery.pid, 0);
	cr_expect_eq(nursery_request(&nursery, &request, -1), -EPIPE);
	nursery_stop(&nursery);
}

Test(nursery, can_be_started_again_by_who_heard_of_its_end)
{
	nursery_stop(&nursery);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_eq(nursery_start(&nursery, NULL), 0);
	losses = 0;
	cell_end(cell_start(-1));
}

Test(nursery, ends_when_it_is_sent_what_it_does_not_understand)
{
	cr_assert_eq(message_send(nursery.socket, "?", 1, NULL, 0), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect(nursery.exit_info.si_code == CLD_EXITED && nursery.exit_info.si_status == 1);
}

static void open_other(void)
{
	nursery_open("/bin/true");
}

TestSuite(nursery_other, .init = open_other, .fini = nursery_close, .timeout = 20);

Test(nursery_other, program_that_ends_at_once_is_heard_of)
{
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(losses, 1);
}
