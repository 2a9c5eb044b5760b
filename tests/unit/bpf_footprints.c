// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/bpf_footprints.c: the kernel's records of what a uid's processes do, on real ones.
 *
 * Needs root, and a kernel that loads tracing programs: one that does not skips, out loud.
 */
#include "bpf/footprint.skel.h"
#include "tests/unit/bpf_fixture.h"

#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(footprints, .init = before, .fini = after, .timeout = 30);

static void act_three_calls(void)
{
	syscall(SYS_getpgid, 0); /* before the mark: nobody's */
	syscall(FOOTPRINT_MARK);
	syscall(SYS_getuid);
	syscall(SYS_getuid);
	syscall(SYS_sched_yield);
	syscall(SYS_exit_group, 0);
}

Test(footprints, hold_the_calls_behind_the_mark_and_no_others)
{
	struct footprint footprint = record_of(0, act_three_calls);

	cr_expect_eq(footprint.calls, 4, "%llu", footprint.calls);
	for (unsigned number = 0; number < FOOTPRINT_CALLS; number++)
		cr_expect_eq(footprint_has_call(&footprint, number),
			number == SYS_getuid || number == SYS_sched_yield ||
				number == SYS_exit_group,
			"call %u", number);
	cr_expect_eq(footprint.forks + footprint.threads + footprint.execs, 0);
	cr_expect_eq(footprint.ends, 1);
	cr_expect_eq(footprint.excess, FOOTPRINT_WITHIN);
}

static void act_large_number(void)
{
	syscall(FOOTPRINT_MARK);
	syscall(4000);
}

Test(footprints, hold_a_number_that_no_call_has)
{
	struct footprint footprint = record_of(1, act_large_number);

	cr_expect(footprint_has_call(&footprint, 4000));
	cr_expect(footprint_has_call(&footprint, FOOTPRINT_CALLS - 1));
}

Test(footprints, are_each_slots_own_and_nobodys_else)
{
	struct footprint *others[] = { footprints_slot(footprints, 2),
		footprints_slot(footprints, 4), footprints_slot(footprints, SLOTS - 1) };
	struct footprint footprint;

	for (unsigned i = 0; i < 3; i++)
		footprint_arm(others[i], 0, 0);
	footprint = record_of(3, act_three_calls);
	cr_expect_eq(footprint.calls, 4);
	/* Of uids on both sides of the range, nothing is written anywhere. */
	cr_expect_eq(act_as(-1u, act_three_calls), 0);
	cr_expect_eq(act_as(SLOTS, act_three_calls), 0);
	for (unsigned i = 0; i < 3; i++) {
		footprint = footprint_read(others[i]);
		cr_expect_eq(footprint.calls + footprint.switches + footprint.ends, 0);
		cr_expect_eq(footprint.state, FOOTPRINT_ARMED);
	}
	footprint = record_of(SLOTS - 1, act_three_calls);
	cr_expect_eq(footprint.calls, 4, "the last one");
}

Test(footprints, hold_nothing_while_they_are_stopped)
{
	struct footprint *footprint = footprints_slot(footprints, 5);

	footprint_arm(footprint, 0, 0);
	footprint_stop(footprint);
	cr_expect_eq(act_as(5, act_three_calls), 0);
	cr_expect_eq(footprint_read(footprint).calls, 0);
	cr_expect_eq(footprint_read(footprint).switches, 0);
}

/* --- Processes -------------------------------------------------------------------------------- */

static int thread_start(void *argument)
{
	return 0;
}

static void act_family(void)
{
	static char stack[65536];
	static char *const arguments[] = { "true", NULL };
	int thread;

	syscall(FOOTPRINT_MARK);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0 && i == 2)
			execv("/bin/true", arguments);
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	thread = clone(thread_start, stack + sizeof(stack),
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		NULL);
	if (thread < 0)
		_exit(1);
	while (syscall(SYS_tgkill, getpid(), thread, 0) == 0)
		sched_yield();
}

Test(footprints, count_processes_threads_programs_and_ends)
{
	struct footprint footprint = record_of(6, act_family);

	cr_expect_eq(footprint.forks, 3);
	cr_expect_eq(footprint.threads, 1);
	cr_expect_eq(footprint.execs, 1);
	cr_expect_eq(footprint.ends, 4, "%llu", footprint.ends);
	cr_expect(footprint_has_call(&footprint, SYS_execve), "a child's calls are its own");
}

static int child_start(void *argument)
{
	syscall(SYS_getpgid, 0);
	_exit(0);
}

static void child_make(int flags)
{
	static char stack[65536];
	int pid;

	syscall(FOOTPRINT_MARK);
	syscall(SYS_getuid);
	pid = clone(child_start, stack + sizeof(stack), flags | SIGCHLD, NULL);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		_exit(1);
}

static void act_fork(void)
{
	child_make(0);
}

static void act_vfork(void)
{
	child_make(CLONE_VM | CLONE_VFORK);
}

static void act_shared_files(void)
{
	child_make(CLONE_FILES);
}

static bool worker_called(const struct footprint *footprint, unsigned number)
{
	return footprint->worker_call_set[number / 64] >> number % 64 & 1;
}

Test(footprints, tell_the_workers_calls_from_its_childrens_and_what_they_share)
{
	static const struct {
		void (*act)(void);
		uint64_t shared;
	} rows[] = { { act_fork, 0 }, { act_vfork, FOOTPRINT_SHARED_MEMORY },
		{ act_shared_files, FOOTPRINT_SHARED_MORE } };

	for (unsigned i = 0; i < 3; i++) {
		struct footprint footprint = record_of(12, rows[i].act);

		cr_expect_eq(footprint.forks, 1);
		cr_expect_eq(footprint.shared, rows[i].shared, "%u: %llu", i, footprint.shared);
		cr_expect(worker_called(&footprint, SYS_getuid));
		cr_expect_not(worker_called(&footprint, SYS_getpgid));
		cr_expect(footprint_has_call(&footprint, SYS_getpgid));
	}
}

/* --- Time and memory -------------------------------------------------------------------------- */

#define BURN_NSEC 30000000

static void act_burner(void)
{
	struct timespec now;

	syscall(FOOTPRINT_MARK);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	while (now.tv_sec == 0 && now.tv_nsec < BURN_NSEC);
}

Test(footprints, tell_the_time_on_the_cpu)
{
	struct timespec begin, end;
	struct footprint footprint;
	uint64_t wall;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	footprint = record_of(7, act_burner);
	clock_gettime(CLOCK_MONOTONIC, &end);
	wall = (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000 +
	       (uint64_t)(end.tv_nsec - begin.tv_nsec);
	/* What it used before it took the uid is not its slot's: a fork, a few page faults. */
	cr_expect_geq(footprint.cpu_nsec, BURN_NSEC / 2, "%llu", footprint.cpu_nsec);
	cr_expect_leq(footprint.cpu_nsec, wall);
}

#define TOUCHED 100u

static void act_toucher(void)
{
	static const char zeros[4096];
	char *own = mmap(NULL, 2 * TOUCHED * 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (own == MAP_FAILED || fd < 0 || madvise(own, 2 * TOUCHED * 4096, MADV_NOHUGEPAGE))
		_exit(1);
	syscall(FOOTPRINT_MARK);
	for (unsigned i = 0; i < TOUCHED; i++)
		((volatile char *)own)[i * 4096] = zeros[0] + 1;
	/* On its behalf, by the kernel. */
	for (unsigned i = TOUCHED; i < 2 * TOUCHED; i++)
		if (read(fd, own + i * 4096, 1) != 1)
			_exit(1);
}

static void act_mark(void)
{
	syscall(FOOTPRINT_MARK);
}

Test(footprints, count_the_page_faults_that_the_kernel_takes_as_well)
{
	uint64_t few = record_of(8, act_mark).faults;
	uint64_t many = record_of(8, act_toucher).faults;

	cr_expect_geq(many, few + 2 * TOUCHED, "%lu and %lu", few, many);
	cr_expect_leq(many, few + 2 * TOUCHED + 60, "%lu and %lu", few, many);
}

/* --- Budgets ---------------------------------------------------------------------------------- */

static void act_endless_calls(void)
{
	syscall(FOOTPRINT_MARK);
	for (;;)
		syscall(SYS_getuid);
}

Test(footprints, end_who_makes_more_calls_than_its_budget)
{
	struct footprint *footprint = footprints_slot(footprints, 9);
	int status;

	footprint_arm(footprint, 1000, 0);
	status = act_as(9, act_endless_calls);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
	cr_expect_eq(footprint_read(footprint).excess, FOOTPRINT_CALLS_EXCEEDED);
	cr_expect_eq(footprint_read(footprint).calls, 1001);
}

static void act_exact_budget(void)
{
	syscall(FOOTPRINT_MARK);
	for (int i = 0; i < 999; i++)
		syscall(SYS_getuid);
	syscall(SYS_exit_group, 0);
}

Test(footprints, let_the_last_call_of_a_budget_happen)
{
	struct footprint *footprint = footprints_slot(footprints, 10);

	footprint_arm(footprint, 1000, 0);
	cr_expect_eq(act_as(10, act_exact_budget), 0);
	cr_expect_eq(footprint_read(footprint).excess, FOOTPRINT_WITHIN);
	cr_expect_eq(footprint_read(footprint).calls, 1000);
}

static void act_yielder(void)
{
	syscall(FOOTPRINT_MARK);
	for (;;) {
		struct timespec moment = { .tv_nsec = 1 };

		for (volatile int i = 0; i < 100000; i++)
			;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL); /* leaves the CPU */
	}
}

Test(footprints, end_who_uses_more_cpu_time_than_its_budget)
{
	struct footprint *footprint = footprints_slot(footprints, 11);
	int status;

	footprint_arm(footprint, 0, 20000000);
	status = act_as(11, act_yielder);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
	cr_expect_eq(footprint_read(footprint).excess, FOOTPRINT_CPU_EXCEEDED);
	cr_expect_gt(footprint_read(footprint).cpu_nsec, 20000000);
}

/* --- Both sides ------------------------------------------------------------------------------- */

#define OFFSET(member) { #member, offsetof(struct footprint, member) }

/* The kernel's programs and the daemon mean the same bytes. */
Test(footprints, have_one_layout_on_both_sides, .init = NULL, .fini = NULL)
{
	static const struct {
		const char *name;
		size_t offset;
	} members[] = { OFFSET(worker_call_set), OFFSET(others_call_set), OFFSET(calls),
		OFFSET(forks), OFFSET(threads), OFFSET(execs), OFFSET(ends), OFFSET(faults),
		OFFSET(cpu_nsec), OFFSET(switches), OFFSET(calls_max), OFFSET(cpu_nsec_max),
		OFFSET(state), OFFSET(excess), OFFSET(worker), OFFSET(unused), OFFSET(shared),
		OFFSET(unused_too) };
	struct footprint_bpf *skeleton = footprint_bpf__open();
	const struct btf_type *type;
	const struct btf_member *member;
	const struct btf *btf;
	int id;

	cr_assert(skeleton, "%s", strerror(errno));
	btf = bpf_object__btf(skeleton->obj);
	id = btf__find_by_name_kind(btf, "footprint", BTF_KIND_STRUCT);
	cr_assert_gt(id, 0);
	type = btf__type_by_id(btf, (unsigned)id);
	member = btf_members(type);
	cr_expect_eq(type->size, sizeof(struct footprint));
	cr_assert_eq(btf_vlen(type), sizeof(members) / sizeof(members[0]));
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		cr_expect_str_eq(btf__name_by_offset(btf, member[i].name_off), members[i].name);
		cr_expect_eq(btf_member_bit_offset(type, i), 8 * members[i].offset, "%s",
			members[i].name);
	}
	footprint_bpf__destroy(skeleton);
}

Test(footprints, that_cannot_be_taken_are_told, .init = NULL, .fini = NULL)
{
	struct footprints *none = NULL;
	struct error error = { .sentence = "" };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* Nobody may load programs. */
		if (setresuid(65534, 65534, 65534))
			_exit(99);
		if (footprints_open(&none, 1, UID_FIRST, &error) >= 0 || none)
			_exit(98);
		_exit(strstr(error.sentence, "CAP_BPF") ? 0 : 97);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "status %x", status);
	cr_expect_null(footprints_slot(NULL, 3));
	footprints_close(NULL);
}
