// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/bpf_calls.c: every system call and use has a class, and a footprint the sum of its
 * calls'.
 */
#include "bpf/calls.h"

#include "base/own.h"
#include "jail/seccomp_policy.h"

#include <criterion/criterion.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>

static bool is_let_through(int number)
{
	for (size_t i = 0; i < seccomp_rule_count; i++)
		if (seccomp_rules[i].number == number)
			return seccomp_rules[i].answer == SCMP_ACT_ALLOW;
	return false;
}

/* Whatever a program can call stands in the table; whatever else there is or will be can leave
 * anything. */
Test(calls, have_a_class_for_every_number)
{
	unsigned anything = 0, let_through = 0;

	for (int number = 0; number < 5000; number++) {
		uint32_t leaves = call_leaves((unsigned)number);
		AUTO_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);

		cr_expect_eq(leaves & ~(uint32_t)LEAVES_ANYTHING, 0, "%d %s", number, name);
		if (number >= FOOTPRINT_USES && number < FOOTPRINT_USES_END) {
			cr_expect_neq(leaves, LEAVES_ANYTHING, "use %d", number);
			cr_expect_null(name, "the use %d has the number of %s", number, name);
			continue;
		}
		if (!is_let_through(number)) {
			cr_expect_eq(leaves, LEAVES_ANYTHING, "%d %s", number, name);
			continue;
		}
		let_through++;
		anything += leaves == LEAVES_ANYTHING;
	}
	cr_expect_gt(let_through, 250);
	/* Those of a birth alone. */
	cr_expect_eq(anything, seccomp_birth_rule_count, "%u", anything);
}

static const struct {
	int number;
	uint32_t leaves;
} rows[] = {
	{ SYS_read, LEAVES_NOTHING }, { SYS_getpid, LEAVES_NOTHING }, { SYS_unlink, LEAVES_FILES },
	{ SYS_munmap, LEAVES_MEMORY }, { SYS_mmap, LEAVES_MEMORY | LEAVES_WORKER },
	{ SYS_clone, LEAVES_PROCESSES | LEAVES_DESCRIPTORS }, { SYS_fork, LEAVES_PROCESSES },
	{ SYS_setns, LEAVES_ANYTHING }, { SYS_io_uring_setup, LEAVES_ANYTHING },
	{ SYS_chdir, LEAVES_PLACE },
	/* What would outlast its descriptor's end, being of the control socket. */
	{ SYS_shutdown, LEAVES_DESCRIPTORS | LEAVES_WORKER },
	{ SYS_flock, LEAVES_DESCRIPTORS | LEAVES_WORKER },
	{ SYS_bind, LEAVES_SOCKETS | LEAVES_FILES | LEAVES_WORKER },
	{ SYS_utimensat, LEAVES_FILES | LEAVES_WORKER },
	/* What is done by the way. */
	{ SYS_getsockopt, LEAVES_DESCRIPTORS }, { SYS_rt_sigreturn, LEAVES_SIGNALS },
};

Test(calls, leave_what_the_table_says)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(call_leaves((unsigned)rows[i].number), rows[i].leaves, "%d: %x",
			rows[i].number, call_leaves((unsigned)rows[i].number));
	cr_expect_eq(call_leaves(FOOTPRINT_CALLS - 1), LEAVES_ANYTHING);
	cr_expect_eq(call_leaves(1u << 31), LEAVES_ANYTHING);
}

static void call_add(__u64 *set, unsigned number)
{
	set[number / 64] |= UINT64_C(1) << number % 64;
}

Test(calls, of_a_footprint_leave_their_sum)
{
	struct footprint footprint = { .state = FOOTPRINT_ON };

	cr_expect_eq(footprint_leaves(&footprint), LEAVES_NOTHING);
	call_add(footprint.worker_call_set, SYS_read);
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_NOTHING);
	call_add(footprint.worker_call_set, SYS_chdir);
	call_add(footprint.worker_call_set, USE_MPROTECT_PLAIN);
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_PLACE | LEAVES_MEMORY);
	call_add(footprint.worker_call_set, FOOTPRINT_CALLS - 1);
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_ANYTHING);
}

#define LEFT_BY_FORKS (LEAVES_PROCESSES | LEAVES_SIGNALS)

/* What children do to themselves ends with them; to the cell, or to what they share, it stays. */
Test(calls, of_children_count_for_the_cell_and_for_what_is_shared)
{
	struct footprint footprint = { .state = FOOTPRINT_ON, .forks = 1 };

	call_add(footprint.others_call_set, SYS_execve);
	call_add(footprint.others_call_set, SYS_munmap);
	call_add(footprint.others_call_set, SYS_close);
	call_add(footprint.others_call_set, SYS_mkdir);
	cr_expect_eq(footprint_leaves(&footprint), LEFT_BY_FORKS | LEAVES_FILES);
	footprint.shared = FOOTPRINT_SHARED_MEMORY;
	cr_expect_eq(footprint_leaves(&footprint), LEFT_BY_FORKS | LEAVES_FILES | LEAVES_MEMORY);
	footprint.shared = FOOTPRINT_SHARED_MORE;
	cr_expect_eq(footprint_leaves(&footprint), LEFT_BY_FORKS | LEAVES_FILES | LEAVES_MEMORY |
			LEAVES_DESCRIPTORS | LEAVES_WORKER);
}

/* A property of the address space is the worker's when that is shared; of a process, it is not. */
Test(calls, of_children_that_share_memory_leave_what_memory_has)
{
	struct footprint footprint = { .state = FOOTPRINT_ON, .forks = 1 };

	call_add(footprint.others_call_set, SYS_prctl);
	cr_expect_eq(footprint_leaves(&footprint), LEFT_BY_FORKS);
	footprint.shared = FOOTPRINT_SHARED_MEMORY;
	cr_expect_eq(footprint_leaves(&footprint), LEFT_BY_FORKS | LEAVES_MEMORY | LEAVES_WORKER);
	memset(footprint.others_call_set, 0, sizeof(footprint.others_call_set));
	call_add(footprint.others_call_set, SYS_execve);
	call_add(footprint.others_call_set, USE_ARCH_PRCTL_SEGMENT);
	cr_expect_eq(footprint_leaves(&footprint), LEFT_BY_FORKS);
}

/* By its number, by an open file that both have, by their ipc namespace, by /proc. */
Test(calls, of_children_that_reach_the_worker_count_as_its_own)
{
	static const int numbers[] = { SYS_prlimit64, SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo,
		SYS_pidfd_send_signal, SYS_setpriority, SYS_fcntl, USE_FCNTL_FLAGS, SYS_ioctl,
		USE_IOCTL_FLAGS, SYS_flock, SYS_shutdown, SYS_bind, SYS_setsockopt, SYS_shmget,
		SYS_msgsnd, SYS_mq_open, SYS_openat2, SYS_utimensat,
		SYS_process_vm_writev, SYS_ptrace };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct footprint footprint = { .state = FOOTPRINT_ON };

		call_add(footprint.others_call_set, (unsigned)numbers[i]);
		cr_expect_neq(call_leaves((unsigned)numbers[i]) & LEAVES_IN_WORKER, 0);
		cr_expect_eq(footprint_leaves(&footprint), call_leaves((unsigned)numbers[i]),
			"%d: %x", numbers[i], footprint_leaves(&footprint));
	}
}

Test(calls, of_a_record_that_did_not_begin_prove_nothing)
{
	struct footprint footprint = { .state = FOOTPRINT_OFF };

	cr_expect_eq(footprint_leaves(&footprint), LEAVES_ANYTHING);
	footprint.state = FOOTPRINT_ARMED;
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_ANYTHING);
	footprint = (struct footprint){ .state = FOOTPRINT_ON, .threads = 1 };
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_WORKER);
}

/* Neither does alone: it is the handler that never comes back to the sleep. */
Test(calls, of_a_sleep_and_a_handler_leave_a_rest_with_the_kernel)
{
	static const unsigned sleeps[] = {
		SYS_nanosleep, SYS_clock_nanosleep, SYS_poll, SYS_futex, SYS_restart_syscall
	};

	for (size_t i = 0; i < sizeof(sleeps) / sizeof(sleeps[0]); i++) {
		struct footprint footprint = { .state = FOOTPRINT_ON };

		call_add(footprint.worker_call_set, sleeps[i]);
		cr_expect_eq(footprint_leaves(&footprint) & LEAVES_WORKER, 0, "%u", sleeps[i]);
		call_add(footprint.worker_call_set, SYS_rt_sigaction);
		cr_expect_eq(footprint_leaves(&footprint) & LEAVES_WORKER, LEAVES_WORKER, "%u",
			sleeps[i]);
		memset(footprint.worker_call_set, 0, sizeof(footprint.worker_call_set));
		call_add(footprint.worker_call_set, SYS_rt_sigaction);
		cr_expect_eq(footprint_leaves(&footprint) & LEAVES_WORKER, 0);
	}
}
