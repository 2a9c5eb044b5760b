// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup.c: makes the daemon's trees, tells what they enforce, removes them.
 *
 * Decides which hierarchy enforces which controller: v1 where the machine mounted it there, else
 * v2. Each is tried with a real mkdir and a real write; what fails is left out and told in the
 * status, never assumed. A v2 tree is made on any machine that has one: births go into it, and one
 * write to its cgroup.kill ends a cell.
 */
#include "base/fault.h"
#include "base/file.h"
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int cgroup_tree_make(int parent, const char *name, int *ret_tree)
{
	if (fault("cgroup.mkdir"))
		return -ENOSPC;
	if (mkdirat(parent, name, 0755) != 0)
		return -errno;

	int tree = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (tree < 0) {
		int r = -errno;

		unlinkat(parent, name, AT_REMOVEDIR);
		return r;
	}
	*ret_tree = tree;
	return 0;
}

/* Best effort: what cannot be removed now is a dead daemon's leftover later, and is swept then. */
static void tree_close(const struct cgroups *cgroups, int *tree)
{
	AUTO_FD parent = *tree < 0 ? -1 : openat(*tree, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	fd_close(tree);
	if (parent >= 0)
		cgroup_tree_remove(parent, cgroups->name);
	if (parent >= 0 && cgroups->is_in_leaf)
		cgroup_v2_leave_leaf(parent);
}

static bool v1_is_shared(const struct cgroups *cgroups, unsigned i)
{
	for (unsigned j = 0; j < CGROUP_CONTROLLERS; j++)
		if (j != i && cgroups->v1[j] == cgroups->v1[i])
			return true;
	return false;
}

/* The last controller that holds a tree closes it. */
static void v1_close(struct cgroups *cgroups, unsigned i)
{
	if (v1_is_shared(cgroups, i))
		cgroups->v1[i] = -1;
	else
		tree_close(cgroups, &cgroups->v1[i]);
}

static int v1_tree_make(const struct cgroups *cgroups, const char *own, int *ret_tree)
{
	AUTO_FD parent = open(own, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (parent < 0 || fstatfs(parent, &fs) != 0)
		return -errno;
	if (fs.f_type != CGROUP_SUPER_MAGIC)
		return -ENODEV;
	return cgroup_tree_make(parent, cgroups->name, ret_tree);
}

/* The tree of controller `i`, which may be that of an earlier one mounted with it. */
static int v1_open(struct cgroups *cgroups, const struct cgroup_places *places, unsigned i)
{
	int r = 0;

	for (unsigned j = 0; j < i; j++)
		if (strcmp(places->v1[j].own, places->v1[i].own) == 0)
			cgroups->v1[i] = cgroups->v1[j];
	if (cgroups->v1[i] < 0)
		r = v1_tree_make(cgroups, places->v1[i].own, &cgroups->v1[i]);
	if (r == 0)
		r = cgroup_v1_ops.attempt(cgroups->v1[i], i);
	if (r < 0) {
		v1_close(cgroups, i);
		return r;
	}
	cgroups->control[i] = (struct cgroup_control){ &cgroup_v1_ops, cgroups->v1[i] };
	return 0;
}

/* What cannot be had is in `why`. Fails only where no tree may be made at all. */
static int trees_open(struct cgroups *cgroups, const struct cgroup_places *places,
		      struct error *why)
{
	cgroup_set needed = CGROUP_ALL;
	int r;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (!places->v1[i].own[0])
			continue;
		needed &= ~CGROUP_BIT(i);
		r = v1_open(cgroups, places, i);
		if (r == -EEXIST)
			return r;
		if (r < 0)
			error_set(why, r, "%s: %s", places->v1[i].own, error_text(r));
	}
	if (!places->unified.own[0])
		return 0;
	r = cgroup_v2_open(cgroups, &places->unified, needed, why);
	if (r < 0 && r != -EEXIST && !why->sentence[0])
		error_set(why, r, "%s: %s", places->unified.own, error_text(r));
	return r == -EEXIST ? r : 0;
}

static void text_add(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void text_add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + used, size - used, format, list);
	va_end(list);
}

/* Adds the names of the controllers that `ops` serves, behind `head`. Returns how many. */
static unsigned names_add(struct cgroups *cgroups, const struct cgroup_ops *ops, const char *head)
{
	struct layer_status *status = &cgroups->status;
	unsigned count = 0;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (cgroups->control[i].ops == ops)
			text_add(status->detail, sizeof(status->detail), "%s%s",
				 count++ ? ", " : head, cgroup_controller_names[i]);
	return count;
}

static void status_write(struct cgroups *cgroups, const struct error *why)
{
	struct layer_status *status = &cgroups->status;
	size_t size = sizeof(status->detail);
	unsigned v1 = names_add(cgroups, &cgroup_v1_ops, "v1 ");
	unsigned v2 = names_add(cgroups, &cgroup_v2_ops, v1 ? "; v2 " : "v2 ");

	if (cgroups->unified >= 0 && !v2)
		text_add(status->detail, size, v1 ? " beside a v2 tree" : "a v2 tree");
	if (!status->detail[0])
		text_add(status->detail, size, "no control groups");

	unsigned missing = names_add(cgroups, NULL, " without ");
	bool counts_cpu = cgroups->unified >= 0 || cgroups->cpu_counts_v1;

	if (!missing && !counts_cpu)
		text_add(status->detail, size, "; CPU time is not counted");
	status->state = !missing && counts_cpu ? LAYER_ENFORCED :
			cgroups->unified >= 0 || v1 ? LAYER_DEGRADED : LAYER_ABSENT;
	if (status->state != LAYER_ENFORCED)
		text_add(status->detail, size, ": %s", why->sentence[0] ? why->sentence :
			 "mount cgroup2, or the v1 controllers, below /sys/fs/cgroup");
}

int cgroups_open_places(struct cgroups **ret_cgroups, const struct cgroup_places *places,
			unsigned slots_max, struct error *error)
{
	struct cgroups *cgroups =
		calloc(1, sizeof(*cgroups) + slots_max * sizeof(cgroups->slots[0]));
	struct error why = {};
	int r;

	if (!cgroups)
		return error_set(error, -ENOMEM, "cannot open the control groups: %s",
				 error_text(ENOMEM));
	cgroups->slots_max = slots_max;
	cgroups->unified = -1;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		cgroups->v1[i] = -1;
		cgroups->control[i].tree = -1;
	}
	r = cgroup_tree_name(cgroups->name, sizeof(cgroups->name));
	if (r == 0)
		r = trees_open(cgroups, places, &why);
	if (r < 0) {
		error_set(error, r, "cannot make the control groups %s: %s", cgroups->name,
			  error_text(r));
		cgroups_close(cgroups);
		return r;
	}
	cgroups->cpu_counts_v1 = places->cpu_counts && cgroups->v1[CGROUP_CPU] >= 0;
	status_write(cgroups, &why);
	*ret_cgroups = cgroups;
	return 0;
}

int cgroups_open(struct cgroups **ret_cgroups, unsigned slots_max, struct error *error)
{
	AUTO_FREE struct cgroup_places *places = calloc(1, sizeof(*places));
	int r = places ? cgroup_places_find(places) : -ENOMEM;

	if (r < 0)
		return error_set(error, r, "cannot read /proc/self/cgroup and mountinfo: %s",
				 error_text(r));
	return cgroups_open_places(ret_cgroups, places, slots_max, error);
}

void cgroups_close(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	/* v2 first: its cgroup.kill empties the v1 groups too. */
	tree_close(cgroups, &cgroups->unified);
	cgroups->is_in_leaf = false;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		v1_close(cgroups, i);
	free(cgroups);
}

void cgroups_status(const struct cgroups *cgroups, struct layer_status *ret_status)
{
	*ret_status = cgroups->status;
}

void cgroups_entrance(const struct cgroups *cgroups, struct cgroup_entrance *ret_entrance)
{
	*ret_entrance = (struct cgroup_entrance){
		.unified = cgroups->unified,
		.memory_v1 = cgroups->v1[CGROUP_MEMORY],
		.pids_v1 = cgroups->v1[CGROUP_PIDS],
		.cpu_v1 = cgroups->v1[CGROUP_CPU],
	};
}
