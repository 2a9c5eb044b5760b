// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_backend.h: what the files of jail/cgroup*.c know of one another; private to them.
 *
 * A controller (memory, pids, cpu) is served by v1 or by v2, whichever the machine mounted it on,
 * through one table of operations; a machine may mix them. Every operation names a slot by its
 * number below an O_PATH tree descriptor ("17/memory.max"), so no slot costs a descriptor.
 */
#pragma once

#include "jail/cgroup.h"

#include <limits.h>
#include <stdio.h>

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CONTROLLERS };

/* A set of controllers: bit 1 << enum cgroup_controller. */
typedef unsigned cgroup_set;

#define CGROUP_BIT(controller) (1u << (controller))
#define CGROUP_ALL (CGROUP_BIT(CGROUP_CONTROLLERS) - 1)

extern const char *const cgroup_controller_names[CGROUP_CONTROLLERS];

/* --- Places: where the daemon's own groups are (jail/cgroup_place.c) -------------------------- */

struct cgroup_place {
	char own[PATH_MAX]; /* the daemon's own group; "" where there is none to be seen */
	char top[PATH_MAX]; /* the hierarchy's root; "" where only a part of it is mounted */
};

struct cgroup_places {
	struct cgroup_place unified;
	struct cgroup_place v1[CGROUP_CONTROLLERS];
	bool cpu_counts; /* cpuacct is mounted together with v1 cpu */
};

/* Reads /proc/self/cgroup and /proc/self/mountinfo. A missing hierarchy is no error. */
int cgroup_places_find(struct cgroup_places *ret_places);

/* The same from open files, for tests. */
int cgroup_places_parse(FILE *groups, FILE *mounts, struct cgroup_places *ret_places);

/* --- Slots ------------------------------------------------------------------------------------ */

#define CGROUP_LIMIT_UNKNOWN UINT64_C(0) /* a fresh group's, and after a write that failed */
#define CGROUP_LIMIT_NONE UINT64_MAX
#define CGROUP_SLOT_PATH_BYTES 64
#define CGROUP_DIVISOR_UNKNOWN UINT_MAX /* after a write that failed */

struct cgroup_slot {
	struct cgroup_limits standing; /* what the kernel holds now */
	unsigned cpu_divisor;          /* 0: a fresh group's, which is 1 */
	uint64_t peak_before_bytes;    /* v2: memory.peak at the last rearm */
	bool is_made;
	bool has_memory;               /* v1: its memory group is made too */
	bool is_killed;                /* by cgroup.kill: no more newborns in this directory */
};

struct cgroup_ops {
	/* After each mkdir; NULL: nothing to do. */
	int (*memory_make)(int tree, unsigned slot);
	int (*memory_set)(int tree, unsigned slot, uint64_t standing, uint64_t bytes);
	int (*memory_rearm)(int tree, unsigned slot, struct cgroup_slot *state);
	int (*memory_read)(int tree, unsigned slot, const struct cgroup_slot *state,
			   unsigned figures, struct cgroup_usage *usage);
	int (*pids_set)(int tree, unsigned slot, uint64_t pids);
	int (*cpu_divide)(int tree, unsigned slot, unsigned divisor);
	/*
	 * In the tree's own directory: a write that changes nothing and fails where limits would.
	 */
	int (*attempt)(int tree, enum cgroup_controller controller);
};

extern const struct cgroup_ops cgroup_v1_ops;
extern const struct cgroup_ops cgroup_v2_ops;

struct cgroup_control {
	const struct cgroup_ops *ops; /* NULL: nothing enforces it */
	int tree;
};

struct cgroups {
	char name[48];                     /* corral.<pid>.<start time> */
	unsigned slots_max;
	int unified;                       /* -1, or our directory in the v2 hierarchy */
	int v1[CGROUP_CONTROLLERS]; /* -1, or ours in v1; co-mounted ones share a descriptor */
	struct cgroup_control control[CGROUP_CONTROLLERS];
	bool cpu_counts_v1;
	bool is_in_leaf;                   /* the daemon moved itself into the v2 group `daemon` */
	struct layer_status status;
	struct cgroup_slot slots[];
};

static inline void cgroup_slot_path(char path[static CGROUP_SLOT_PATH_BYTES], unsigned slot,
				    const char *file)
{
	snprintf(path, CGROUP_SLOT_PATH_BYTES, "%u/%s", slot, file);
}

/* cgroups_open() below given places, for tests of machines other than this one. */
int cgroups_open_places(struct cgroups **ret_cgroups, const struct cgroup_places *places,
			unsigned slots_max, struct error *error);

/* One open, one read, one close. Returns the bytes read; `text` ends with NUL. */
int cgroup_slot_read(int tree, unsigned slot, const char *file, char *text, size_t size);
int cgroup_slot_read_number(int tree, unsigned slot, const char *file, uint64_t *ret_number);
int cgroup_slot_write(int tree, unsigned slot, const char *file, const char *text);
int cgroup_slot_write_number(int tree, unsigned slot, const char *file, uint64_t number);

/* Makes directory `name` in a group, and opens it O_PATH. -EEXIST if it is there. */
int cgroup_tree_make(int parent, const char *name, int *ret_tree);

/* --- v2 as a hierarchy (jail/cgroup_v2.c) ----------------------------------------------------- */

#define CGROUP_LEAF "daemon"

/*
 * Opens the group below which trees lie: the daemon's own, or its parent where the daemon is in
 * the leaf that an earlier cgroup_v2_open() moved it to.
 */
int cgroup_v2_base_open(const struct cgroup_place *place, int *ret_base);

/*
 * Makes our v2 tree, with as many of the `needed` controllers as can be enabled. What is missing
 * is explained in `why`. Fills unified, is_in_leaf and the controls of `cgroups`.
 */
int cgroup_v2_open(struct cgroups *cgroups, const struct cgroup_place *place, cgroup_set needed,
		   struct error *why);

/* Back from the leaf, if cgroup_v2_open() moved the daemon there; after our tree is gone. */
void cgroup_v2_leave_leaf(int base);

/* --- Removal (jail/cgroup_sweep.c) ------------------------------------------------------------ */

/* Kills what lives in the group or below it, waits, removes it. -ENOENT if it is not there. */
int cgroup_tree_remove(int parent, const char *name);

/* The name of this process's trees. */
int cgroup_tree_name(char *name, size_t size);
