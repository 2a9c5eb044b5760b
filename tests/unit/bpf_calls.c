// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/bpf_calls.c: every system call has a class, and a footprint the sum of its calls'.
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
	{ SYS_read, LEAVES_NOTHING }, { SYS_getpid, LEAVES_NOTHING }, { SYS_mmap, LEAVES_MEMORY },
	{ SYS_openat, LEAVES_DESCRIPTORS | LEAVES_FILES }, { SYS_unlink, LEAVES_FILES },
	{ SYS_bind, LEAVES_SOCKETS | LEAVES_FILES }, { SYS_clone, LEAVES_PROCESSES },
	{ SYS_prctl, LEAVES_WORKER }, { SYS_setns, LEAVES_ANYTHING },
	{ SYS_io_uring_setup, LEAVES_ANYTHING }, { SYS_chdir, LEAVES_PLACE },
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
	call_add(footprint.worker_call_set, SYS_mprotect);
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_PLACE | LEAVES_MEMORY);
	call_add(footprint.worker_call_set, FOOTPRINT_CALLS - 1);
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_ANYTHING);
}

/* What children do to themselves ends with them; to the cell, or to what they share, it stays. */
Test(calls, of_children_count_for_the_cell_and_for_what_is_shared)
{
	struct footprint footprint = { .state = FOOTPRINT_ON, .forks = 1 };

	call_add(footprint.others_call_set, SYS_execve);
	call_add(footprint.others_call_set, SYS_munmap);
	call_add(footprint.others_call_set, SYS_close);
	call_add(footprint.others_call_set, SYS_mkdir);
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_PROCESSES | LEAVES_FILES);
	footprint.shared = FOOTPRINT_SHARED_MEMORY;
	cr_expect_eq(
		footprint_leaves(&footprint), LEAVES_PROCESSES | LEAVES_FILES | LEAVES_MEMORY);
	footprint.shared = FOOTPRINT_SHARED_MORE;
	cr_expect_eq(footprint_leaves(&footprint), LEAVES_PROCESSES | LEAVES_FILES |
			LEAVES_MEMORY | LEAVES_DESCRIPTORS | LEAVES_WORKER);
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
