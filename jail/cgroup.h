// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup.h: one control group a slot, made once and reused by cell after cell.
 *
 * Three backends behind one face, chosen by trying:
 *   v2      one tree with memory, pids, cpu
 *   v1      a directory in each of the memory, pids and cpu hierarchies
 *   hybrid  v1 directories for the limits, beside a v2 directory for identity and cgroup.kill
 *
 * All lie below the daemon's own group, in a directory named corral.<pid>.<start time>: a later
 * daemon can tell a dead one's leftovers from a living one's (cgroups_sweep).
 *
 * Nothing is ever moved while it runs: a newborn is cloned into its v2 group (CLONE_INTO_CGROUP,
 * Linux 5.7) and moves itself, single-threaded, into the v1 groups by writing "0" to `tasks`, the
 * one move that takes no global lock.
 */
#pragma once

#include "base/error.h"
#include "jail/layer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroups;

struct cgroup_limits {
	uint64_t memory_bytes; /* swap is always 0 where the kernel accounts it */
	uint64_t pids;         /* processes and threads of the worker; corral-init is not counted */
};

struct cgroup_usage {
	uint64_t cpu_usec;          /* since the group was made; v2 cpu.stat or v1 cpuacct */
	/*
	 * Since cgroups_slot_rearm(): exactly, where v1 counts memory. v2 restarts no peak without
	 * a descriptor held open for it, so there: the peak since the group was made if it has
	 * risen since the rearm (then it is this execution's), else what is charged now, a lower
	 * bound. Never another execution's memory. Before Linux 5.19 v2 always gives what is
	 * charged now.
	 */
	uint64_t memory_peak_bytes;
	/*
	 * Since the group was made; a change says that memory ran out, not how often: v1 kills one
	 * process at a time, and v2, which kills all, counts the one it chose twice (6.1).
	 */
	uint64_t oom_kills;
	/*
	 * Changes between a rearm and a kill when it was the slot's own limit that was met. The
	 * kernel kills here also for a group above, or for the machine, and counts that as well.
	 */
	uint64_t memory_met;
	uint64_t pids_refused;      /* since the group was made */
};

/*
 * Finds the hierarchies, tries them, and makes the daemon's directories. `slots_max` bounds the
 * slot numbers. With no usable hierarchy it succeeds with a tree that does nothing, and
 * cgroups_status() says so. One at a time a process (-EEXIST).
 *
 * On a machine with v2 alone this may move the calling process into a group `daemon` below its
 * own, as v2 demands of a group that hands controllers on. cgroups_close() moves it back.
 */
int cgroups_open(struct cgroups **ret_cgroups, unsigned slots_max, struct error *error);

/* Removes every directory made; what is still populated is killed first and waited for (5 s). */
void cgroups_close(struct cgroups *cgroups);

void cgroups_status(const struct cgroups *cgroups, struct layer_status *ret_status);

/*
 * Kills and removes what dead daemons left below our group (and, with v2, below the root, where
 * cgroups_open() may have had to go). Returns how many trees were swept; a negative errno if one
 * could not be removed, after sweeping the rest. Daemons that share a group must share a pid
 * namespace, or one would take the other for dead.
 */
int cgroups_sweep(struct error *error);

/*
 * The calls below serve several threads at once, each slot by one of them. A slot that was never
 * prepared is -ENOENT.
 *
 * Makes the slot's directories if they are not there, and writes the limits that differ. UINT64_MAX
 * is no limit; 0 is -EINVAL. v1 answers -EBUSY to less memory than is in use and cannot be
 * reclaimed, where v2 kills.
 *
 * After cgroups_slot_kill() it makes the v2 directory anew (-EBUSY while it is populated): another
 * cgroup id, and what v2 counts starts from 0. Without that, newborns would be killed at birth.
 */
int cgroups_slot_prepare(struct cgroups *cgroups, unsigned slot,
			 const struct cgroup_limits *limits);

/*
 * A v1 memory group costs 1 KiB for every 64 file systems mounted in the whole crowd, each of which
 * has a shrinker (Linux mm/shrinker.c): 235 KiB with 5,000 cells, too much for a worker that only
 * waits. Where v1 memory stands alone it is therefore joined late, when a program is about to run.
 */
bool cgroups_memory_is_late(const struct cgroups *cgroups);

/* cgroups_slot_prepare() for a birth: everything but a memory group that may come late. */
int cgroups_slot_found(struct cgroups *cgroups, unsigned slot,
		       const struct cgroup_limits *limits);

/*
 * The late memory group's `tasks`, open for the worker to write "0" into (the opener's rights
 * count: cgroups(7)); the caller closes it. The slot was prepared. -ENOENT: memory is not late.
 */
int cgroups_slot_memory_tasks(struct cgroups *cgroups, unsigned slot, int *ret_fd);

/* Starts the peak anew. For a slot that has no execution. */
int cgroups_slot_rearm(struct cgroups *cgroups, unsigned slot);

enum cgroup_figure {
	CGROUP_FIGURE_CPU = 1,  /* cpu_usec */
	CGROUP_FIGURE_PEAK = 2, /* memory_peak_bytes, and where v1 counts memory_met */
	CGROUP_FIGURE_OOM = 4,  /* oom_kills, and where v2 counts memory_met */
	CGROUP_FIGURE_PIDS = 8, /* pids_refused */
	CGROUP_FIGURE_ALL = 15,
};

/*
 * Reads the figures that are asked for, a file or two each, and leaves the others as they stand in
 * *usage. What the machine does not count reads as 0; cgroups_status() says what that is. After a
 * negative errno *usage is as it was.
 */
int cgroups_slot_usage(struct cgroups *cgroups, unsigned slot, unsigned figures,
	struct cgroup_usage *usage);

/*
 * When CPU is short the slot gets one `divisor`-th (1 to CGROUP_DIVISOR_MAX) of what one that was
 * never divided gets. Written only where it differs from what stands. 0 also where nothing weighs
 * CPU.
 */
#define CGROUP_DIVISOR_MAX 64u
int cgroups_slot_cpu_divide(struct cgroups *cgroups, unsigned slot, unsigned divisor);

/* CPU time alone, in microseconds: one file. -EOPNOTSUPP where it is not counted. */
int cgroups_slot_cpu_usec(struct cgroups *cgroups, unsigned slot, uint64_t *ret_usec);

/*
 * Kills every process in the slot's group. -EOPNOTSUPP where only v1 is there, or Linux is older
 * than 5.14: the caller kills init. The slot must be prepared again before the next birth.
 */
int cgroups_slot_kill(struct cgroups *cgroups, unsigned slot);

/* 1: nothing lives in the slot's group; 0: something does; -EOPNOTSUPP where there is no group. */
int cgroups_slot_is_empty(struct cgroups *cgroups, unsigned slot);

/* Whether somebody counts the processes of a slot. */
bool cgroups_count_tasks(const struct cgroups *cgroups);

/*
 * How many processes and threads live or are unreaped in the slot's group, corral-init not counted;
 * negative: that is not known.
 */
int cgroups_slot_tasks(struct cgroups *cgroups, unsigned slot);

/*
 * The processes that live in the slot's group, which corral-init may be one of: at most `capacity`
 * of them into `pids`, as the caller's pid namespace has them (0: not at all). Who is not listed
 * runs none of its code any more (cgroups(7)). Their number, or a negative errno.
 */
int cgroups_slot_processes(
	struct cgroups *cgroups, unsigned slot, pid_t *pids, unsigned capacity);

/*
 * What a process that makes newborns needs, as descriptors to be inherited by it: O_PATH
 * directories of the daemon's trees, -1 where there is none. They stay the daemon's.
 */
struct cgroup_entrance {
	int unified;   /* v2: open the slot's directory below it and clone into it */
	int memory_v1;
	int pids_v1;
	int cpu_v1;
};

void cgroups_entrance(const struct cgroups *cgroups, struct cgroup_entrance *ret_entrance);

/* In the newborn's maker: the v2 directory to clone into (caller closes); -ENOENT: no v2 tree. */
int cgroup_entrance_open(const struct cgroup_entrance *entrance, unsigned slot, int *ret_fd);

/* In the newborn itself, single-threaded and still root: into the v1 groups. */
int cgroup_entrance_join_v1(const struct cgroup_entrance *entrance, unsigned slot);
