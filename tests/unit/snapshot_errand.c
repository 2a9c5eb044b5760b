// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_errand.c: a held process makes the calls it is told to make, goes back to
 * where it was, and nothing of its own comes between.
 */
#include "snapshot/errand.h"

#include "snapshot/image.h"
#include "tests/unit/snapshot_child.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>

TestSuite(errand, .timeout = 60);

static struct child child;
static struct tracee tracee;
static struct errand errand;
static struct tracee_registers registers;
static uint8_t *shared;
static uint64_t rseq_address, page;

#define CALL(number, ...) (&(const struct restorer_call){ SYS_##number, { __VA_ARGS__ }, -ENOSYS })

static uint64_t page_find(pid_t pid)
{
	struct mapping table[MAPPINGS_MAX];
	unsigned count = 0;

	cr_assert_eq(mappings_read(pid, table, MAPPINGS_MAX, &count), 0);
	for (unsigned i = 0; i < count; i++) {
		AUTO_FD fd = table[i].is_shared ? mapping_file_open(pid, &table[i]) : -1;

		if (fd >= 0 && restorer_is_file(fd))
			return table[i].start;
	}
	cr_assert_fail("no page");
	return 0;
}

/* The parent's own mappings, which the child inherits. */
static void begin(int (*body)(const struct child_ends *ends))
{
	shared = mmap(NULL, ERRAND_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		0);
	cr_assert_neq(shared, MAP_FAILED);
	cr_assert_eq(restorer_map(), 0);
	page = page_find(getpid());
	child_start(&child, body);
	cr_assert_eq(child_hear(&child), 'r');
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_assert_eq(tracee_get_registers(&tracee, &registers), 0);
	errand_init(&errand, shared, (uint64_t)(uintptr_t)shared, page);
}

static int go(void)
{
	cr_assert_eq(errand_start(&errand, &tracee, &registers.general, rseq_address), 0);
	cr_assert_eq(tracee_wait(&tracee, clock_now_nsec() + HOLD_NSEC), 0);
	return errand_check(&errand, &tracee);
}

/* It waits on for the byte that it waited for. */
static void end(void)
{
	cr_assert_eq(tracee_set_registers(&tracee, &registers), 0);
	cr_assert_eq(tracee_end(&tracee), 0);
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 0);
}

static int64_t result_of(unsigned index)
{
	return ((const struct restorer_call *)(shared + ERRAND_DATA_BYTES))[index].result;
}

static int waits(const struct child_ends *ends)
{
	child_say(ends, 'r');
	return child_read(ends) == 'x' ? 0 : 1;
}

Test(errand, makes_its_calls_in_order_and_goes_back)
{
	begin(waits);
	errand_add_any(&errand, CALL(getpid));
	errand_add(&errand, CALL(chdir, (uint64_t)(uintptr_t)shared));
	errand_add_any(&errand, CALL(lseek, 77, 1, 2));
	memcpy(shared, "/proc", 6);
	cr_expect_eq(go(), 0);
	cr_expect_eq(result_of(0), child.pid);
	cr_expect_eq(result_of(2), -EBADF);
	end();
}

Test(errand, passes_all_six_arguments)
{
	begin(waits);
	errand_add_any(&errand, CALL(mmap, 0, 4096, PROT_READ, MAP_SHARED, 99, 4096));
	errand_add_exact(&errand, CALL(mmap, 0x10000000, 4096, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0), 0x10000000);
	cr_expect_eq(go(), 0);
	cr_expect_eq(result_of(0), -EBADF);
	end();
}

Test(errand, may_be_empty_or_full)
{
	begin(waits);
	cr_expect_eq(go(), 0);
	errand_init(&errand, shared, (uint64_t)(uintptr_t)shared, page);
	while (errand_has_room(&errand, 1))
		errand_add(&errand, CALL(sched_yield));
	cr_expect_eq(go(), 0);
	cr_expect_eq(result_of(ERRAND_CALLS_MAX - 1), 0);
	end();
}

Test(errand, tells_a_result_that_is_not_the_one_wanted)
{
	begin(waits);
	errand_add(&errand, CALL(getpid));
	cr_expect_eq(go(), -ENOTSUP);
	errand_init(&errand, shared, (uint64_t)(uintptr_t)shared, page);
	errand_add_exact(&errand, CALL(getpid), 1);
	cr_expect_eq(go(), -ENOTSUP);
	end();
}

static void handler(int signal)
{
	shared[0] = 'h';
}

static int has_signals_waiting(const struct child_ends *ends)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGUSR1, handler);
	signal(SIGTRAP, handler);
	raise(SIGUSR1);
	return waits(ends);
}

Test(errand, runs_no_handler)
{
	begin(has_signals_waiting);
	errand_add_any(&errand, CALL(sched_yield));
	cr_expect_eq(go(), 0);
	cr_expect_neq(shared[0], 'h');
	end();
}

static int has_a_trap_waiting(const struct child_ends *ends)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGTRAP, handler);
	raise(SIGTRAP);
	return waits(ends);
}

/* It stops before its first call. */
Test(errand, is_not_done_when_another_trap_was_met)
{
	begin(has_a_trap_waiting);
	errand_add_any(&errand, CALL(getpid));
	cr_expect_eq(go(), -ENOTSUP);
	cr_expect_eq(result_of(0), -ENOSYS);
	child_kill(&child);
}

static int is_diverted(const struct child_ends *ends)
{
	/* A place to go on at must have the signature before it, or the kernel kills at once. */
	static const uint32_t elsewhere[2] = { RSEQ_SIG, 0 };
	static struct rseq_cs section;
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	section.start_ip = page;
	section.post_commit_offset = RESTORER_BYTES;
	section.abort_ip = (uint64_t)(uintptr_t)&elsewhere[1];
	area->rseq_cs = (uint64_t)(uintptr_t)&section;
	return waits(ends);
}

/* Else the kernel would kill it, or send it where the section says (rseq(2)). */
Test(errand, is_not_diverted_by_a_restartable_sequence)
{
	rseq_address = (uint64_t)(uintptr_t)__builtin_thread_pointer() + (uint64_t)__rseq_offset;
	begin(is_diverted);
	for (unsigned i = 0; i < 100; i++)
		errand_add_any(&errand, CALL(sched_yield));
	cr_expect_eq(go(), 0);
	end();
}

/* A page that is no restorer's. */
Test(errand, tells_a_stop_that_is_not_its_own)
{
	begin(waits);
	errand.restorer = (uint64_t)(uintptr_t)shared;
	errand_add_any(&errand, CALL(getpid));
	cr_expect_eq(go(), -EPROTO);
	child_kill(&child);
}
