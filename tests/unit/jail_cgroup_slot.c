// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_cgroup_slot.c: limits proved by children that run into them, figures by the
 * kernel's own counters.
 *
 * The same tests hold on v1, v2 and hybrid machines.
 */
#include "tests/unit/jail_cgroup_child.h"

#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#define WAIT_MSEC_MAX 30000

TestSuite(cgroup_slot, .init = before, .fini = after, .timeout = 120);

/* --- Figures and children -------------------------------------------------------------------- */

/* Reads a slot's limit back from the kernel. */
static uint64_t standing(const struct cgroups *cgroups, enum cgroup_controller controller,
			 const char *file_v1, const char *file_v2)
{
	const struct cgroup_control *control = &cgroups->control[controller];
	const char *file = control->ops == &cgroup_v1_ops ? file_v1 : file_v2;
	uint64_t number = 0;

	cr_assert_eq(cgroup_slot_read_number(control->tree, 0, file, &number), 0, "%s", file);
	return number;
}

static uint64_t standing_memory(const struct cgroups *cgroups)
{
	return standing(cgroups, CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max");
}

static uint64_t standing_pids(const struct cgroups *cgroups)
{
	return standing(cgroups, CGROUP_PIDS, "pids.max", "pids.max");
}

static int body_burn(int msec)
{
	struct timespec used;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < msec);
	return 0;
}

/* Forks until it is refused. Returns how many it got. */
static int body_fork(int children_max)
{
	pid_t children[64];
	int count = 0;

	while (count < children_max && (children[count] = fork()) >= 0) {
		if (children[count++] == 0)
			for (;;)
				pause();
	}
	for (int i = 0; i < count; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return count;
}

static void wait_until_empty(struct cgroups *cgroups, unsigned slot)
{
	char path[CGROUP_SLOT_PATH_BYTES], text[64];
	int r;

	cgroup_slot_path(path, slot, "cgroup.events");

	AUTO_FD fd = openat(cgroups->unified, path, O_RDONLY | O_CLOEXEC);
	struct pollfd event = { .fd = fd, .events = POLLPRI };

	/* Reading first tells the kernel which change has been seen. */
	while (pread(fd, text, sizeof(text), 0) > 0 &&
	       (r = cgroups_slot_is_empty(cgroups, slot)) == 0)
		cr_assert_eq(poll(&event, 1, WAIT_MSEC_MAX), 1);
	cr_assert_eq(r, 1);
}

/* --- Slots ------------------------------------------------------------------------------------ */

Test(cgroup_slot, refuses_a_slot_beyond_the_maximum)
{
	struct cgroups *cgroups = open_all();

	cr_expect_eq(cgroups_slot_prepare(cgroups, SLOTS, &usual), -EINVAL);
	cr_expect_eq(cgroups_slot_rearm(cgroups, SLOTS), -ENOENT);
	cgroups_close(cgroups);
}

Test(cgroup_slot, refuses_a_limit_of_nothing)
{
	struct cgroups *cgroups = open_all();

	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &(struct cgroup_limits){ 0, 9 }), -EINVAL);
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &(struct cgroup_limits){ 9, 0 }), -EINVAL);
	cgroups_close(cgroups);
}

Test(cgroup_slot, knows_a_slot_that_was_never_prepared)
{
	struct cgroups *cgroups = open_all();
	struct cgroup_usage usage;
	uint64_t usec;

	cr_expect_eq(cgroups_slot_usage(cgroups, 2, CGROUP_FIGURE_ALL, &usage), -ENOENT);
	cr_expect_eq(cgroups_slot_cpu_usec(cgroups, 2, &usec), -ENOENT);
	cr_expect_eq(cgroups_slot_is_empty(cgroups, 2), 1);
	cgroups_close(cgroups);
}

Test(cgroup_slot, puts_a_newborn_into_the_slots_group_of_every_tree)
{
	struct cgroups *cgroups = open_all();
	char path[64], group[96], text[4096];
	unsigned found = 0, trees = trees_count(getpid());

	cr_assert_eq(cgroups_slot_prepare(cgroups, 7, &usual), 0);

	pid_t pid = start_staying(cgroups, 7, body_stay);

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	snprintf(group, sizeof(group), "/%s/7\n", cgroups->name);
	cr_assert_gt(file_read(AT_FDCWD, path, text, sizeof(text)), 0);
	for (char *at = text; (at = strstr(at, group)); at++)
		found++;
	cr_expect_eq(found, trees, "%s", text);
	kill(pid, SIGKILL);
	status_of(pid);
	cgroups_close(cgroups);
}

Test(cgroup_slot, writes_limits_only_where_they_differ)
{
	struct cgroups *cgroups = open_all();
	struct cgroup_limits limits = { .memory_bytes = 64 * MIB, .pids = 10 };
	int pids = cgroups->control[CGROUP_PIDS].tree;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_eq(standing_memory(cgroups), 64 * MIB);

	/* What we change behind its back shows what it writes. */
	cr_assert_eq(cgroup_slot_write_number(pids, 0, "pids.max", 77), 0);
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_eq(standing_pids(cgroups), 77);
	limits.memory_bytes = 128 * MIB;
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_eq(standing_memory(cgroups), 128 * MIB);
	cr_expect_eq(standing_pids(cgroups), 77);
	limits.pids = 12;
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_neq(standing_pids(cgroups), 77);
	cgroups_close(cgroups);
}

Test(cgroup_slot, takes_numbers_that_mean_no_limit)
{
	struct cgroups *cgroups = open_all();
	struct cgroup_limits limits = usual;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	limits.memory_bytes = UINT64_MAX;
	limits.pids = UINT64_MAX;
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(standing_memory(cgroups), usual.memory_bytes);
	cgroups_close(cgroups);
}

Test(cgroup_slot, forbids_swap_through_every_change_of_the_memory_limit)
{
	static const uint64_t steps_mib[] = { 64, 128, 32, 33 };
	struct cgroups *cgroups = open_all();
	struct cgroup_limits limits = usual;
	struct stat stat;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	if (fstatat(cgroups->control[CGROUP_MEMORY].tree, "0/memory.memsw.limit_in_bytes", &stat, 0)
	    != 0 && fstatat(cgroups->control[CGROUP_MEMORY].tree, "0/memory.swap.max", &stat, 0)
	    != 0) {
		cgroups_close(cgroups);
		cr_skip_test("this kernel does not account swap");
	}
	for (unsigned i = 0; i < 4; i++) {
		limits.memory_bytes = steps_mib[i] * MIB;
		cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0, "step %u", i);

		uint64_t swap = standing(cgroups, CGROUP_MEMORY, "memory.memsw.limit_in_bytes",
					 "memory.swap.max");

		if (cgroups->control[CGROUP_MEMORY].ops == &cgroup_v1_ops)
			swap -= standing_memory(cgroups);
		cr_expect_eq(swap, 0, "step %u", i);
	}
	cgroups_close(cgroups);
}

Test(cgroup_slot, writes_a_limit_again_after_the_kernel_refused_it)
{
	struct cgroups *cgroups = open_all();
	struct cgroup_limits limits = { .memory_bytes = 8 * MIB, .pids = 10 };

	if (cgroups->control[CGROUP_MEMORY].ops != &cgroup_v1_ops) {
		cgroups_close(cgroups);
		cr_skip_test("v2 refuses no limit, it kills");
	}
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);

	pid_t pid = start_staying(cgroups, 0, body_stay);

	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &limits), -EBUSY);
	kill(pid, SIGKILL);
	status_of(pid);
	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_eq(standing_memory(cgroups), 8 * MIB);
	cr_expect_eq(standing_pids(cgroups), 10);
	cgroups_close(cgroups);
}

Test(cgroup_slot, refuses_processes_beyond_the_limit_and_counts_the_refusal)
{
	struct cgroups *cgroups = open_all();
	struct cgroup_limits limits = { .memory_bytes = 64 * MIB, .pids = 5 };
	/* Itself counts; in v2 one more is allowed, for corral-init. */
	int children = cgroups->control[CGROUP_PIDS].ops == &cgroup_v2_ops ? 5 : 4;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect_eq(WEXITSTATUS(status_of(start(cgroups, 0, body_fork, 64))), children);
	cr_expect_eq(usage_of(cgroups, 0).pids_refused, 1);
	cgroups_close(cgroups);
}

Test(cgroup_slot, kills_what_outgrows_its_memory_and_counts_the_kill)
{
	struct cgroups *cgroups = open_all();
	struct cgroup_limits limits = { .memory_bytes = 16 * MIB, .pids = 5 };
	/* v2 counts the process it chose, and then all of the group, that one among them. */
	uint64_t kills = cgroups->control[CGROUP_MEMORY].ops == &cgroup_v2_ops ? 2 : 1;
	struct cgroup_usage usage;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	cr_expect(is_killed(status_of(start(cgroups, 0, body_touch, 64))));
	usage = usage_of(cgroups, 0);
	cr_expect_geq(usage.oom_kills, 1);
	cr_expect_leq(usage.oom_kills, kills);
	cr_expect_geq(usage.memory_peak_bytes, 15 * MIB);
	cr_expect_leq(usage.memory_peak_bytes, 16 * MIB);
	cr_expect_gt(usage.memory_met, 0);

	cr_expect_eq(status_of(start(cgroups, 0, body_touch, 4)), 0);
	cr_expect_eq(
		usage_of(cgroups, 0).oom_kills, usage.oom_kills, "a count that moved for nothing");
	cgroups_close(cgroups);
}

Test(cgroup_slot, tells_a_kill_for_its_own_limit_from_one_for_a_group_above)
{
	struct cgroups *cgroups = open_all();
	const struct cgroup_control *memory = &cgroups->control[CGROUP_MEMORY];
	struct cgroup_limits limits = { .memory_bytes = 64 * MIB, .pids = 5 };
	const char *file =
		memory->ops == &cgroup_v1_ops ? "memory.limit_in_bytes" : "memory.max";
	struct cgroup_usage before, after;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &limits), 0);
	for (int own = 0; own <= 1; own++) {
		cr_assert_eq(file_write_number(memory->tree, file, (own ? 96 : 32) * MIB), 0);
		cr_assert_eq(cgroups_slot_rearm(cgroups, 0), 0);
		before = usage_of(cgroups, 0);
		cr_expect(is_killed(status_of(start(cgroups, 0, body_touch, 128))));
		after = usage_of(cgroups, 0);
		cr_expect_gt(after.oom_kills, before.oom_kills, "own: %d", own);
		cr_expect_eq(after.memory_met > before.memory_met, own, "own: %d", own);
	}
	cgroups_close(cgroups);
}

Test(cgroup_slot, starts_the_memory_peak_anew_at_rearm)
{
	struct cgroups *cgroups = open_all();

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(status_of(start(cgroups, 0, body_touch, 32)), 0);
	cr_expect_geq(usage_of(cgroups, 0).memory_peak_bytes, 32 * MIB);
	cr_expect_eq(cgroups_slot_rearm(cgroups, 0), 0);
	cr_expect_lt(usage_of(cgroups, 0).memory_peak_bytes, 8 * MIB);
	cr_expect_eq(status_of(start(cgroups, 0, body_touch, 48)), 0);
	cr_expect_geq(usage_of(cgroups, 0).memory_peak_bytes, 48 * MIB);
	cgroups_close(cgroups);
}

Test(cgroup_slot, counts_the_cpu_time_of_the_slot_alone)
{
	struct cgroups *cgroups = open_all();
	uint64_t burnt, idle;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_assert_eq(cgroups_slot_prepare(cgroups, 1, &usual), 0);
	cr_expect_eq(status_of(start(cgroups, 0, body_burn, 50)), 0);
	cr_assert_eq(cgroups_slot_cpu_usec(cgroups, 0, &burnt), 0);
	cr_assert_eq(cgroups_slot_cpu_usec(cgroups, 1, &idle), 0);
	cr_expect_geq(burnt, 50000);
	cr_expect_lt(burnt, 500000);
	cr_expect_eq(idle, 0);
	cr_expect_eq(usage_of(cgroups, 0).cpu_usec, burnt);
	cgroups_close(cgroups);
}

static uint64_t standing_cpu(const struct cgroups *cgroups)
{
	return standing(cgroups, CGROUP_CPU, "cpu.shares", "cpu.weight");
}

Test(cgroup_slot, is_divided_and_whole_again)
{
	struct cgroups *cgroups = open_all();
	uint64_t whole, part;

	cr_expect_eq(cgroups_slot_cpu_divide(cgroups, 0, 1), -ENOENT);
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(cgroups_slot_cpu_divide(cgroups, 0, 0), -EINVAL);
	cr_expect_eq(cgroups_slot_cpu_divide(cgroups, 0, CGROUP_DIVISOR_MAX + 1), -EINVAL);
	whole = standing_cpu(cgroups);
	for (unsigned divisor = 1; divisor <= CGROUP_DIVISOR_MAX; divisor *= 2) {
		cr_expect_eq(cgroups_slot_cpu_divide(cgroups, 0, divisor), 0);
		part = standing_cpu(cgroups);
		cr_expect_eq(part, whole / divisor, "%u: %llu", divisor, (unsigned long long)part);
	}
	cr_expect_eq(cgroups_slot_cpu_divide(cgroups, 0, 1), 0);
	cr_expect_eq(standing_cpu(cgroups), whole);
	cgroups_close(cgroups);
}

Test(cgroup_slot, kills_a_slot_to_the_last_descendant_and_uses_it_again)
{
	struct cgroups *cgroups = open_all();

	if (cgroups->unified < 0) {
		cgroups_close(cgroups);
		cr_skip_test("no v2 hierarchy is mounted");
	}
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_assert_eq(cgroups_slot_prepare(cgroups, 1, &usual), 0);

	pid_t neighbour = start_staying(cgroups, 1, body_stay);
	pid_t pid = start_staying(cgroups, 0, body_stay_many);

	cr_expect_eq(cgroups_slot_is_empty(cgroups, 0), 0);
	cr_expect_eq(cgroups_slot_kill(cgroups, 0), 0);
	cr_expect(is_killed(status_of(pid)));
	wait_until_empty(cgroups, 0);
	cr_expect_eq(cgroups_slot_is_empty(cgroups, 1), 0, "the neighbour was killed too");

	cr_expect_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(status_of(start(cgroups, 0, body_touch, 1)), 0);
	kill(neighbour, SIGKILL);
	reap_all();
	cgroups_close(cgroups);
}

Test(cgroup_slot, lists_who_lives_and_counts_who_is_not_reaped)
{
	struct cgroups *cgroups = open_all();
	/* Where corral-init is in the group as well, the first child stands for it. */
	int inits = cgroups->control[CGROUP_PIDS].ops == &cgroup_v2_ops;
	siginfo_t info;
	pid_t pids[4], lives, ended;

	if (!cgroups_count_tasks(cgroups)) {
		cgroups_close(cgroups);
		cr_skip_test("nothing counts processes");
	}
	cr_expect_eq(cgroups_slot_tasks(cgroups, 0), -EOPNOTSUPP);
	cr_expect_eq(cgroups_slot_processes(cgroups, 0, pids, 4), -EOPNOTSUPP);
	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(cgroups_slot_processes(cgroups, 0, pids, 4), 0);
	lives = start_staying(cgroups, 0, body_stay);
	ended = start(cgroups, 0, body_touch, 1);
	cr_assert_eq(waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT), 0);
	cr_expect_eq(cgroups_slot_tasks(cgroups, 0), 2 - inits);
	cr_expect_eq(cgroups_slot_processes(cgroups, 0, pids, 4), 1);
	cr_expect_eq(pids[0], lives);
	cr_expect_eq(status_of(ended), 0);
	cr_expect_eq(cgroups_slot_tasks(cgroups, 0), 1 - inits);
	cr_expect_eq(cgroups_slot_processes(cgroups, 0, pids, 0), 0);
	kill(lives, SIGKILL);
	reap_all();
	cgroups_close(cgroups);
}

struct work {
	struct cgroups *cgroups;
	unsigned slot;
	int failed;
};

Test(cgroup_slot, reads_the_figures_that_are_asked_for_and_no_others)
{
	struct cgroups *cgroups = open_all();
	const struct cgroup_usage unread = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
		UINT64_MAX };
	struct cgroup_usage usage = unread;

	cr_assert_eq(cgroups_slot_prepare(cgroups, 0, &usual), 0);
	cr_expect_eq(status_of(start(cgroups, 0, body_touch, 32)), 0);
	cr_expect_eq(cgroups_slot_usage(cgroups, 0, 0, &usage), 0);
	cr_expect_eq(memcmp(&usage, &unread, sizeof(usage)), 0);
	cr_expect_eq(cgroups_slot_usage(cgroups, 0, CGROUP_FIGURE_PIDS, &usage), 0);
	cr_expect_eq(usage.pids_refused, 0);
	cr_expect(usage.cpu_usec == UINT64_MAX && usage.memory_peak_bytes == UINT64_MAX &&
		usage.oom_kills == UINT64_MAX);
	cr_expect_eq(cgroups_slot_usage(cgroups, 0, CGROUP_FIGURE_OOM, &usage), 0);
	cr_expect_eq(usage.oom_kills, 0);
	cr_expect(usage.cpu_usec == UINT64_MAX && usage.memory_peak_bytes == UINT64_MAX);
	cr_expect_eq(cgroups_slot_usage(cgroups, 0, CGROUP_FIGURE_PEAK, &usage), 0);
	cr_expect(usage.memory_peak_bytes >= 32 * MIB && usage.memory_peak_bytes < 64 * MIB);
	cr_expect_eq(usage.cpu_usec, UINT64_MAX);
	cr_expect_eq(cgroups_slot_usage(cgroups, 0, CGROUP_FIGURE_CPU, &usage), 0);
	cr_expect_lt(usage.cpu_usec, 10000000);
	cgroups_close(cgroups);
}

static void *work_main(void *argument)
{
	struct work *work = argument;
	struct cgroup_usage usage = {};

	for (unsigned i = 0; i < 50; i++) {
		struct cgroup_limits limits = { (64 + i % 3) * MIB, 8 + i % 5 };

		work->failed += cgroups_slot_prepare(work->cgroups, work->slot, &limits) < 0;
		work->failed += cgroups_slot_usage(
				work->cgroups, work->slot, CGROUP_FIGURE_ALL, &usage) < 0;
		work->failed += cgroups_slot_is_empty(work->cgroups, work->slot) != 1;
	}
	return NULL;
}

Test(cgroup_slot, serves_a_thread_for_each_slot_without_locks)
{
	struct cgroups *cgroups = open_all();
	struct work work[4];
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++) {
		work[i] = (struct work){ cgroups, i, 0 };
		cr_assert_eq(pthread_create(&threads[i], NULL, work_main, &work[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(work[i].failed, 0);
	}
	cgroups_close(cgroups);
}
