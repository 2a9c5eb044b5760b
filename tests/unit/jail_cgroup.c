// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_cgroup.c: trees of control groups made, refused, degraded, closed and swept, in
 * the hierarchies of the machine it runs on.
 *
 * A test for one kind of machine alone opens only that part of this one.
 */
#include "tests/unit/jail_cgroup_child.h"

#include <poll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

TestSuite(cgroup, .init = before, .fini = after, .timeout = 120);

/* --- Trees ------------------------------------------------------------------------------------ */

Test(cgroup, makes_a_tree_in_each_hierarchy_and_removes_them)
{
	struct cgroups *cgroups = open_all();

	cr_assert_gt(trees_count(getpid()), 0);
	cr_assert_eq(cgroups_slot_prepare(cgroups, SLOTS - 1, &usual), 0);
	cgroups_close(cgroups);
	cr_assert_eq(trees_count(getpid()), 0);
}

Test(cgroup, enforces_all_controllers_on_this_machine_and_says_how)
{
	struct cgroups *cgroups = open_all();
	struct layer_status status;

	cgroups_status(cgroups, &status);
	cr_expect_eq(status.state, LAYER_ENFORCED, "%s", status.detail);
	cr_expect(strstr(status.detail, "memory, pids, cpu"), "%s", status.detail);
	cgroups_close(cgroups);
}

Test(cgroup, refuses_a_second_tree_of_one_process)
{
	struct cgroups *cgroups = open_all(), *second;
	struct error error = {};

	cr_expect_eq(cgroups_open(&second, SLOTS, &error), -EEXIST);
	cr_expect(strstr(error.sentence, cgroups->name), "%s", error.sentence);
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0, "the first tree is damaged");
	cgroups_close(cgroups);
}

Test(cgroup, does_nothing_without_hierarchies_and_says_so)
{
	struct cgroups *cgroups = open_without(true, true);
	struct cgroup_entrance entrance;
	struct layer_status status;
	int fd;

	cgroups_status(cgroups, &status);
	cr_expect_eq(status.state, LAYER_ABSENT);
	cr_expect(strstr(status.detail, "mount cgroup2"), "%s", status.detail);
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(usage_of(cgroups, 0).memory_peak_bytes, 0);
	cr_expect_eq(cgroups_slot_kill(cgroups, 0), -EOPNOTSUPP);
	cr_expect_eq(cgroups_slot_is_empty(cgroups, 0), -EOPNOTSUPP);
	cgroups_entrance(cgroups, &entrance);
	cr_expect_eq(cgroup_entrance_open(&entrance, 0, &fd), -ENOENT);
	cr_expect_eq(cgroup_entrance_join_v1(&entrance, 0), 0);
	cgroups_close(cgroups);
}

Test(cgroup, degrades_with_the_reason_where_one_controller_cannot_be_had)
{
	AUTO_FREE struct cgroup_places *places = malloc(sizeof(*places));
	struct cgroups *cgroups = NULL;
	struct layer_status status;

	cr_assert_eq(cgroup_places_find(places), 0);
	strncpy(places->v1[CGROUP_MEMORY].own, "/proc", PATH_MAX - 1);
	cr_assert_eq(cgroups_open_places(&cgroups, places, SLOTS, NULL), 0);
	cgroups_status(cgroups, &status);
	cr_expect_eq(status.state, LAYER_DEGRADED);
	cr_expect(strstr(status.detail, "without memory: /proc: No such device"), "%s",
		  status.detail);
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(status_of(start(cgroups, 0, body_touch, 1)), 0);
	cgroups_close(cgroups);
}

Test(cgroup, without_v1_takes_limits_from_v2_or_says_how_to_get_them)
{
	struct cgroups *cgroups = open_without(true, false);
	struct layer_status status;

	if (cgroups->unified < 0) {
		cgroups_close(cgroups);
		cr_skip_test("no v2 hierarchy is mounted");
	}
	cgroups_status(cgroups, &status);
	if (cgroups->control[CGROUP_MEMORY].ops)
		cr_expect_eq(status.state, LAYER_ENFORCED, "%s", status.detail);
	else
		cr_expect(strstr(status.detail, "Delegate=yes"), "%s", status.detail);
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);

	pid_t pid = start_staying(cgroups, 0, body_stay);

	cr_expect_eq(cgroups_slot_kill(cgroups, 0), 0);
	cr_expect(is_killed(status_of(pid)));
	cgroups_close(cgroups);
}

Test(cgroup, without_v2_limits_and_counts_but_leaves_killing_to_the_caller)
{
	struct cgroups *cgroups = open_without(false, true);

	if (!cgroups->control[CGROUP_MEMORY].ops) {
		cgroups_close(cgroups);
		cr_skip_test("no v1 hierarchy is mounted");
	}
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(cgroups_slot_is_empty(cgroups, 0), 1);

	pid_t pid = start_staying(cgroups, 0, body_stay_many);

	cr_expect_eq(cgroups_slot_is_empty(cgroups, 0), 0);
	cr_expect_eq(cgroups_slot_kill(cgroups, 0), -EOPNOTSUPP);
	cr_expect_geq(usage_of(cgroups, 0).memory_peak_bytes, 32 * MIB);
	cgroups_close(cgroups);
	cr_expect(is_killed(status_of(pid)), "closing did not kill");
	reap_all();
}

Test(cgroup, kills_what_lives_when_it_closes)
{
	struct cgroups *cgroups = open_all();

	cr_assert_eq(cgroups_slot_prepare(cgroups, 5, &usual), 0);

	pid_t pid = start_staying(cgroups, 5, body_stay_many);

	cgroups_close(cgroups);
	cr_expect(is_killed(status_of(pid)));
	reap_all();
}

/* --- Sweeping --------------------------------------------------------------------------------- */

/* A daemon: opens a tree, puts a child into it that outlives it, tells its pid, waits. */
static int owner_main(int pipe)
{
	struct cgroups *cgroups = open_all();
	int stay[2];
	char byte;

	if (cgroups_slot_prepare(cgroups, 3, &usual) < 0 || pipe2(stay, O_CLOEXEC) != 0)
		return 97;

	pid_t pid = start(cgroups, 3, body_stay, stay[1]);

	if (read(stay[0], &byte, 1) != 1 || write(pipe, &pid, sizeof(pid)) != sizeof(pid))
		return 97;
	for (;;)
		pause();
}

Test(cgroup, sweeps_a_dead_owners_tree_and_leaves_a_living_ones)
{
	int pipes[2];
	pid_t orphan;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);

	pid_t owner = fork();

	if (owner == 0)
		_exit(owner_main(pipes[1]));
	cr_assert_eq(read(pipes[0], &orphan, sizeof(orphan)), sizeof(orphan));
	fd_close(&pipes[0]);
	fd_close(&pipes[1]);

	AUTO_FD pidfd = pidfd_open(orphan, 0);
	struct pollfd death = { .fd = pidfd, .events = POLLIN };
	unsigned trees = trees_count(owner);
	struct error error = {};

	cr_expect_geq(cgroups_sweep(&error), 0, "%s", error.sentence);
	cr_expect_eq(trees_count(owner), trees, "a living owner's tree was swept");
	cr_expect_eq(poll(&death, 1, 0), 0, "a living owner's child was killed");

	kill(owner, SIGKILL);
	/* A zombie is dead enough: the owner is reaped only after the sweep. */
	cr_assert_eq(waitid(P_PID, (id_t)owner, NULL, WEXITED | WNOWAIT), 0);
	cr_expect_eq(poll(&death, 1, 0), 0, "the child died with its owner: nothing to prove");
	/* Not "1 swept": another daemon that starts now may be the faster one. */
	cr_expect_geq(cgroups_sweep(&error), 0, "%s", error.sentence);
	cr_expect_eq(trees_count(owner), 0);
	cr_expect(is_killed(status_of(orphan)));
	fd_close(&pidfd);
	status_of(owner);
}

#define SWEEPERS 4

static int sweeper_main(int start, pid_t owner)
{
	struct error error = {};
	char byte;

	if (read(start, &byte, 1) != 0)
		return 97;
	if (cgroups_sweep(&error) < 0) {
		fprintf(stderr, "%s\n", error.sentence);
		return 1;
	}
	return trees_count(owner) == 0 ? 0 : 2;
}

Test(cgroup, sweeps_a_tree_that_others_are_sweeping)
{
	pid_t sweepers[SWEEPERS];
	int pipes[2], start[2];
	pid_t orphan;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);

	pid_t owner = fork();

	if (owner == 0)
		_exit(owner_main(pipes[1]));
	cr_assert_eq(read(pipes[0], &orphan, sizeof(orphan)), sizeof(orphan));
	kill(owner, SIGKILL);
	cr_assert_eq(pipe2(start, O_CLOEXEC), 0);
	for (unsigned i = 0; i < SWEEPERS; i++) {
		sweepers[i] = fork();
		if (sweepers[i] == 0) {
			close(start[1]);
			_exit(sweeper_main(start[0], owner));
		}
	}
	status_of(owner);
	fd_close(&start[1]);
	for (unsigned i = 0; i < SWEEPERS; i++)
		cr_expect_eq(status_of(sweepers[i]), 0, "one came back with the tree in place");
	cr_expect(is_killed(status_of(orphan)));
	fd_close(&pipes[0]);
	fd_close(&pipes[1]);
	fd_close(&start[0]);
}

Test(cgroup, sweeps_a_tree_whose_pid_has_a_new_owner_and_no_name_but_its_own)
{
	struct cgroups *cgroups = open_all();
	int tree = cgroups->unified >= 0 ? cgroups->unified : cgroups->v1[CGROUP_MEMORY];
	AUTO_FD parent = openat(tree, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char reused[64], foreign[64];
	struct stat stat;

	snprintf(reused, sizeof(reused), "corral.%d.1", getpid());
	snprintf(foreign, sizeof(foreign), "corral.%d.1.notes", getpid());
	cr_assert_eq(mkdirat(parent, reused, 0755), 0);
	cr_assert_eq(mkdirat(parent, foreign, 0755), 0);
	cr_expect_geq(cgroups_sweep(NULL), 0);
	cr_expect_neq(fstatat(parent, reused, &stat, 0), 0);
	cr_expect_eq(fstatat(parent, foreign, &stat, 0), 0);
	cr_expect_eq(fstatat(parent, cgroups->name, &stat, 0), 0);
	unlinkat(parent, foreign, AT_REMOVEDIR);
	cgroups_close(cgroups);
	fd_close(&parent);
}
