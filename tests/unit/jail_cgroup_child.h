// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_cgroup_child.h: children in control groups, and what each test of groups must
 * leave as it was: no group, no descriptor, no process.
 *
 * Each test is a process of its own and so has a tree of its own.
 */
#pragma once

#include "base/file.h"
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MIB (UINT64_C(1) << 20)
#define SLOTS 16

static const struct cgroup_limits usual = { .memory_bytes = 256 * MIB, .pids = 128 };

/* --- What each test must leave as it was ------------------------------------------------------ */

static unsigned descriptors_before;

static inline unsigned entries_count(const char *path, const char *prefix)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned count = 0;

	while (dir && (entry = readdir(dir)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	if (dir)
		closedir(dir);
	return count;
}

/* In how many directories there is a tree of process `pid`. */
static inline unsigned trees_count(pid_t pid)
{
	AUTO_FREE struct cgroup_places *places = malloc(sizeof(*places));
	char prefix[32];
	unsigned count;

	cr_assert_eq(cgroup_places_find(places), 0);
	snprintf(prefix, sizeof(prefix), "corral.%d.", pid);
	count = entries_count(places->unified.own, prefix);
	if (strcmp(places->unified.own, places->unified.top) != 0)
		count += entries_count(places->unified.top, prefix);
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		count += entries_count(places->v1[i].own, prefix);
	return count;
}

static inline void before(void)
{
	descriptors_before = entries_count("/proc/self/fd", "");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static inline void after(void)
{
	cr_expect_eq(trees_count(getpid()), 0, "groups are left");
	cr_expect_eq(entries_count("/proc/self/fd", ""), descriptors_before, "descriptors leak");
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
}

/* --- Opening ---------------------------------------------------------------------------------- */

static inline struct cgroups *open_all(void)
{
	struct cgroups *cgroups = NULL;
	struct error error = {};

	cr_assert_eq(cgroups_open(&cgroups, SLOTS, &error), 0, "%s", error.sentence);
	return cgroups;
}

/* As on a machine that has no v1, or no v2. */
static inline struct cgroups *open_without(bool v1, bool v2)
{
	AUTO_FREE struct cgroup_places *places = malloc(sizeof(*places));
	struct cgroups *cgroups = NULL;
	struct error error = {};

	cr_assert_eq(cgroup_places_find(places), 0);
	if (v1)
		memset(places->v1, 0, sizeof(places->v1));
	if (v2)
		memset(&places->unified, 0, sizeof(places->unified));
	cr_assert_eq(cgroups_open_places(&cgroups, places, SLOTS, &error), 0, "%s",
		     error.sentence);
	return cgroups;
}

static inline struct cgroup_usage usage_of(struct cgroups *cgroups, unsigned slot)
{
	struct cgroup_usage usage = {};

	cr_assert_eq(cgroups_slot_usage(cgroups, slot, CGROUP_FIGURE_ALL, &usage), 0);
	return usage;
}

/* --- Children --------------------------------------------------------------------------------- */

/* Runs `body` in a newborn that is cloned into the slot and joins it, as workers are. */
static inline pid_t start(const struct cgroups *cgroups, unsigned slot, int (*body)(int),
			  int argument)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct cgroup_entrance entrance;
	AUTO_FD fd = -1;

	cgroups_entrance(cgroups, &entrance);
	if (cgroup_entrance_open(&entrance, slot, &fd) == 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
	}

	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	cr_assert_geq(pid, 0, "clone3: %s", strerror(errno));
	if (pid == 0)
		_exit(cgroup_entrance_join_v1(&entrance, slot) < 0 ? 99 : body(argument));
	return pid;
}

static inline int status_of(pid_t pid)
{
	int status = -1;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static inline bool is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Every process left over by killed parents comes to this subreaper. */
static inline void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static inline int body_touch(int mib)
{
	size_t size = (size_t)mib << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 98;
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	return 0;
}

/* Says on `pipe` that it is there, with 32 MiB, and stays. */
static inline int body_stay(int pipe)
{
	if (body_touch(32) != 0 || write(pipe, "", 1) != 1)
		return 98;
	for (;;)
		pause();
}

/* The same with 99 descendants, each in a session of its own. */
static inline int body_stay_many(int pipe)
{
	for (int i = 0; i < 99; i++)
		if (fork() == 0) {
			setsid();
			for (;;)
				pause();
		}
	return body_stay(pipe);
}

static inline pid_t start_staying(const struct cgroups *cgroups, unsigned slot, int (*body)(int))
{
	int pipes[2];
	char byte;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);

	pid_t pid = start(cgroups, slot, body, pipes[1]);

	fd_close(&pipes[1]);
	cr_assert_eq(read(pipes[0], &byte, 1), 1, "the child died before it was ready");
	fd_close(&pipes[0]);
	return pid;
}
