// SPDX-License-Identifier: Apache-2.0
/*
 * jail/init/cell.c: one cell, from clone3 to the end of its life.
 *
 * The clone is the daemon's child (CLONE_PARENT), born in the slot's v2 group (CLONE_INTO_CGROUP).
 * As PID 1 it builds what is private to the cell, then gives up every capability; it keeps uid 0
 * so that no process of the cell can signal or trace it. It dies with the daemon (PDEATHSIG), and
 * the kernel kills everything in its pid namespace with it (pid_namespaces(7)): that is what makes
 * promise P7 hold whatever the code does.
 */
#include "base/own.h"
#include "jail/init/init.h"
#include "ring/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int tie_to_daemon(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/*
	 * A daemon that died before the line above has closed its end: sending the reply will fail.
	 */
	return 0;
}

static int network_enter(int network_fd)
{
	return network_fd >= 0 && setns(network_fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

static int hostname_set(void)
{
	return sethostname("corral", 6) < 0 ? -errno : 0;
}

static int power_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	/* The daemon's cgroup root, as seen from inside, is the cell's own. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int cell_finish(const struct cell_request *request, int network_fd, uint32_t *ret_step)
{
	int result;

	if ((*ret_step = CELL_STEP_TIE, result = tie_to_daemon()) < 0 ||
	    (*ret_step = CELL_STEP_NETWORK, result = network_enter(network_fd)) < 0 ||
	    (*ret_step = CELL_STEP_FILES, result = view_mount_files(request)) < 0 ||
	    (*ret_step = CELL_STEP_PROC, result = view_mount_proc()) < 0 ||
	    (*ret_step = CELL_STEP_HOSTNAME, result = hostname_set()) < 0 ||
	    (*ret_step = CELL_STEP_POWERLESS, result = power_drop()) < 0)
		return result;
	*ret_step = CELL_STEP_NONE;
	return 0;
}

/* Reaps orphans for ever. Every signal is blocked: a kill from inside finds no handler either. */
static void __attribute__((noreturn)) orphans_reap(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		siginfo_t info;

		while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
			;
		sigwaitinfo(&all, &info);
	}
}

static void __attribute__((noreturn)) cell_live(const struct cell_request *request, int network_fd)
{
	struct cell_reply reply = {
		.version = CELL_VERSION,
		.kind = CELL_READY,
		.slot = request->slot,
		.generation = request->generation,
	};

	reply.error = cell_finish(request, network_fd, &reply.step);
	if (message_send(CELL_FD_SOCKET, &reply, sizeof(reply), NULL, 0) < 0 || reply.error < 0)
		_exit(1);
	close_range(0, ~0u, 0);
	orphans_reap();
}

int cell_clone(const struct cell_request *request, int network_fd)
{
	char slot[16];
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS |
			(network_fd < 0 ? CLONE_NEWNET : 0),
		.exit_signal = 0,
	};
	long pid;

	snprintf(slot, sizeof(slot), "%u", request->slot);
	AUTO_FD cgroup = openat(CELL_FD_CGROUP_UNIFIED, slot, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* No v2 tree: no identity by group; death by the pid namespace still holds. */
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		cell_live(request, network_fd);
	return pid < 0 ? -errno : (int)pid;
}
