// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_v1.c: memory and pids as the v1 controllers spell them.
 *
 * A fresh group has cpu.shares 1024, so slots have equal shares until one is divided.
 * corral-init is not in these groups, so pids.max is the worker's number as it stands. When memory
 * runs out, the kernel kills one process of the group, not all: the daemon sees the count move and
 * does the rest.
 */
#include "base/fault.h"
#include "base/file.h"
#include "jail/cgroup_backend.h"

#include <errno.h>

#define PIDS_LIMIT_MAX 4194304 /* PID_MAX_LIMIT; pids.max takes no larger number, only "max" */
#define CPU_SHARES 1024u       /* of a fresh group */
/* The largest charge for which the kernel kills: PAGE_ALLOC_COSTLY_ORDER, Linux mm/memcontrol.c. */
#define CHARGE_BYTES_MAX (8u * 4096u)

/* Memory and swap together; not there without swap accounting. */
static int memsw_write(int tree, unsigned slot, uint64_t bytes)
{
	int r = cgroup_slot_write_number(tree, slot, "memory.memsw.limit_in_bytes", bytes);

	return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}

/*
 * The kernel holds memory <= memory + swap at every moment, so the sum is raised first and lowered
 * last. Both equal: no swap at all.
 */
static int memory_set(int tree, unsigned slot, uint64_t standing, uint64_t bytes)
{
	bool is_raise = bytes > standing;
	int r = 0;

	if (standing == CGROUP_LIMIT_UNKNOWN) {
		is_raise = false;
		r = memsw_write(tree, slot, CGROUP_LIMIT_NONE);
	} else if (is_raise) {
		r = memsw_write(tree, slot, bytes);
	}
	if (r < 0)
		return r;
	r = cgroup_slot_write_number(tree, slot, "memory.limit_in_bytes", bytes);
	if (r < 0 || is_raise)
		return r;
	return memsw_write(tree, slot, bytes);
}

static int memory_rearm(int tree, unsigned slot, struct cgroup_slot *state)
{
	/* Any write restarts the peak at what is charged now. */
	return cgroup_slot_write(tree, slot, "memory.max_usage_in_bytes", "0");
}

static int met_read(int tree, unsigned slot, const struct cgroup_slot *state,
		    struct cgroup_usage *usage)
{
	int r = cgroup_slot_read_number(tree, slot, "memory.max_usage_in_bytes",
					&usage->memory_peak_bytes);

	usage->memory_met = r == 0 && state->standing.memory_bytes != CGROUP_LIMIT_UNKNOWN &&
		usage->memory_peak_bytes + CHARGE_BYTES_MAX >= state->standing.memory_bytes;
	return r;
}

static int memory_read(int tree, unsigned slot, const struct cgroup_slot *state, unsigned figures,
		       struct cgroup_usage *usage)
{
	char text[128];
	int r = figures & CGROUP_FIGURE_PEAK ? met_read(tree, slot, state, usage) : 0;

	if (r < 0 || !(figures & CGROUP_FIGURE_OOM))
		return r;
	r = cgroup_slot_read(tree, slot, "memory.oom_control", text, sizeof(text));
	return r < 0 ? r : text_find_number(text, "oom_kill", &usage->oom_kills);
}

static int pids_set(int tree, unsigned slot, uint64_t pids)
{
	if (pids > PIDS_LIMIT_MAX)
		return cgroup_slot_write(tree, slot, "pids.max", "max");
	return cgroup_slot_write_number(tree, slot, "pids.max", pids);
}

static int cpu_divide(int tree, unsigned slot, unsigned divisor)
{
	return cgroup_slot_write_number(tree, slot, "cpu.shares", CPU_SHARES / divisor);
}

static int attempt(int tree, enum cgroup_controller controller)
{
	static const char *const writes[CGROUP_CONTROLLERS][2] = {
		[CGROUP_MEMORY] = { "memory.limit_in_bytes", "-1" },
		[CGROUP_PIDS] = { "pids.max", "max" },
		[CGROUP_CPU] = { "cpu.shares", "1024" },
	};

	if (fault("cgroup.attempt"))
		return -EACCES;
	return file_write(tree, writes[controller][0], writes[controller][1]);
}

const struct cgroup_ops cgroup_v1_ops = {
	.memory_set = memory_set,
	.memory_rearm = memory_rearm,
	.memory_read = memory_read,
	.pids_set = pids_set,
	.cpu_divide = cpu_divide,
	.attempt = attempt,
};
