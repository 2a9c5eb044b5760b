// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/tracee.h: one process, held still while its state is read or replaced.
 *
 * It is stopped by ptrace(2), without any signal of its own being used up: PTRACE_SEIZE, then
 * PTRACE_INTERRUPT, then a stop to wait for. A thread that has a loop does that in two halves:
 * tracee_begin(), a waitid() on the loop, tracee_stopped(). All calls but that wait must come from
 * the one thread that began: a tracee belongs to a thread, not to a process.
 *
 * The wait: there must be one alone for the process. The kernel tells a tracee's stops to whoever
 * waits for it, whatever the options (kernel/exit.c, wait_task_stopped): a second wait, armed for
 * the end with WEXITED, takes the stop away from the first. So one of WEXITED | WSTOPPED | __WALL,
 * which is armed again after the stop, serves both; of WSTOPPED | __WALL alone, the end shows as
 * ECHILD, and the process is left to be reaped.
 *
 * A tracee dies with its tracer (PTRACE_O_EXITKILL), so that none goes on half replaced. One that
 * did not stop cannot be let go either; it can only be killed.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* The extended state of x86-64: 2.7 KiB with AVX-512, 11 KiB with AMX. */
#define TRACEE_XSTATE_BYTES_MAX 16384u

/* tracee_begin(): seccomp is off while it is traced, for calls that it is made to do. */
#define TRACEE_CALLS 1u

enum tracee_stop {
	TRACEE_RUNS,
	TRACEE_INTERRUPTED,   /* as asked, with nothing else in its way */
	TRACEE_SIGNALLED,     /* a signal, taken off its queue, is about to be delivered */
	TRACEE_GROUP_STOPPED, /* SIGSTOP or one of its kind has stopped the process */
};

struct tracee {
	pid_t pid;            /* 0: none */
	enum tracee_stop stop;
	int signal;           /* of the last two stops */
};

/*
 * As PTRACE_GETREGSET gives them. A process that waits in a system call shows it as orig_rax, and
 * in rax what the kernel makes of the interruption when it goes on: -ERESTARTSYS and its kin mean
 * that the call is made again, because the kernel then puts orig_rax back into rax and steps rip
 * back over the instruction. So these registers, set in a process that is stopped anywhere, make
 * it repeat that call.
 */
struct tracee_registers {
	struct user_regs_struct general;
	uint64_t blocked;      /* the mask of signals */
	uint32_t xstate_bytes;
	uint8_t xstate[TRACEE_XSTATE_BYTES_MAX] __attribute__((aligned(64)));
};

/*
 * Seizes and interrupts `pid`, and does not wait. 0, -EBUSY (somebody traces it already), -ESRCH
 * (it is gone or a zombie), or another negative errno. With TRACEE_CALLS: -EPERM without
 * CAP_SYS_ADMIN, -EINVAL where the kernel has no CONFIG_CHECKPOINT_RESTORE.
 */
int tracee_begin(struct tracee *tracee, pid_t pid, unsigned flags);

/*
 * Takes what waitid() told. 0: it is stopped, and `stop` says how; -ESRCH: it has ended instead,
 * and that wait reaped it; -EPROTO: an event that nobody asked for.
 */
int tracee_stopped(struct tracee *tracee, const siginfo_t *info);

/* Looks whether it has stopped. 0, -EAGAIN (not yet), -ESRCH (it has ended), -EPROTO. */
int tracee_look(struct tracee *tracee);

/*
 * Waits for the stop, on the calling thread; SIGCHLD is blocked meanwhile and used up. As
 * tracee_look(), but -ETIMEDOUT at that moment of CLOCK_MONOTONIC: it is in a wait that nothing
 * interrupts (state D). For programs without a loop.
 */
int tracee_wait(struct tracee *tracee, uint64_t due_nsec);

/* Of a stopped one. -E2BIG: the extended state is larger than there is room for; -ESRCH. */
int tracee_get_registers(const struct tracee *tracee, struct tracee_registers *ret_registers);

/*
 * Sets all of them, the mask of signals too. -ESRCH: it was killed meanwhile; any other failure is
 * a negative errno and leaves some set: end the process.
 */
int tracee_set_registers(const struct tracee *tracee, const struct tracee_registers *registers);

/* The general ones alone. -EPROTO: it runs code of 32 bits; -ESRCH. */
int tracee_get_general(const struct tracee *tracee, struct user_regs_struct *ret_registers);

/*
 * Lets a stopped one go on with these registers and all signals blocked but SIGTRAP, as a tracee:
 * its next stop is to be waited for as the first was. A signal that was about to be delivered is
 * lost. 0, -ESRCH (it was killed meanwhile), -EBUSY (it has not stopped).
 */
int tracee_run(struct tracee *tracee, const struct user_regs_struct *registers);

/*
 * Whether the registers are all there is of where it is. Not so in a system call that goes on by
 * what only the kernel remembers (ERESTART_RESTARTBLOCK: nanosleep, poll, a futex with a time-out).
 */
bool tracee_can_repeat(const struct user_regs_struct *registers);

/*
 * The process's threads, asked of /proc: only one of them is held. More than 1: the others run on
 * and may change whatever is read or written here. Or a negative errno.
 */
int tracee_count_threads(const struct tracee *tracee);

/*
 * Lets a stopped one go on as it was before: a signal that was about to be delivered is, a stopped
 * process stays stopped. 0, -ESRCH (it was killed meanwhile), -EBUSY (it has not stopped).
 */
int tracee_end(struct tracee *tracee);
