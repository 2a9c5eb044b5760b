// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_sweep.c: ends what lives in a tree and removes it, ours or a dead daemon's.
 *
 * A tree's name tells its owner: pid and start time. The owner is dead when no process has that
 * pid, another one has it now, or it is a zombie. Everything doubtful counts as alive: a leftover
 * costs some memory, a wrong kill costs a pool. Daemons that share a group must therefore share a
 * pid namespace.
 *
 * The kernel removes no group that somebody lives in, so a tree is killed first: by cgroup.kill
 * where v2 has it (since 5.14), else process by process through pidfds.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#define TREE_DEPTH_MAX 4         /* ours have 2; more is not ours to walk */
#define KILL_BATCH_MAX 64        /* pidfds held at once */
#define DRAIN_NSEC_MAX (5 * NSEC_PER_SEC)
#define PARENTS_MAX (2 + CGROUP_CONTROLLERS)

/* --- Killing ---------------------------------------------------------------------------------- */

static int poll_until(int fd, short events, uint64_t deadline_nsec)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	uint64_t now = clock_now_nsec();

	if (now >= deadline_nsec)
		return -EBUSY;
	if (poll(&pollfd, 1, (int)((deadline_nsec - now) / NSEC_PER_MSEC) + 1) < 0 &&
		errno != EINTR)
		return -errno;
	return 0;
}

/* Waits until cgroup.events says so; the file becomes POLLPRI when it changes. */
static int unpopulated_wait(int group, uint64_t deadline_nsec)
{
	AUTO_FD fd = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
	uint64_t populated;
	char text[64];
	int r;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		if (n < 0)
			return -errno;
		text[n] = '\0';
		r = text_find_number(text, "populated", &populated);
		if (r < 0 || !populated)
			return r;
		r = poll_until(fd, POLLPRI, deadline_nsec);
		if (r < 0)
			return r;
	}
}

/* The first pids of the group. One of a foreign pid namespace reads as 0, and cannot be named. */
static int pids_read(int group, pid_t *pids, unsigned size)
{
	char text[KILL_BATCH_MAX * 12 + 1], *at = text, *end;
	int n = file_read(group, "cgroup.procs", text, sizeof(text));
	unsigned count = 0;

	if (n < 0)
		return n;
	/* A number without its newline was cut by the buffer. */
	while (count < size) {
		long pid = strtol(at, &end, 10);

		if (end == at || *end != '\n')
			break;
		if (pid <= 0)
			return -EPERM;
		pids[count++] = (pid_t)pid;
		at = end + 1;
	}
	return (int)count;
}

static bool pids_have(const pid_t *pids, int count, pid_t pid)
{
	for (int i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/*
 * Kills the first processes of the group and waits for one of them. A pid is read before and
 * after its pidfd is opened: still there, it is the process we hold and not its number's next user.
 */
static int batch_kill(int group, uint64_t deadline_nsec)
{
	pid_t before[KILL_BATCH_MAX], after[KILL_BATCH_MAX];
	int pidfds[KILL_BATCH_MAX], killed = -1, r;
	int count = pids_read(group, before, KILL_BATCH_MAX);

	if (count <= 0)
		return count;
	for (int i = 0; i < count; i++)
		pidfds[i] = pidfd_open(before[i], 0);

	int left = pids_read(group, after, KILL_BATCH_MAX);

	for (int i = 0; i < count; i++)
		if (pidfds[i] >= 0 && pids_have(after, left, before[i]) &&
		    pidfd_send_signal(pidfds[i], SIGKILL, NULL, 0) == 0)
			killed = pidfds[i];
	r = killed >= 0 ? poll_until(killed, POLLIN, deadline_nsec) :
	    clock_now_nsec() < deadline_nsec ? 0 : -EBUSY;
	for (int i = 0; i < count; i++)
		fd_close(&pidfds[i]);
	return r < 0 ? r : count;
}

/* 1: nothing lives in the group or below it; 0: nothing in the group itself. */
static int group_kill(int group, uint64_t deadline_nsec)
{
	int r = fault("cgroup.kill") ? -EBUSY : file_write(group, "cgroup.kill", "1");

	if (r == 0)
		r = unpopulated_wait(group, deadline_nsec);
	if (r != -ENOENT)
		return r < 0 ? r : 1;
	do
		r = batch_kill(group, deadline_nsec);
	while (r > 0);
	return r;
}

/* --- Removing --------------------------------------------------------------------------------- */

/*
 * Another daemon may sweep the same tree now, so that a group goes while we read it: -ENOENT from
 * its directory, -ENODEV from its open files. Gone is gone; what lies beside it must go as well.
 */
static bool is_gone(int code)
{
	return code == -ENOENT || code == -ENODEV;
}

/*
 * A dying process is listed no more a moment before it has left, v2's own word is seen a moment
 * before v1 has followed, and no event tells of either: the kernel says EBUSY, and is asked again.
 */
static int directory_remove(int parent, const char *name, uint64_t deadline_nsec)
{
	for (;;) {
		int r = fault("cgroup.rmdir") ? -EBUSY :
			unlinkat(parent, name, AT_REMOVEDIR) != 0 ? -errno : 0;
		uint64_t now = clock_now_nsec();

		if (r != -EBUSY || now >= deadline_nsec)
			return r;
		clock_wait_until(now + NSEC_PER_MSEC);
	}
}

static int group_remove(int parent, const char *name, unsigned depth, bool is_dead,
			uint64_t deadline_nsec)
{
	AUTO_FD group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (group < 0)
		return -errno;
	if (depth >= TREE_DEPTH_MAX)
		return -ELOOP;
	r = is_dead ? 1 : group_kill(group, deadline_nsec);
	if (r < 0)
		return r;
	is_dead = r == 1;

	DIR *dir = fdopendir(group);
	struct dirent *entry;

	if (!dir)
		return -errno;
	fd_take(&group);
	r = 0;
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = group_remove(dirfd(dir), entry->d_name, depth + 1, is_dead, deadline_nsec);
		r = is_gone(r) ? 0 : r;
	}
	closedir(dir);
	return r < 0 ? r : directory_remove(parent, name, deadline_nsec);
}

int cgroup_tree_remove(int parent, const char *name)
{
	return group_remove(parent, name, 0, false, clock_now_nsec() + DRAIN_NSEC_MAX);
}

/* --- Owners ----------------------------------------------------------------------------------- */

/* A process's state letter and start time in clock ticks since boot: /proc/<pid>/stat, 3 and 22. */
static int process_stat(const char *path, char *ret_state, unsigned long long *ret_start)
{
	char text[1024];
	int r = file_read(AT_FDCWD, path, text, sizeof(text));
	/* The name before it is the process's own choice, parentheses and all. */
	char *rest = r < 0 ? NULL : strrchr(text, ')'), *field = NULL;

	if (r < 0)
		return r;
	if (!rest || rest[1] != ' ')
		return -EINVAL;
	*ret_state = rest[2];
	rest += 2;
	for (unsigned i = 3; i <= 22; i++)
		field = strsep(&rest, " ");
	if (!field)
		return -EINVAL;
	*ret_start = strtoull(field, NULL, 10);
	return 0;
}

int cgroup_tree_name(char *name, size_t size)
{
	unsigned long long start;
	char state;
	int r = process_stat("/proc/self/stat", &state, &start);

	if (r == 0)
		snprintf(name, size, "corral.%d.%llu", getpid(), start);
	return r;
}

/* Says whether the directory has a name of ours whose owner is dead. */
static bool name_is_left_over(const char *name)
{
	unsigned long long start, start_now;
	char again[64], path[32], state;
	int pid, r;

	if (sscanf(name, "corral.%d.%llu", &pid, &start) != 2 || pid <= 0)
		return false;
	snprintf(again, sizeof(again), "corral.%d.%llu", pid, start);
	if (strcmp(again, name) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	r = process_stat(path, &state, &start_now);
	if (r < 0)
		return r == -ENOENT || r == -ESRCH;
	return start_now != start || state == 'Z' || state == 'X';
}

/* --- Sweeping --------------------------------------------------------------------------------- */

struct sweep {
	int parents[PARENTS_MAX]; /* where trees may lie; owned */
	unsigned parents_used;
	int swept;
	int code;                 /* of the last tree that would not go */
	struct error *error;
};

static void parents_open(struct sweep *sweep, const struct cgroup_places *places)
{
	int fd;

	/* v2 first: its cgroup.kill empties the v1 groups too. */
	if (places->unified.own[0] && cgroup_v2_base_open(&places->unified, &fd) == 0)
		sweep->parents[sweep->parents_used++] = fd;

	const char *paths[] = {
		places->unified.top, places->v1[CGROUP_MEMORY].own,
		places->v1[CGROUP_PIDS].own, places->v1[CGROUP_CPU].own,
	};

	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fd = paths[i][0] ? open(paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		if (fd >= 0)
			sweep->parents[sweep->parents_used++] = fd;
	}
}

/* Removes a dead owner's tree wherever it lies, so that no later directory counts it again. */
static void tree_sweep(struct sweep *sweep, const char *name)
{
	int code = 0;

	for (unsigned i = 0; i < sweep->parents_used; i++) {
		int r = cgroup_tree_remove(sweep->parents[i], name);

		if (r < 0 && !is_gone(r))
			code = r;
	}
	if (code < 0)
		sweep->code = error_set(sweep->error, code, "cannot remove the groups %s of a dead"
					" daemon: %s", name, error_text(code));
	else
		sweep->swept++;
}

static void parent_sweep(struct sweep *sweep, int parent)
{
	AUTO_FD fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return;
	fd_take(&fd);
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && name_is_left_over(entry->d_name))
			tree_sweep(sweep, entry->d_name);
	closedir(dir);
}

int cgroups_sweep(struct error *error)
{
	AUTO_FREE struct cgroup_places *places = calloc(1, sizeof(*places));
	struct sweep sweep = { .error = error };
	int r = places ? cgroup_places_find(places) : -ENOMEM;

	if (r < 0)
		return error_set(error, r, "cannot read /proc/self/cgroup and mountinfo: %s",
				 error_text(r));
	parents_open(&sweep, places);
	for (unsigned i = 0; i < sweep.parents_used; i++)
		parent_sweep(&sweep, sweep.parents[i]);
	for (unsigned i = 0; i < sweep.parents_used; i++)
		fd_close(&sweep.parents[i]);
	return sweep.code < 0 ? sweep.code : sweep.swept;
}
