// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_v2.c: memory and pids as v2 spells them, and how a v2 group comes to have them.
 *
 * A v2 group has a controller's files only if every group above it hands that controller on
 * (cgroup.subtree_control), and a group with processes in it may hand nothing on ("no internal
 * processes"; the root alone is exempt). So, in this order:
 *   1. hand on from the daemon's own group: works in the root, and where that is done already
 *   2. the daemon is alone in its group: move it to the leaf `daemon`, then as 1
 *   3. hand on from the root of the hierarchy, and make our tree there
 *   4. a tree without controllers, for identity and cgroup.kill only, and a sentence that says so
 * On a hybrid machine no controller is needed of v2, and 4 is all it takes, without the sentence.
 */
#include "base/fault.h"
#include "base/file.h"
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PIDS_LIMIT_MAX 4194304 /* PID_MAX_LIMIT; pids.max takes no larger number, only "max" */
#define CPU_WEIGHT 100u        /* of a fresh group */
#define LIMITS (CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_PIDS))

/* --- Files ------------------------------------------------------------------------------------ */

static int memory_make(int tree, unsigned slot)
{
	/* One verdict for the whole cell: what is killed for memory is killed together (4.19). */
	int r = cgroup_slot_write(tree, slot, "memory.oom.group", "1");

	if (r < 0)
		return r;
	r = cgroup_slot_write(tree, slot, "memory.swap.max", "0");
	return r == -ENOENT ? 0 : r;
}

static int memory_set(int tree, unsigned slot, uint64_t standing, uint64_t bytes)
{
	return cgroup_slot_write_number(tree, slot, "memory.max", bytes);
}

static int peak_read(int tree, unsigned slot, uint64_t *ret_bytes)
{
	int r = cgroup_slot_read_number(tree, slot, "memory.peak", ret_bytes);

	/* Before 5.19 there is none: then no peak ever rises, and the charge of now is reported. */
	if (r == -ENOENT)
		*ret_bytes = 0;
	return r == -ENOENT ? 0 : r;
}

/* A peak restarts only for a descriptor that stays open (6.12). A slot has none: remember it. */
static int memory_rearm(int tree, unsigned slot, struct cgroup_slot *state)
{
	return peak_read(tree, slot, &state->peak_before_bytes);
}

static int peak_or_now_read(int tree, unsigned slot, const struct cgroup_slot *state,
			    struct cgroup_usage *usage)
{
	int r = peak_read(tree, slot, &usage->memory_peak_bytes);

	if (r == 0 && usage->memory_peak_bytes <= state->peak_before_bytes)
		r = cgroup_slot_read_number(tree, slot, "memory.current",
					    &usage->memory_peak_bytes);
	return r;
}

static int memory_read(int tree, unsigned slot, const struct cgroup_slot *state, unsigned figures,
		       struct cgroup_usage *usage)
{
	char text[256];
	int r = figures & CGROUP_FIGURE_PEAK ? peak_or_now_read(tree, slot, state, usage) : 0;

	if (r < 0 || !(figures & CGROUP_FIGURE_OOM))
		return r;
	r = cgroup_slot_read(tree, slot, "memory.events", text, sizeof(text));
	if (r >= 0)
		r = text_find_number(text, "oom", &usage->memory_met);
	return r < 0 ? r : text_find_number(text, "oom_kill", &usage->oom_kills);
}

static int pids_set(int tree, unsigned slot, uint64_t pids)
{
	/* One more: corral-init is in the v2 group, and is not the worker's to pay for. */
	if (pids >= PIDS_LIMIT_MAX)
		return cgroup_slot_write(tree, slot, "pids.max", "max");
	return cgroup_slot_write_number(tree, slot, "pids.max", pids + 1);
}

static int cpu_divide(int tree, unsigned slot, unsigned divisor)
{
	return cgroup_slot_write_number(tree, slot, "cpu.weight", CPU_WEIGHT / divisor);
}

static int attempt(int tree, enum cgroup_controller controller)
{
	static const char *const writes[CGROUP_CONTROLLERS][2] = {
		[CGROUP_MEMORY] = { "memory.max", "max" },
		[CGROUP_PIDS] = { "pids.max", "max" },
		[CGROUP_CPU] = { "cpu.weight", "100" },
	};

	if (fault("cgroup.attempt"))
		return -EACCES;
	return file_write(tree, writes[controller][0], writes[controller][1]);
}

const struct cgroup_ops cgroup_v2_ops = {
	.memory_make = memory_make,
	.memory_set = memory_set,
	.memory_rearm = memory_rearm,
	.memory_read = memory_read,
	.pids_set = pids_set,
	.cpu_divide = cpu_divide,
	.attempt = attempt,
};

/* --- The hierarchy ---------------------------------------------------------------------------- */

static bool words_have(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += length)
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[length]))
			return true;
	return false;
}

/* Which controllers a group could hand on. */
static cgroup_set controllers_read(int group)
{
	char text[256];
	cgroup_set set = 0;

	if (file_read(group, "cgroup.controllers", text, sizeof(text)) < 0)
		return 0;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (words_have(text, cgroup_controller_names[i]))
			set |= CGROUP_BIT(i);
	return set;
}

/* All of the set or none of it; handing on what is handed on already is no error. */
static int controllers_hand_on(int group, cgroup_set set, char sign)
{
	char text[64] = "";
	int used = 0;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (set & CGROUP_BIT(i))
			used += snprintf(text + used, sizeof(text) - (size_t)used, "%c%s ", sign,
					 cgroup_controller_names[i]);
	if (!used)
		return 0;
	if (fault("cgroup.subtree_control"))
		return -EBUSY;
	return file_write(group, "cgroup.subtree_control", text);
}

static bool is_alone(int group)
{
	char text[32], own[32];

	snprintf(own, sizeof(own), "%d\n", getpid());
	return file_read(group, "cgroup.procs", text, sizeof(text)) > 0 && strcmp(text, own) == 0;
}

static int leaf_enter(int base)
{
	if (mkdirat(base, CGROUP_LEAF, 0755) != 0 && errno != EEXIST)
		return -errno;

	int r = file_write(base, CGROUP_LEAF "/cgroup.procs", "0");

	if (r < 0)
		unlinkat(base, CGROUP_LEAF, AT_REMOVEDIR);
	return r;
}

void cgroup_v2_leave_leaf(int base)
{
	/* Best effort, on the way out: the group itself goes when the service ends. */
	controllers_hand_on(base, controllers_read(base), '-');
	if (file_write(base, "cgroup.procs", "0") == 0)
		unlinkat(base, CGROUP_LEAF, AT_REMOVEDIR);
}

int cgroup_v2_base_open(const struct cgroup_place *place, int *ret_base)
{
	AUTO_FD own = open(place->own, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *last = strrchr(place->own, '/');
	struct statfs fs;
	char text[32];

	if (own < 0)
		return -errno;
	if (last && strcmp(last, "/" CGROUP_LEAF) == 0) {
		AUTO_FD above = openat(own, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (above >= 0 && file_read(above, "cgroup.procs", text, sizeof(text)) == 0) {
			fd_close(&own);
			own = fd_take(&above);
		}
	}
	if (fstatfs(own, &fs) != 0)
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENODEV;
	*ret_base = fd_take(&own);
	return 0;
}

/* Our tree below a group that hands `set` on, and hands it on to the slots. */
static int tree_make(struct cgroups *cgroups, int base, cgroup_set set)
{
	int tree, r = cgroup_tree_make(base, cgroups->name, &tree);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS && r == 0; i++)
		if (set & CGROUP_BIT(i))
			r = attempt(tree, i);
	if (r == 0)
		r = controllers_hand_on(tree, set, '+');
	if (r < 0) {
		fd_close(&tree);
		unlinkat(base, cgroups->name, AT_REMOVEDIR);
		return r;
	}
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (set & CGROUP_BIT(i))
			cgroups->control[i] = (struct cgroup_control){ &cgroup_v2_ops, tree };
	cgroups->unified = tree;
	return 0;
}

/* Steps 1 and 2 of the first screen. */
static int open_in_base(struct cgroups *cgroups, int base, cgroup_set set)
{
	int r = controllers_hand_on(base, set, '+');

	if (r == -EBUSY && is_alone(base)) {
		r = leaf_enter(base);
		if (r < 0)
			return r;
		cgroups->is_in_leaf = true;
		r = controllers_hand_on(base, set, '+');
	}
	if (r == 0)
		r = tree_make(cgroups, base, set);
	if (r < 0 && cgroups->is_in_leaf) {
		cgroup_v2_leave_leaf(base);
		cgroups->is_in_leaf = false;
	}
	return r;
}

static bool has_limits(cgroup_set offered, cgroup_set needed)
{
	return (offered & needed & LIMITS) == (needed & LIMITS);
}

/* Step 3. */
static int open_in_top(struct cgroups *cgroups, const struct cgroup_place *place,
		       cgroup_set needed)
{
	AUTO_FD top = place->top[0] ? open(place->top, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	cgroup_set offered = top < 0 ? 0 : controllers_read(top) & needed;
	int r;

	if (!offered || !has_limits(offered, needed))
		return -EOPNOTSUPP;
	r = controllers_hand_on(top, offered, '+');
	return r < 0 ? r : tree_make(cgroups, top, offered);
}

int cgroup_v2_open(struct cgroups *cgroups, const struct cgroup_place *place, cgroup_set needed,
		   struct error *why)
{
	AUTO_FD base = -1;
	int r = cgroup_v2_base_open(place, &base);

	if (r < 0)
		return error_set(why, r, "%s: %s", place->own, error_text(r));
	if (!needed)
		return tree_make(cgroups, base, 0);

	cgroup_set offered = controllers_read(base) & needed;

	r = has_limits(offered, needed) ? open_in_base(cgroups, base, offered) : -EOPNOTSUPP;
	if (r == 0 || r == -EEXIST)
		return r;

	int top = open_in_top(cgroups, place, needed);

	if (top == 0 || top == -EEXIST)
		return top;
	error_set(why, r, "%s; run it under systemd with Delegate=yes",
		  r == -EBUSY ? "other processes share the daemon's group" :
		  r == -EOPNOTSUPP ? "not handed on to the daemon's group" : error_text(r));
	return tree_make(cgroups, base, 0);
}
