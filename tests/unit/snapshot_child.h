// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_child.h: a child that waits in read(2) for a byte, to be held there.
 *
 * The two speak over pipes, a byte at a time. The child is on one CPU, as a worker is: the kernel
 * writes the number of the CPU into its memory (rseq).
 */
#pragma once

#include "base/clock.h"
#include "base/own.h"
#include "snapshot/tracee.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizer's own memory reserves more than there is. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define HOLD_NSEC (20 * NSEC_PER_SEC)
#define KERNEL_ERESTARTSYS 512 /* include/linux/errno.h of the kernel */

struct child {
	pid_t pid;
	int commands, answers; /* the test's ends */
};

/* In the child: its ends. */
struct child_ends {
	int commands, answers;
};

static inline char child_read(const struct child_ends *ends)
{
	char byte = 0;

	return read(ends->commands, &byte, 1) == 1 ? byte : 0;
}

static inline void child_say(const struct child_ends *ends, char byte)
{
	if (write(ends->answers, &byte, 1) != 1)
		_exit(99);
}

static inline void child_start(struct child *child, int (*body)(const struct child_ends *ends))
{
	int commands[2], answers[2];
	cpu_set_t cpus;

	cr_assert_eq(pipe2(commands, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(answers, O_CLOEXEC), 0);
	child->pid = fork();
	if (child->pid == 0) {
		struct child_ends ends = { commands[0], answers[1] };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		CPU_ZERO(&cpus);
		CPU_SET((size_t)sched_getcpu(), &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
		fd_close(&commands[1]);
		fd_close(&answers[0]);
		_exit(body(&ends));
	}
	cr_assert_gt(child->pid, 0);
	fd_close(&commands[0]);
	fd_close(&answers[1]);
	child->commands = commands[1];
	child->answers = answers[0];
}

static inline void child_tell(const struct child *child, char byte)
{
	cr_assert_eq(write(child->commands, &byte, 1), 1);
}

/* 0: it has ended. */
static inline char child_hear(const struct child *child)
{
	char byte = 0;

	return read(child->answers, &byte, 1) == 1 ? byte : 0;
}

/* Its exit code, or 256 + the signal it died of. */
static inline int child_wait(struct child *child)
{
	int status = 0;

	cr_assert_eq(waitpid(child->pid, &status, __WALL), child->pid);
	fd_close(&child->commands);
	fd_close(&child->answers);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static inline int child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_wait(child);
}

/* From now on this process has a kernel without requests by ioctl(2): they fail with this errno. */
static inline int ioctl_refuse(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { 4, filter };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static inline void process_hold(struct tracee *tracee, pid_t pid)
{
	cr_assert_eq(tracee_begin(tracee, pid, 0), 0);
	cr_assert_eq(tracee_wait(tracee, clock_now_nsec() + HOLD_NSEC), 0);
}

/* Held in the system call; it may be met a moment before, and is let go then. */
static inline void process_hold_in(struct tracee *tracee, pid_t pid, long call)
{
	struct tracee_registers registers;

	for (;;) {
		process_hold(tracee, pid);
		cr_assert_eq(tracee_get_registers(tracee, &registers), 0);
		if ((long)registers.general.orig_rax == call)
			return;
		cr_assert_eq(tracee_end(tracee), 0);
		sched_yield();
	}
}
