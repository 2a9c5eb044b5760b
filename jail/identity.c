// SPDX-License-Identifier: Apache-2.0
/*
 * jail/identity.c: the steps by which root's newborn becomes nobody in particular.
 *
 * Raw system calls where glibc's wrapper does more: setresuid() and its kin tell every thread of
 * the process by signal, and a newborn of a raw clone3() is not the process that glibc remembers.
 * Nothing is believed: the ids and the capability sets are read back after they were changed.
 *
 * If this file is wrong, user code runs with a privilege, and all that stands behind it is the
 * seccomp filter.
 */
#include "jail/identity.h"

#include "base/file.h"
#include "jail/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/oom.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Capability numbers beyond the kernel's last give EINVAL; sets are 64 bits wide. */
#define CAPABILITIES_MAX 64

#define LAST_PID_FILE "/proc/sys/kernel/ns_last_pid"

struct capabilities {
	struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3];
};

static int capabilities_get(struct capabilities *ret_capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, ret_capabilities->half) ? -errno : 0;
}

int identity_bound_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct capabilities capabilities;
	int r = capabilities_get(&capabilities);

	if (r)
		return r;
	for (unsigned long capability = 0; capability < CAPABILITIES_MAX; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break;
		return -errno;
	}
	/* Without an inheritable set the ambient one is empty by the kernel's own rule. */
	capabilities.half[0].inheritable = 0;
	capabilities.half[1].inheritable = 0;
	return syscall(SYS_capset, &header, capabilities.half) ? -errno : 0;
}

int identity_set_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

int identity_leave_session(void)
{
	return setsid() < 0 ? -errno : 0;
}

int identity_restart_pids(void)
{
	return file_write_number(AT_FDCWD, LAST_PID_FILE, WORKER_PID);
}

int identity_raise_oom_score(void)
{
	return file_write_number(AT_FDCWD, "/proc/self/oom_score_adj", OOM_SCORE_ADJ_MAX);
}

int identity_join_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS)
		return 0;
	return -errno;
}

/* Never raises a hard limit, even where it could, and saves the second call where all is well. */
static int limit_set(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now, wanted;

	if (prlimit(0, resource, NULL, &now))
		return -errno;
	wanted.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
	wanted.rlim_cur = soft < wanted.rlim_max ? soft : wanted.rlim_max;
	if (wanted.rlim_max == now.rlim_max && wanted.rlim_cur == now.rlim_cur)
		return 0;
	return prlimit(0, resource, &wanted, NULL) ? -errno : 0;
}

int identity_set_limits(const struct identity_limits *limits)
{
	const struct {
		__rlimit_resource_t resource;
		rlim_t soft, hard;
	} table[] = {
		/* One byte, not none: at 0 the kernel still runs a piped core_pattern, at 1 not. */
		{ RLIMIT_CORE, 1, 1 },
		{ RLIMIT_NOFILE, limits->open_files, limits->open_files },
		{ RLIMIT_FSIZE, limits->file_bytes, limits->file_bytes },
		{ RLIMIT_NPROC, limits->pids, limits->pids },
		{ RLIMIT_STACK, 8 << 20, 64 << 20 },
		{ RLIMIT_MEMLOCK, 64 << 10, 64 << 10 },
		{ RLIMIT_SIGPENDING, 1024, 1024 }, /* bounds POSIX timers as well */
		{ RLIMIT_MSGQUEUE, 819200, 819200 }, /* bytes, the kernel's own default */
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_RTPRIO, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int r = limit_set(table[i].resource, table[i].soft, table[i].hard);

		if (r)
			return r;
	}
	return 0;
}

static bool ids_are(uid_t uid, gid_t gid)
{
	uid_t uids[3];
	gid_t gids[3];

	return getresuid(&uids[0], &uids[1], &uids[2]) == 0 &&
		getresgid(&gids[0], &gids[1], &gids[2]) == 0 && getgroups(0, NULL) == 0 &&
		uids[0] == uid && uids[1] == uid && uids[2] == uid && gids[0] == gid &&
		gids[1] == gid && gids[2] == gid;
}

int identity_drop_to(uid_t uid, gid_t gid)
{
	if (uid == 0 || gid == 0)
		return -EINVAL;
	if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, gid, gid, gid) ||
		syscall(SYS_setresuid, uid, uid, uid))
		return -errno;
	return ids_are(uid, gid) ? 0 : -EPERM;
}

/*
 * After the drop, which clears both. Whether the parent still lives cannot be asked here: seen
 * from inside the cell its pid is 0, living or dead. The control socket's end tells.
 */
int identity_tie_to_parent(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	return 0;
}

int identity_verify_powerless(void)
{
	struct capabilities capabilities;
	int r = capabilities_get(&capabilities);

	if (r)
		return r;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (capabilities.half[i].effective || capabilities.half[i].permitted ||
			capabilities.half[i].inheritable)
			return -EPERM;
	for (unsigned long capability = 0; capability < CAPABILITIES_MAX; capability++) {
		int bounding = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (bounding < 0 && errno == EINVAL)
			break;
		if (bounding < 0)
			return -errno;
		if (bounding)
			return -EPERM;
	}
	/* The ambient set needs no reading: it lies within the permitted and inheritable ones. */
	return 0;
}
