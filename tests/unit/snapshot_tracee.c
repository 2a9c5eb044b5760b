// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_tracee.c: processes are held still whatever they are doing, are told when
 * they cannot be, and lose nothing by it. Needs root.
 */
#include "snapshot/tracee.h"

#include "tests/unit/snapshot_child.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#define SIGNALS 300
#define SHORT_NSEC (50 * NSEC_PER_MSEC)

static struct child child;
static struct tracee tracee;

static int child_reads(const struct child_ends *ends)
{
	child_say(ends, 'r');
	return child_read(ends) == 'x' ? 7 : 1;
}

static void start(int (*body)(const struct child_ends *ends))
{
	child_start(&child, body);
	cr_assert_eq(child_hear(&child), 'r');
}

static char state_of(pid_t pid)
{
	char path[32], text[512] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	cr_assert_not_null(fgets(text, sizeof(text), file));
	fclose(file);
	return strrchr(text, ')')[2];
}

static void await_state(pid_t pid, char state)
{
	while (state_of(pid) != state)
		sched_yield();
}

Test(tracee, is_held_in_its_call_and_goes_on_with_it)
{
	struct tracee_registers registers;

	start(child_reads);
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_expect_eq(tracee.stop, TRACEE_INTERRUPTED);
	cr_expect_eq(tracee_get_registers(&tracee, &registers), 0);
	cr_expect_eq((long)registers.general.rax, -KERNEL_ERESTARTSYS);
	cr_expect(tracee_can_repeat(&registers.general));
	cr_expect_geq(registers.xstate_bytes, 576, "x87, SSE and the header");
	cr_expect_eq(tracee_count_threads(&tracee), 1);
	cr_expect_eq(tracee_end(&tracee), 0);
	cr_expect_eq(tracee.pid, 0);
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7);
}

/* What is set is what is there; nothing else is. */
Test(tracee, takes_registers_as_they_were_given)
{
	static struct tracee_registers before, after;

	start(child_reads);
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_assert_eq(tracee_get_registers(&tracee, &before), 0);
	before.general.r12 = 0x1234567890abcdef;
	before.blocked = UINT64_C(1) << (SIGUSR2 - 1);
	memset(before.xstate + 160, 0x5a, 16); /* xmm0, by the layout of FXSAVE */
	before.xstate[512] |= 3;               /* the header says that x87 and SSE are there */
	cr_assert_eq(tracee_set_registers(&tracee, &before), 0);
	memset(&after, 0, sizeof(after));
	cr_assert_eq(tracee_get_registers(&tracee, &after), 0);
	cr_expect_eq(after.xstate_bytes, before.xstate_bytes);
	cr_expect_eq(memcmp(&before, &after, offsetof(struct tracee_registers, xstate)), 0);
	cr_expect_eq(memcmp(before.xstate, after.xstate, before.xstate_bytes), 0);
	cr_expect_eq(tracee_end(&tracee), 0);
	child_kill(&child);
}

Test(tracee, that_is_traced_already_is_told)
{
	struct tracee second;

	start(child_reads);
	process_hold(&tracee, child.pid);
	cr_expect_eq(tracee_begin(&second, child.pid, 0), -EBUSY);
	cr_expect_eq(tracee_end(&tracee), 0);
	cr_expect_eq(tracee_begin(&second, getpid(), 0), -EPERM, "nobody holds himself");
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7);
}

Test(tracee, that_has_ended_is_told)
{
	siginfo_t info;

	start(child_reads);
	kill(child.pid, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	cr_expect_eq(tracee_begin(&tracee, child.pid, 0), -ESRCH, "a zombie");
	child_wait(&child);
	cr_expect_eq(tracee_begin(&tracee, child.pid, 0), -ESRCH, "reaped");
}

Test(tracee, that_is_killed_meanwhile_is_told_at_each_step)
{
	static struct tracee_registers registers;

	start(child_reads);
	process_hold(&tracee, child.pid);
	cr_assert_eq(tracee_get_registers(&tracee, &registers), 0);
	kill(child.pid, SIGKILL);
	await_state(child.pid, 'Z');
	cr_expect_eq(tracee_get_registers(&tracee, &registers), -ESRCH);
	cr_expect_eq(tracee_set_registers(&tracee, &registers), -ESRCH);
	cr_expect_eq(tracee_look(&tracee), -ESRCH);
	cr_expect_eq(tracee_wait(&tracee, clock_now_nsec() + HOLD_NSEC), -ESRCH);
	cr_expect_eq(tracee_end(&tracee), -ESRCH);
	cr_expect_eq(child_wait(&child), 256 + SIGKILL, "it is left to whoever waits for its end");
}

/* What a loop has armed for the end is told of the stop. */
Test(tracee, is_told_of_by_the_wait_for_its_end)
{
	siginfo_t info = { .si_pid = 0 };

	start(child_reads);
	cr_assert_eq(tracee_begin(&tracee, child.pid, 0), 0);
	cr_assert_eq(waitid(P_PID, (id_t)child.pid, &info, WEXITED | __WALL), 0);
	cr_expect_eq(info.si_code, CLD_TRAPPED);
	cr_expect_eq(tracee_stopped(&tracee, &info), 0);
	cr_expect_eq(tracee.stop, TRACEE_INTERRUPTED);
	kill(child.pid, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WSTOPPED | __WALL), 0);
	cr_expect_eq(tracee_stopped(&tracee, &info), -ESRCH);
	fd_close(&child.commands);
	fd_close(&child.answers);
}

/* --- Signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught++;
}

/* Counts queued signals, then tells. */
static int child_catches(const struct child_ends *ends)
{
	struct sigaction action = { .sa_handler = catch, .sa_flags = SA_RESTART };

	sigaction(SIGRTMIN, &action, NULL);
	child_say(ends, 'r');
	if (child_read(ends) != 'x')
		return 1;
	return caught == SIGNALS ? 7 : 2;
}

static void *signals_send(void *argument)
{
	const union sigval value = { .sival_int = 0 };

	for (unsigned i = 0; i < SIGNALS; i++) {
		while (sigqueue(child.pid, SIGRTMIN, value) < 0 && errno == EAGAIN)
			sched_yield();
		sched_yield();
	}
	return NULL;
}

Test(tracee, gets_every_signal_that_came_while_it_was_held)
{
	pthread_t sender;
	unsigned holds = 0;
	bool sent = false;

	start(child_catches);
	cr_assert_eq(pthread_create(&sender, NULL, signals_send, NULL), 0);
	while (!sent || holds < 100) {
		sent |= holds >= 100 && pthread_tryjoin_np(sender, NULL) == 0;
		process_hold(&tracee, child.pid);
		cr_expect_eq(tracee_end(&tracee), 0);
		holds++;
	}
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7);
}

/* Seized but not interrupted, it stops at the delivery. */
Test(tracee, that_is_met_at_a_signal_gets_it_at_the_end)
{
	const union sigval value = { .sival_int = 0 };

	start(child_catches);
	tracee = (struct tracee){ .pid = child.pid };
	cr_assert_eq(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
	cr_assert_eq(sigqueue(child.pid, SIGRTMIN, value), 0);
	cr_assert_eq(tracee_wait(&tracee, clock_now_nsec() + HOLD_NSEC), 0);
	cr_expect_eq(tracee.stop, TRACEE_SIGNALLED);
	cr_expect_eq(tracee.signal, SIGRTMIN);
	cr_assert_eq(tracee_end(&tracee), 0);
	for (unsigned i = 1; i < SIGNALS; i++)
		cr_assert_eq(sigqueue(child.pid, SIGRTMIN, value), 0);
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7, "all of them, the first too");
}

Test(tracee, that_was_stopped_stays_stopped)
{
	siginfo_t info;

	start(child_reads);
	kill(child.pid, SIGSTOP);
	cr_assert_eq(waitid(P_PID, (id_t)child.pid, &info, WSTOPPED), 0);
	process_hold(&tracee, child.pid);
	cr_expect_eq(tracee.stop, TRACEE_GROUP_STOPPED);
	cr_expect_eq(tracee.signal, SIGSTOP);
	cr_expect_eq(tracee_end(&tracee), 0);
	await_state(child.pid, 'T');
	kill(child.pid, SIGCONT);
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7);
}

/* --- What cannot be held, or not by its registers --------------------------------------------- */

/* A parent of vfork() waits for its child in a way that only SIGKILL ends. */
static int child_forks(const struct child_ends *ends)
{
	pid_t pid = vfork();

	if (pid == 0) {
		child_say(ends, 'r');
		child_read(ends);
		_exit(0);
	}
	return 7;
}

Test(tracee, that_nothing_interrupts_is_given_up_in_time)
{
	start(child_forks);
	await_state(child.pid, 'D');
	cr_assert_eq(tracee_begin(&tracee, child.pid, 0), 0);
	cr_expect_eq(tracee_look(&tracee), -EAGAIN);
	cr_expect_eq(tracee_wait(&tracee, clock_now_nsec() + SHORT_NSEC), -ETIMEDOUT);
	cr_expect_eq(tracee_end(&tracee), -EBUSY, "it can only be killed");
	child_tell(&child, 'x'); /* now it stops, at last */
	cr_expect_eq(tracee_wait(&tracee, clock_now_nsec() + HOLD_NSEC), 0);
	cr_expect_eq(tracee_end(&tracee), 0);
	cr_expect_eq(child_wait(&child), 7);
}

static void *thread_waits(void *argument)
{
	pause();
	return NULL;
}

static int child_has_threads(const struct child_ends *ends)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_waits, NULL);
	return child_reads(ends);
}

Test(tracee, tells_of_a_second_thread)
{
	start(child_has_threads);
	process_hold(&tracee, child.pid);
	cr_expect_eq(tracee_count_threads(&tracee), 2);
	cr_expect_eq(tracee_end(&tracee), 0);
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7);
}

static int child_sleeps(const struct child_ends *ends)
{
	const struct timespec for_long = { .tv_sec = 1000 };

	child_say(ends, 'r');
	clock_nanosleep(CLOCK_MONOTONIC, 0, &for_long, NULL);
	return 1;
}

Test(tracee, in_a_wait_that_only_the_kernel_knows_cannot_be_repeated)
{
	static struct tracee_registers registers;

	start(child_sleeps);
	process_hold_in(&tracee, child.pid, SYS_clock_nanosleep);
	cr_assert_eq(tracee_get_registers(&tracee, &registers), 0);
	cr_expect_not(tracee_can_repeat(&registers.general));
	cr_expect_eq(tracee_end(&tracee), 0);
	child_kill(&child);
}

/* A far return into the segment of 32-bit code, where two bytes jump to themselves. */
static int child_is_of_32_bits(const struct child_ends *ends)
{
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (code == MAP_FAILED)
		return 1;
	code[0] = 0xeb;
	code[1] = 0xfe;
	child_say(ends, 'r');
	__asm__ volatile("pushq $0x23\n\tpushq %0\n\tlretq" : : "r"(code) : "memory");
	return 1;
}

Test(tracee, that_runs_code_of_32_bits_is_refused)
{
	static struct tracee_registers registers, own;
	struct child other;
	struct tracee plain;
	int result;

	child_start(&other, child_reads);
	cr_assert_eq(child_hear(&other), 'r');
	process_hold(&plain, other.pid);
	cr_assert_eq(tracee_get_registers(&plain, &own), 0);
	start(child_is_of_32_bits);
	for (;;) { /* until it is there */
		process_hold(&tracee, child.pid);
		result = tracee_get_registers(&tracee, &registers);
		if (result != 0)
			break;
		cr_assert_eq(tracee_end(&tracee), 0);
		sched_yield();
	}
	cr_expect_eq(result, -EPROTO);
	cr_expect_lt(tracee_set_registers(&tracee, &own), 0, "not as those of 32 bits");
	child_kill(&child);
	child_kill(&other);
}

/* --- Calls in its name ------------------------------------------------------------------------ */

static int child_may_not_ask(const struct child_ends *ends)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { 4, filter };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 1;
	return child_reads(ends);
}

/* The instruction before the one it will go on with made the call that it waits in. */
static long ask_parent(unsigned flags)
{
	static struct tracee_registers before, now;
	int status;

	for (;;) {
		cr_assert_eq(tracee_begin(&tracee, child.pid, flags), 0);
		cr_assert_eq(tracee_wait(&tracee, clock_now_nsec() + HOLD_NSEC), 0);
		cr_assert_eq(tracee_get_registers(&tracee, &before), 0);
		if (before.general.orig_rax == SYS_read)
			break;
		cr_assert_eq(tracee_end(&tracee), 0);
		sched_yield();
	}
	now = before;
	now.general.rip -= 2;
	now.general.rax = SYS_getppid;
	now.general.orig_rax = UINT64_MAX;
	cr_assert_eq(tracee_set_registers(&tracee, &now), 0);
	cr_assert_eq(ptrace(PTRACE_SINGLESTEP, child.pid, NULL, NULL), 0);
	cr_assert_eq(waitpid(child.pid, &status, __WALL), child.pid);
	cr_assert_eq(tracee_get_registers(&tracee, &now), 0);
	/* Where a signal would be delivered, the trap of the single step is: not for it. */
	tracee.stop = TRACEE_INTERRUPTED;
	cr_assert_eq(tracee_set_registers(&tracee, &before), 0);
	cr_assert_eq(tracee_end(&tracee), 0);
	return (long)now.general.rax;
}

Test(tracee, makes_calls_past_its_filter_only_where_that_was_asked_for)
{
	start(child_may_not_ask);
	cr_expect_eq(ask_parent(0), -EACCES);
	cr_expect_eq(ask_parent(TRACEE_CALLS), getpid());
	cr_expect_eq(ask_parent(0), -EACCES, "the filter is back");
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7, "the call it waited in was made again");
}

/* --- The tracer dies -------------------------------------------------------------------------- */

/* Nothing else ends it. */
static int child_outlives(const struct child_ends *ends)
{
	prctl(PR_SET_PDEATHSIG, 0);
	child_say(ends, 'r');
	return pause();
}

static int child_dies_holding(const struct child_ends *ends)
{
	struct child held;

	child_start(&held, child_outlives);
	if (child_hear(&held) != 'r')
		return 1;
	process_hold(&tracee, held.pid);
	if (write(ends->answers, &held.pid, sizeof(held.pid)) != sizeof(held.pid))
		return 1;
	return child_read(ends) == 'x' ? 7 : 1;
}

Test(tracee, dies_with_its_tracer)
{
	pid_t pid = 0;

	child_start(&child, child_dies_holding);
	cr_assert_eq(read(child.answers, &pid, sizeof(pid)), sizeof(pid));
	cr_assert_eq(state_of(pid), 't');

	AUTO_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd dead = { .fd = pidfd, .events = POLLIN };

	cr_assert_geq(pidfd, 0);
	cr_expect_eq(poll(&dead, 1, 0), 0);
	child_tell(&child, 'x');
	cr_expect_eq(child_wait(&child), 7);
	cr_expect_eq(poll(&dead, 1, (int)(HOLD_NSEC / NSEC_PER_MSEC)), 1);
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}
