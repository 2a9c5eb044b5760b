// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_slot.c: one slot's groups: made, limited, measured, killed.
 *
 * Called for each execution, so each call costs the fewest file operations that answer it: limits
 * are written only where they differ from what stands, a figure is one open, one read, one close,
 * and nothing is allocated. Calls share nothing but descriptors that do not change: no lock is
 * taken, and any thread may work on any slot as long as no two work on the same one.
 */
#include "base/fault.h"
#include "base/file.h"
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PROCESSES_BYTES 4096u /* of a list of pids; more of them are for the next look */

int cgroup_slot_read(int tree, unsigned slot, const char *file, char *text, size_t size)
{
	char path[CGROUP_SLOT_PATH_BYTES];

	cgroup_slot_path(path, slot, file);
	if (fault("cgroup.read"))
		return -ENODEV;

	AUTO_FD fd = openat(tree, path, O_RDONLY | O_CLOEXEC);
	/* The kernel renders these files whole; what does not fit is not needed. */
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return (int)n;
}

int cgroup_slot_read_number(int tree, unsigned slot, const char *file, uint64_t *ret_number)
{
	char text[32], *end;
	int r = cgroup_slot_read(tree, slot, file, text, sizeof(text));

	if (r < 0)
		return r;

	uint64_t number = strtoull(text, &end, 10);

	if (end == text)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int cgroup_slot_write(int tree, unsigned slot, const char *file, const char *text)
{
	char path[CGROUP_SLOT_PATH_BYTES];

	cgroup_slot_path(path, slot, file);
	return fault("cgroup.write") ? -EBUSY : file_write(tree, path, text);
}

int cgroup_slot_write_number(int tree, unsigned slot, const char *file, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return cgroup_slot_write(tree, slot, file, text);
}

static int slot_mkdir(int tree, unsigned slot)
{
	char path[CGROUP_SLOT_PATH_BYTES];

	cgroup_slot_path(path, slot, "");
	if (tree < 0)
		return 0;
	if (fault("cgroup.mkdir"))
		return -ENOSPC;
	/* The tree is ours: what is there already is from an attempt that failed halfway. */
	return mkdirat(tree, path, 0755) != 0 && errno != EEXIST ? -errno : 0;
}

bool cgroups_memory_is_late(const struct cgroups *cgroups)
{
	int memory = cgroups->v1[CGROUP_MEMORY];

	return memory >= 0 && memory != cgroups->v1[CGROUP_PIDS] &&
		memory != cgroups->v1[CGROUP_CPU];
}

static int memory_make(
	const struct cgroups *cgroups, unsigned slot, struct cgroup_slot *state)
{
	const struct cgroup_control *memory = &cgroups->control[CGROUP_MEMORY];
	int r = slot_mkdir(cgroups->v1[CGROUP_MEMORY], slot);

	if (r == 0 && memory->ops && memory->ops->memory_make)
		r = memory->ops->memory_make(memory->tree, slot);
	state->has_memory = r == 0;
	return r;
}

static int slot_make(const struct cgroups *cgroups, unsigned slot, struct cgroup_slot *state)
{
	int r = slot_mkdir(cgroups->unified, slot);

	for (unsigned i = 0; i < CGROUP_CONTROLLERS && r == 0; i++)
		if (i != CGROUP_MEMORY)
			r = slot_mkdir(cgroups->v1[i], slot);
	if (r == 0 && !cgroups_memory_is_late(cgroups))
		r = memory_make(cgroups, slot, state);
	state->is_made = r == 0;
	return r;
}

/*
 * A v2 group remembers that it was killed, and the kernel (6.18; newborns have been compared with
 * the group since the race of fork and cgroup.kill was mended) kills at birth whoever is cloned
 * into it from a group that was not. So after a kill the v2 directory is made anew.
 */
static int killed_unmake(const struct cgroups *cgroups, unsigned slot, struct cgroup_slot *state)
{
	char path[CGROUP_SLOT_PATH_BYTES];

	cgroup_slot_path(path, slot, "");
	if (fault("cgroup.rmdir"))
		return -EBUSY;
	if (unlinkat(cgroups->unified, path, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return -errno;
	if (cgroups->control[CGROUP_MEMORY].ops == &cgroup_v2_ops)
		state->standing.memory_bytes = CGROUP_LIMIT_UNKNOWN;
	if (cgroups->control[CGROUP_PIDS].ops == &cgroup_v2_ops)
		state->standing.pids = CGROUP_LIMIT_UNKNOWN;
	if (cgroups->control[CGROUP_CPU].ops == &cgroup_v2_ops)
		state->cpu_divisor = 0;
	state->peak_before_bytes = 0;
	state->is_made = false;
	state->is_killed = false;
	return 0;
}

/* What a failed write leaves standing is not known, so the next prepare writes it again. */
static int limits_set(const struct cgroups *cgroups, unsigned slot, struct cgroup_slot *state,
		      const struct cgroup_limits *limits)
{
	const struct cgroup_control *memory = &cgroups->control[CGROUP_MEMORY];
	const struct cgroup_control *pids = &cgroups->control[CGROUP_PIDS];
	const struct cgroup_limits standing = state->standing;
	int r;

	if (memory->ops && state->has_memory && standing.memory_bytes != limits->memory_bytes) {
		state->standing.memory_bytes = CGROUP_LIMIT_UNKNOWN;
		r = memory->ops->memory_set(memory->tree, slot, standing.memory_bytes,
					    limits->memory_bytes);
		if (r < 0)
			return r;
		state->standing.memory_bytes = limits->memory_bytes;
	}
	if (pids->ops && standing.pids != limits->pids) {
		state->standing.pids = CGROUP_LIMIT_UNKNOWN;
		r = pids->ops->pids_set(pids->tree, slot, limits->pids);
		if (r < 0)
			return r;
		state->standing.pids = limits->pids;
	}
	return 0;
}

/* The slot's groups, with the v1 memory group or, where that may come late, without. */
static int slot_prepare(struct cgroups *cgroups, unsigned slot, const struct cgroup_limits *limits,
	bool with_memory)
{
	if (slot >= cgroups->slots_max || !limits->memory_bytes || !limits->pids)
		return -EINVAL;

	struct cgroup_slot *state = &cgroups->slots[slot];
	int r = state->is_killed ? killed_unmake(cgroups, slot, state) : 0;

	if (r == 0 && !state->is_made)
		r = slot_make(cgroups, slot, state);
	if (r == 0 && with_memory && !state->has_memory)
		r = memory_make(cgroups, slot, state);
	return r < 0 ? r : limits_set(cgroups, slot, state, limits);
}

int cgroups_slot_found(struct cgroups *cgroups, unsigned slot, const struct cgroup_limits *limits)
{
	return slot_prepare(cgroups, slot, limits, false);
}

int cgroups_slot_prepare(struct cgroups *cgroups, unsigned slot, const struct cgroup_limits *limits)
{
	return slot_prepare(cgroups, slot, limits, true);
}

int cgroups_slot_memory_tasks(struct cgroups *cgroups, unsigned slot, int *ret_fd)
{
	char path[CGROUP_SLOT_PATH_BYTES];

	if (!cgroups_memory_is_late(cgroups))
		return -ENOENT;
	cgroup_slot_path(path, slot, "tasks");

	int fd = openat(cgroups->v1[CGROUP_MEMORY], path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* A slot that was prepared at least once, or NULL. */
static struct cgroup_slot *slot_get(struct cgroups *cgroups, unsigned slot)
{
	return slot < cgroups->slots_max && cgroups->slots[slot].is_made ?
	       &cgroups->slots[slot] : NULL;
}

int cgroups_slot_rearm(struct cgroups *cgroups, unsigned slot)
{
	const struct cgroup_control *memory = &cgroups->control[CGROUP_MEMORY];
	struct cgroup_slot *state = slot_get(cgroups, slot);

	if (!state)
		return -ENOENT;
	if (!memory->ops || !state->has_memory)
		return 0;
	return memory->ops->memory_rearm(memory->tree, slot, state);
}

static int cpu_read(const struct cgroups *cgroups, unsigned slot, uint64_t *ret_usec)
{
	char text[64]; /* usage_usec is the first line */
	int r;

	/* v2 counts CPU time in every group, with the controller and without (since 4.15). */
	if (cgroups->unified >= 0) {
		r = cgroup_slot_read(cgroups->unified, slot, "cpu.stat", text, sizeof(text));
		return r < 0 ? r : text_find_number(text, "usage_usec", ret_usec);
	}
	if (!cgroups->cpu_counts_v1)
		return -EOPNOTSUPP;

	uint64_t nsec;

	r = cgroup_slot_read_number(cgroups->v1[CGROUP_CPU], slot, "cpuacct.usage", &nsec);
	if (r == 0)
		*ret_usec = nsec / 1000;
	return r;
}

int cgroups_slot_usage(struct cgroups *cgroups, unsigned slot, unsigned figures,
	struct cgroup_usage *usage)
{
	const struct cgroup_control *memory = &cgroups->control[CGROUP_MEMORY];
	const struct cgroup_control *pids = &cgroups->control[CGROUP_PIDS];
	const struct cgroup_slot *state = slot_get(cgroups, slot);
	struct cgroup_usage now = *usage;
	char text[64];
	int r = 0;

	if (!state)
		return -ENOENT;
	if (figures & CGROUP_FIGURE_CPU)
		r = cpu_read(cgroups, slot, &now.cpu_usec);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	if (memory->ops && state->has_memory) {
		r = memory->ops->memory_read(memory->tree, slot, state, figures, &now);
		if (r < 0)
			return r;
	}
	if (pids->ops && figures & CGROUP_FIGURE_PIDS) {
		r = cgroup_slot_read(pids->tree, slot, "pids.events", text, sizeof(text));
		if (r >= 0)
			r = text_find_number(text, "max", &now.pids_refused);
		if (r < 0)
			return r;
	}
	*usage = now;
	return 0;
}

int cgroups_slot_cpu_usec(struct cgroups *cgroups, unsigned slot, uint64_t *ret_usec)
{
	return slot_get(cgroups, slot) ? cpu_read(cgroups, slot, ret_usec) : -ENOENT;
}

int cgroups_slot_cpu_divide(struct cgroups *cgroups, unsigned slot, unsigned divisor)
{
	const struct cgroup_control *cpu = &cgroups->control[CGROUP_CPU];
	struct cgroup_slot *state = slot_get(cgroups, slot);
	int r;

	if (!state)
		return -ENOENT;
	if (!divisor || divisor > CGROUP_DIVISOR_MAX)
		return -EINVAL;
	if (!cpu->ops || divisor == (state->cpu_divisor ? state->cpu_divisor : 1))
		return 0;
	state->cpu_divisor = CGROUP_DIVISOR_UNKNOWN;
	r = cpu->ops->cpu_divide(cpu->tree, slot, divisor);
	if (r == 0)
		state->cpu_divisor = divisor;
	return r;
}

int cgroups_slot_kill(struct cgroups *cgroups, unsigned slot)
{
	struct cgroup_slot *state = slot_get(cgroups, slot);

	if (cgroups->unified < 0)
		return -EOPNOTSUPP;
	if (!state)
		return -ENOENT;

	int r = cgroup_slot_write(cgroups->unified, slot, "cgroup.kill", "1");

	if (r == 0)
		state->is_killed = true;
	/* Since 5.14. */
	return r == -ENOENT ? -EOPNOTSUPP : r;
}

int cgroups_slot_is_empty(struct cgroups *cgroups, unsigned slot)
{
	static const enum cgroup_controller order[CGROUP_CONTROLLERS] = { CGROUP_PIDS, CGROUP_CPU,
		CGROUP_MEMORY };
	uint64_t populated;
	char text[64];
	int r;

	if (!slot_get(cgroups, slot))
		return 1;
	if (cgroups->unified >= 0) {
		r = cgroup_slot_read(cgroups->unified, slot, "cgroup.events", text, sizeof(text));
		if (r >= 0)
			r = text_find_number(text, "populated", &populated);
		return r < 0 ? r : !populated;
	}
	/* A newborn joins the pids group before the others that it joins, memory perhaps never. */
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		int tree = cgroups->v1[order[i]];

		if (tree < 0)
			continue;
		r = cgroup_slot_read(tree, slot, "cgroup.procs", text, sizeof(text));
		return r < 0 ? r : r == 0;
	}
	return -EOPNOTSUPP;
}

bool cgroups_count_tasks(const struct cgroups *cgroups)
{
	return cgroups->control[CGROUP_PIDS].ops;
}

int cgroups_slot_tasks(struct cgroups *cgroups, unsigned slot)
{
	const struct cgroup_control *pids = &cgroups->control[CGROUP_PIDS];
	uint64_t count, inits;
	int r;

	if (!pids->ops || !slot_get(cgroups, slot))
		return -EOPNOTSUPP;
	r = cgroup_slot_read_number(pids->tree, slot, "pids.current", &count);
	if (r < 0)
		return r;
	/* corral-init is cloned into v2 groups alone. */
	inits = pids->ops == &cgroup_v2_ops;
	return count < inits || count - inits > INT_MAX ? -ERANGE : (int)(count - inits);
}

int cgroups_slot_processes(
	struct cgroups *cgroups, unsigned slot, pid_t *pids, unsigned capacity)
{
	const struct cgroup_control *control = &cgroups->control[CGROUP_PIDS];
	char text[PROCESSES_BYTES], *next = text, *end;
	unsigned count = 0;
	int r;

	if (!control->ops || !slot_get(cgroups, slot))
		return -EOPNOTSUPP;
	r = cgroup_slot_read(control->tree, slot, "cgroup.procs", text, sizeof(text));
	if (r < 0)
		return r;
	for (long pid; count < capacity && (pid = strtol(next, &end, 10), *end == '\n');
		next = end + 1)
		pids[count++] = (pid_t)pid;
	return (int)count;
}
