// SPDX-License-Identifier: Apache-2.0
/*
 * jail/enter.c: from a copy of the template to a worker that may run anybody's code.
 *
 * The order, and why:
 *   cgroup       while the host's cgroup files can still be reached
 *   numbers      while the host's /proc can still be reached; for a cell that was used before
 *   oom score    there as well; as root, so that it cannot be taken back where root is capable
 *   namespaces   all but pid (that was the template's setns before the fork) and ipc (which the
 *                newborn was cloned into, its own); needs CAP_SYS_ADMIN
 *   session      a newborn leads no group yet, so it may
 *   keyring      before anything could ask for a key: one of its own, where nothing refuses keyctl.
 *                Behind seccomp it keeps the template's, which is empty and which nobody can name:
 *                the kernel looks through all keys of the machine whenever one goes (Linux
 *                security/keys/gc.c), and with thousands of workers that costs a third of a birth
 *   identity     the last act of root; read back, because a failed drop must never be missed
 *   tie          PDEATHSIG is cleared by the id change (prctl(2)), so it comes after
 *   directory    as the worker's own uid
 *   landlock     after every open we need, before foreign code
 *   descriptors  standard input anew, the control socket to its number, all else closed
 *   seccomp      last: it refuses what this file is made of
 */
#include "jail/enter.h"

#include "base/own.h"
#include "jail/identity.h"
#include "jail/landlock.h"
#include "jail/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

const char *birth_step_name(unsigned step)
{
	static const char *const names[] = {
		[BIRTH_STEP_NONE] = "clone",
		[BIRTH_STEP_CGROUP] = "cgroup",
		[BIRTH_STEP_NUMBERS] = "process numbers",
		[BIRTH_STEP_OOM] = "oom score",
		[BIRTH_STEP_NAMESPACES] = "namespaces",
		[BIRTH_STEP_SESSION] = "session",
		[BIRTH_STEP_KEYRING] = "keyring",
		[BIRTH_STEP_IDENTITY] = "identity",
		[BIRTH_STEP_TIE] = "parent-death signal",
		[BIRTH_STEP_DIRECTORY] = "working directory",
		[BIRTH_STEP_LANDLOCK] = "landlock",
		[BIRTH_STEP_DESCRIPTORS] = "descriptors",
		[BIRTH_STEP_SECCOMP] = "seccomp",
		[BIRTH_STEP_DONE] = "done",
	};

	return step < sizeof(names) / sizeof(names[0]) ? names[step] : "unknown";
}

static int namespaces_join(int init_fd)
{
	/* setns(2) with a pidfd takes several namespaces at once, or none (Linux 5.8). */
	const int namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

	return setns(init_fd, namespaces) < 0 ? -errno : 0;
}

static int keyring_take(const struct enter_plan *plan)
{
	return plan->seccomp ? 0 : identity_join_keyring();
}

static int identity_take(const struct birth_letter *letter)
{
	int result = identity_drop_to(letter->uid, letter->gid);

	return result < 0 ? result : identity_verify_powerless();
}

static int directory_enter(void)
{
	umask(022);
	return chdir("/workspace") < 0 ? -errno : 0;
}

static int landlock_add(const struct enter_plan *plan)
{
	return plan->landlock_abi < 0 ? 0 : landlock_enter(plan->landlock_abi);
}

static int descriptors_settle(int control_fd)
{
	/*
	 * An open file of its own to read nothing from: the template's is one for all workers, and
	 * the flags, signal and owner that a program gives it would be there for the next one.
	 */
	AUTO_FD nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, 0) < 0)
		return -errno;
	if (control_fd != WORKER_FD_CONTROL && dup3(control_fd, WORKER_FD_CONTROL, O_CLOEXEC) < 0)
		return -errno;
	return close_range(WORKER_FD_CONTROL + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int seccomp_add(const struct enter_plan *plan)
{
	return plan->seccomp ? seccomp_birth_filter_attach(&plan->birth_filter) : 0;
}

static int steps_take(const struct enter_plan *plan, const struct birth_letter *letter, int init_fd,
	int control_fd, uint32_t *ret_step)
{
	int result;

	if ((*ret_step = BIRTH_STEP_CGROUP,
		    result = cgroup_entrance_join_v1(&plan->entrance, letter->slot)) < 0 ||
	    (*ret_step = BIRTH_STEP_NUMBERS,
		    result = letter->used ? identity_restart_pids() : 0) < 0 ||
	    (*ret_step = BIRTH_STEP_OOM, result = identity_raise_oom_score()) < 0 ||
	    (*ret_step = BIRTH_STEP_NAMESPACES, result = namespaces_join(init_fd)) < 0 ||
	    (*ret_step = BIRTH_STEP_SESSION, result = identity_leave_session()) < 0 ||
	    (*ret_step = BIRTH_STEP_KEYRING, result = keyring_take(plan)) < 0 ||
	    (*ret_step = BIRTH_STEP_IDENTITY, result = identity_take(letter)) < 0 ||
	    (*ret_step = BIRTH_STEP_TIE, result = identity_tie_to_parent()) < 0 ||
	    (*ret_step = BIRTH_STEP_DIRECTORY, result = directory_enter()) < 0 ||
	    (*ret_step = BIRTH_STEP_LANDLOCK, result = landlock_add(plan)) < 0 ||
	    (*ret_step = BIRTH_STEP_DESCRIPTORS, result = descriptors_settle(control_fd)) < 0 ||
	    (*ret_step = BIRTH_STEP_SECCOMP, result = seccomp_add(plan)) < 0)
		return result;
	*ret_step = BIRTH_STEP_DONE;
	return 0;
}

int cell_enter(const struct enter_plan *plan, const struct birth_letter *letter, int init_fd,
	int control_fd, struct birth_report *report)
{
	uint32_t step;
	int result = steps_take(plan, letter, init_fd, control_fd, &step);

	report->error = result;
	report->layers = 0;
	if (result == 0) {
		report->layers = 1u << LAYER_NAMESPACES | 1u << LAYER_VIEW | 1u << LAYER_IDS;
		if (plan->entrance.unified >= 0 || plan->entrance.pids_v1 >= 0)
			report->layers |= 1u << LAYER_CGROUP;
		if (plan->seccomp)
			report->layers |= 1u << LAYER_SECCOMP;
		if (plan->landlock_abi >= 0)
			report->layers |= 1u << LAYER_LANDLOCK;
	}
	report->step = step;
	return result;
}
