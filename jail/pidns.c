// SPDX-License-Identifier: Apache-2.0
/*
 * jail/pidns.c: a visit that only a child can make: setns(2) moves children, never the caller.
 */
#include "jail/pidns.h"

#include "base/fault.h"
#include "base/own.h"
#include "jail/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define STACK_BYTES 16384u

int pidns_open(struct pidns *pidns)
{
	int result = 0;

	*pidns = PIDNS_NONE;
	pidns->last_pid = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	if (pidns->last_pid >= 0)
		pidns->own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (pidns->own >= 0)
		return 0;
	result = -errno;
	pidns_close(pidns);
	return result;
}

void pidns_close(struct pidns *pidns)
{
	fd_close(&pidns->own);
	fd_close(&pidns->last_pid);
}

struct visit {
	int last_pid;
	int result;
};

static int number_write(void *argument)
{
	struct visit *visit = argument;
	char text[16];
	int size = snprintf(text, sizeof(text), "%d", WORKER_PID);

	visit->result = pwrite(visit->last_pid, text, (size_t)size, 0) == size ? 0 : -errno;
	return 0;
}

/* Memory and descriptors are the daemon's, so nothing is copied; it is gone when this returns. */
static int visitor_run(struct visit *visit)
{
	alignas(16) char stack[STACK_BYTES];
	pid_t pid = clone(number_write, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES,
		visit);

	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return visit->result;
}

int pidns_restart(const struct pidns *pidns, pid_t init_pid)
{
	AUTO_FD init = pidfd_open(init_pid, 0);
	struct visit visit = { .last_pid = pidns->last_pid, .result = -EIO };
	int result;

	if (fault("pidns.visit"))
		return -EPERM;
	if (init < 0 || setns(init, CLONE_NEWPID) < 0)
		return -errno;
	result = visitor_run(&visit);
	/* The way back cannot be refused; children born elsewhere may not be. */
	if (setns(pidns->own, CLONE_NEWPID) < 0)
		abort();
	return result;
}
