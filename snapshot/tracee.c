// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/tracee.c: ptrace(2), as far as a process is held still by it.
 *
 * No signal is lost. A tracee that is being interrupted may be met just as a signal is delivered
 * (signal-delivery-stop): the signal is noted and handed back at the end, with its siginfo, which
 * the kernel keeps. One that comes while it is held waits in its queue. A stopped process
 * (group-stop) is stopped again at the end, by the kernel.
 *
 * Nothing waits for the process without an end: each ptrace request but the first two is refused
 * with ESRCH unless it is stopped, and SIGKILL wakes it out of every stop.
 */
#include "snapshot/tracee.h"

#include "base/clock.h"
#include "base/file.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Another thread may use up the SIGCHLD that told of the stop; then it is seen so much later. */
#define LOOK_NSEC NSEC_PER_MSEC
/* include/linux/errno.h of the kernel: never seen by a process, only by its tracer */
#define ERESTART_RESTARTBLOCK 516
/* /proc/PID/task is a directory with two links and one for each thread (Linux fs/proc/base.c) */
#define TASK_LINKS 2

static_assert(sizeof(struct user_regs_struct) == 27 * 8, "NT_PRSTATUS of x86-64");

static long request(int number, pid_t pid, unsigned long address, unsigned long data)
{
	/* glibc's enum for the first argument is one type, the kernel's another. */
	return ptrace((enum __ptrace_request)number, pid, address, data);
}

/* Why it could not be seized: EPERM stands for all of these. */
static int seize_error(pid_t pid, int error)
{
	char path[32], text[4096];
	uint64_t tracer;
	const char *state;

	if (error != -EPERM)
		return error;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -ESRCH;
	state = strstr(text, "\nState:\t");
	if (state && (state[8] == 'Z' || state[8] == 'X'))
		return -ESRCH;
	state = strstr(text, "\nTracerPid:\t");
	tracer = state ? (uint64_t)(state[12] != '0') : 0;
	return tracer ? -EBUSY : error;
}

int tracee_begin(struct tracee *tracee, pid_t pid, unsigned flags)
{
	unsigned long options =
		PTRACE_O_EXITKILL | (flags & TRACEE_CALLS ? PTRACE_O_SUSPEND_SECCOMP : 0);

	assert(pid > 0);
	*tracee = (struct tracee){ .pid = 0 };
	if (request(PTRACE_SEIZE, pid, 0, options) < 0)
		return seize_error(pid, -errno);
	/* From here on it dies with this thread, so that a failure needs no undoing. */
	tracee->pid = pid;
	return request(PTRACE_INTERRUPT, pid, 0, 0) < 0 ? -errno : 0;
}

int tracee_stopped(struct tracee *tracee, const siginfo_t *info)
{
	int signal = info->si_status & 0xff, event = info->si_status >> 8;

	if (info->si_pid != tracee->pid)
		return -EPROTO;
	if (info->si_code != CLD_TRAPPED)
		return info->si_code == CLD_CONTINUED ? -EPROTO : -ESRCH;
	if (event == 0)
		tracee->stop = TRACEE_SIGNALLED;
	else if (event == PTRACE_EVENT_STOP)
		tracee->stop = signal == SIGTRAP ? TRACEE_INTERRUPTED : TRACEE_GROUP_STOPPED;
	else
		return -EPROTO;
	tracee->signal = tracee->stop == TRACEE_INTERRUPTED ? 0 : signal;
	return 0;
}

int tracee_look(struct tracee *tracee)
{
	siginfo_t info = { .si_pid = 0 };
	int result;

	do
		result = waitid(P_PID, (id_t)tracee->pid, &info, WSTOPPED | WNOHANG | __WALL);
	while (result < 0 && errno == EINTR);
	/* A child that ended is not told of here; that no other can be meant is. */
	if (result < 0)
		return errno == ECHILD ? -ESRCH : -errno;
	return info.si_pid ? tracee_stopped(tracee, &info) : -EAGAIN;
}

int tracee_wait(struct tracee *tracee, uint64_t due_nsec)
{
	sigset_t child, before;
	int result;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &child, &before);
	while ((result = tracee_look(tracee)) == -EAGAIN) {
		uint64_t now = clock_now_nsec();
		uint64_t left = due_nsec > now ? due_nsec - now : 0;
		const struct timespec patience = {
			.tv_nsec = (long)(left < LOOK_NSEC ? left : LOOK_NSEC),
		};

		if (left == 0) {
			result = -ETIMEDOUT;
			break;
		}
		sigtimedwait(&child, NULL, &patience);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

static int set_get(const struct tracee *tracee, int type, void *bytes, size_t size)
{
	struct iovec part = { .iov_base = bytes, .iov_len = size };

	if (request(PTRACE_GETREGSET, tracee->pid, (unsigned long)type, (unsigned long)&part) < 0)
		return -errno;
	return (int)part.iov_len;
}

static int set_set(const struct tracee *tracee, int type, const void *bytes, size_t size)
{
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = size };

	if (request(PTRACE_SETREGSET, tracee->pid, (unsigned long)type, (unsigned long)&part) < 0)
		return -errno;
	/* Of a process in code of 32 bits the kernel takes them for such registers, and fewer. */
	return part.iov_len == size ? 0 : -EPROTO;
}

int tracee_get_general(const struct tracee *tracee, struct user_regs_struct *ret_registers)
{
	int result = set_get(tracee, NT_PRSTATUS, ret_registers, sizeof(*ret_registers));

	if (result < 0)
		return result;
	/* Code of 32 bits has fewer. */
	return result == sizeof(*ret_registers) ? 0 : -EPROTO;
}

int tracee_get_registers(const struct tracee *tracee, struct tracee_registers *ret_registers)
{
	int result = tracee_get_general(tracee, &ret_registers->general);

	if (result < 0)
		return result;
	result = set_get(tracee, NT_X86_XSTATE, ret_registers->xstate,
		sizeof(ret_registers->xstate));
	if (result < 0)
		return result;
	/* The kernel cuts what is larger, and does not say so. */
	if (result == TRACEE_XSTATE_BYTES_MAX)
		return -E2BIG;
	ret_registers->xstate_bytes = (uint32_t)result;
	if (request(PTRACE_GETSIGMASK, tracee->pid, sizeof(ret_registers->blocked),
		    (unsigned long)&ret_registers->blocked) < 0)
		return -errno;
	return 0;
}

int tracee_set_registers(const struct tracee *tracee, const struct tracee_registers *registers)
{
	int result;

	result = set_set(tracee, NT_X86_XSTATE, registers->xstate, registers->xstate_bytes);
	if (result == 0)
		result = set_set(tracee, NT_PRSTATUS, &registers->general,
			sizeof(registers->general));
	if (result == 0 &&
		request(PTRACE_SETSIGMASK, tracee->pid, sizeof(registers->blocked),
			(unsigned long)&registers->blocked) < 0)
		result = -errno;
	return result;
}

int tracee_run(struct tracee *tracee, const struct user_regs_struct *registers)
{
	const uint64_t blocked = ~(UINT64_C(1) << (SIGTRAP - 1));
	int result;

	if (tracee->stop == TRACEE_RUNS)
		return -EBUSY;
	result = set_set(tracee, NT_PRSTATUS, registers, sizeof(*registers));
	if (result < 0)
		return result;
	if (request(PTRACE_SETSIGMASK, tracee->pid, sizeof(blocked), (unsigned long)&blocked) < 0 ||
		request(PTRACE_CONT, tracee->pid, 0, 0) < 0)
		return -errno;
	tracee->stop = TRACEE_RUNS;
	return 0;
}

bool tracee_can_repeat(const struct user_regs_struct *registers)
{
	return (long long)registers->orig_rax < 0 ||
	       (long long)registers->rax != -ERESTART_RESTARTBLOCK;
}

int tracee_count_threads(const struct tracee *tracee)
{
	char path[32];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/task", tracee->pid);
	if (stat(path, &status) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return (int)status.st_nlink - TASK_LINKS;
}

int tracee_end(struct tracee *tracee)
{
	int signal = tracee->stop == TRACEE_SIGNALLED ? tracee->signal : 0;

	if (tracee->stop == TRACEE_RUNS)
		return -EBUSY;
	if (request(PTRACE_DETACH, tracee->pid, 0, (unsigned long)signal) < 0)
		return -errno;
	*tracee = (struct tracee){ .pid = 0 };
	return 0;
}
