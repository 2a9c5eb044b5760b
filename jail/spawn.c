// SPDX-License-Identifier: Apache-2.0
/*
 * jail/spawn.c: fork and exec, once per helper and start; not on any path that is counted in
 * microseconds.
 */
#include "jail/spawn.h"

#include "base/fault.h"
#include "base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int descriptors_arrange(const struct spawn_plan *plan, int failure, int *ret_failure)
{
	int high = 3 + (int)SPAWN_FDS_MAX;
	int fds[SPAWN_FDS_MAX];
	AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	/* Everything out of the way first: a source may stand where a target will. */
	if ((failure = fcntl(failure, F_DUPFD_CLOEXEC, high)) < 0)
		return -errno;
	for (unsigned i = 0; i < plan->fd_count; i++) {
		fds[i] = plan->fds[i] < 0 ? -1 : fcntl(plan->fds[i], F_DUPFD_CLOEXEC, high);
		if (plan->fds[i] >= 0 && fds[i] < 0)
			return -errno;
	}
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -errno;
	for (unsigned i = 0; i < SPAWN_FDS_MAX; i++) {
		int target = 3 + (int)i;

		if (i >= plan->fd_count || fds[i] < 0)
			close(target);
		else if (dup2(fds[i], target) < 0)
			return -errno;
	}
	*ret_failure = failure;
	return close_range((unsigned)high, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

/*
 * Ignored signals outlive exec: a daemon started by nohup or in a script's background has some. The
 * C library keeps two for itself and would not touch them, so the kernel is asked.
 */
static void signals_reset(void)
{
	static const struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} standard; /* struct sigaction as the kernel has it: SIG_DFL is 0 */

	for (int number = 1; number <= 64; number++)
		syscall(SYS_rt_sigaction, number, &standard, NULL, sizeof(standard.mask));
}

static void __attribute__((noreturn)) child_become(const struct spawn_plan *plan, int failure)
{
	sigset_t none;
	int result;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signals_reset();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 0);
	if (plan->cpu >= 0) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET((unsigned)plan->cpu, &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
	}
	result = descriptors_arrange(plan, failure, &failure);
	if (result == 0) {
		execve(plan->path, plan->arguments, plan->environment);
		result = -errno;
	}
	if (write(failure, &result, sizeof(result)) < 0)
		_exit(126);
	_exit(127);
}

int spawn_program(const struct spawn_plan *plan, pid_t *ret_pid, struct error *error)
{
	int ends[2], result = 0;
	pid_t pid;

	assert(plan->fd_count <= SPAWN_FDS_MAX);
	if ((fault("spawn.pipe") ? (errno = EMFILE, -1) : pipe2(ends, O_CLOEXEC)) < 0)
		return error_set(error, -errno, "cannot start %s: no pipe: %s", plan->path,
			error_text(errno));

	AUTO_FD parent_end = ends[0], child_end = ends[1];

	pid = fault("spawn.fork") ? (errno = EAGAIN, -1) : fork();
	if (pid < 0)
		return error_set(
			error, -errno, "cannot start %s: fork: %s", plan->path, error_text(errno));
	if (pid == 0)
		child_become(plan, child_end);
	fd_close(&child_end);
	/* The pipe closes at a successful exec; else it brings the reason. */
	if (read(parent_end, &result, sizeof(result)) == sizeof(result)) {
		waitpid(pid, NULL, 0);
		return error_set(
			error, result, "cannot start %s: %s", plan->path, error_text(result));
	}
	*ret_pid = pid;
	return 0;
}
