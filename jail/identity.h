// SPDX-License-Identifier: Apache-2.0
/*
 * jail/identity.h: who a worker is: a uid of its own, no privilege, bounded resources.
 *
 * A list of single steps, each a function, so that jail/enter.c reads as the list. Order matters
 * and is enter.c's business; the reasons stand there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* rlimits around every process of a cell; those not named here are fixed in the .c file. */
struct identity_limits {
	uint64_t open_files;
	uint64_t file_bytes; /* largest single file */
	uint64_t pids;
};

/* For a template: empties the bounding, ambient and inheritable sets; permitted ones stay. */
int identity_bound_capabilities(void);

int identity_set_no_new_privs(void);

/*
 * A session and process group of its own. The daemon's would be addressed by kill(0), would let
 * SIGCONT through whatever the uid, and its weight on the CPU (/proc/self/autogroup, sched(7))
 * may be written by every member.
 */
int identity_leave_session(void);

/*
 * In the newborn of a cell that was used before, root still, while the host's /proc can be reached:
 * the next process in its pid namespace gets the number that it would get in a fresh one
 * (ns_last_pid, pid_namespaces(7)). 0 or a negative errno.
 */
int identity_restart_pids(void);

/*
 * In the newborn, root still, while the host's /proc can be reached: when memory runs out around
 * the slot, the kernel takes this process and its children before any other of the machine. Raising
 * is always allowed. Who has CAP_SYS_RESOURCE makes it the least that the worker can choose; else
 * it could go back to the least that its parents were ever given, which is the daemon's too
 * (proc(5); Linux fs/proc/base.c, __set_oom_adj), if its /proc could be written. 0 or a negative
 * errno.
 */
int identity_raise_oom_score(void);

/* A new anonymous session keyring: none is shared with the daemon's. -ENOSYS is no error. */
int identity_join_keyring(void);

int identity_set_limits(const struct identity_limits *limits);

/*
 * The most that any execution may be given; a template takes it on, and its newborns inherit it. An
 * execution's rlimits lie one above its limits, so that cgroup and file system refuse first.
 */
#define IDENTITY_OPEN_FILES_MAX 4096u
#define IDENTITY_FILE_BYTES_MAX (UINT64_C(16) << 30)
#define IDENTITY_PIDS_MAX 4096u

/*
 * RLIMIT_NPROC behind a cgroup's limit of processes. Of the two it must be the cgroup that refuses,
 * because it counts refusals; and a fork that the cgroup has still to judge counts here already
 * (Linux kernel/fork.c, copy_process), at most one for each process that there is.
 */
static inline uint64_t identity_pids_rlimit(uint64_t pids)
{
	return 2 * pids + 1;
}

/* No supplementary groups, all three gids, all three uids; capabilities go with root. Verified. */
int identity_drop_to(uid_t uid, gid_t gid);

/* SIGKILL when the daemon's thread that is our parent dies; dumpable: /proc/self is ours. */
int identity_tie_to_parent(void);

/* All five capability sets, read back: 0, or -EPERM when any bit is left. */
int identity_verify_powerless(void);
