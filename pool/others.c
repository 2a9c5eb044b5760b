// SPDX-License-Identifier: Apache-2.0
/*
 * pool/others.c: the processes beside a worker, ended before that is mended.
 *
 * One that shares its worker's memory has the mailbox too, where the errand is to be written; and
 * all have the pipes: so nothing is begun while one lives. They are killed one by one (the
 * group's cgroup.kill would take the worker too), by a descriptor each, since a number may be
 * a stranger's by now. Dead, they are reaped by their parents: the worker's by itself, on its
 * errand; those whose parent ended by corral-init, which is soon but not at once.
 */
#include "base/clock.h"
#include "base/own.h"
#include "pool/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>

#define LOOK_NSEC (200 * NSEC_PER_USEC) /* between two looks at who still lives */
#define LOOKS_NSEC_MAX NSEC_PER_SEC
#define PIDS_MAX 64u /* killed in one look */

static bool is_among(const pid_t *pids, int count, pid_t pid)
{
	for (int i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int processes_of(const struct slot *slot, pid_t *pids)
{
	return cgroups_slot_processes(
		slot->shard->pool->cgroups, slot->number, pids, PIDS_MAX);
}

static void others_kill(const struct slot *slot, const pid_t *others, int count)
{
	int fds[PIDS_MAX], still;
	pid_t pids[PIDS_MAX];

	for (int i = 0; i < count; i++)
		fds[i] = pidfd_open(others[i], 0);
	/* Whose number is in the group now is who is held: nobody gets it meanwhile. */
	still = processes_of(slot, pids);
	for (int i = 0; i < count; i++) {
		if (fds[i] >= 0 && is_among(pids, still, others[i]))
			pidfd_send_signal(fds[i], SIGKILL, NULL, 0);
		fd_close(&fds[i]);
	}
}

int slot_others_kill(const struct slot *slot)
{
	pid_t pids[PIDS_MAX];
	int count = processes_of(slot, pids), others = 0;

	for (int i = 0; i < count; i++) {
		if (pids[i] <= 0)
			return -ENOTSUP;
		if (pids[i] != slot->worker_pid && pids[i] != slot->init_pid)
			pids[others++] = pids[i];
	}
	others_kill(slot, pids, others);
	return count < 0 ? count : others;
}

int slot_others_unreaped(const struct slot *slot)
{
	int tasks = cgroups_slot_tasks(slot->shard->pool->cgroups, slot->number);

	return tasks > 0 ? tasks - 1 : tasks < 0 ? tasks : -ESRCH;
}

/* Those that are there still; a negative errno. */
static int others_count(const struct slot *slot)
{
	return slot->others_are_reaped ? slot_others_unreaped(slot) : slot_others_kill(slot);
}

static void others_look(void *owner)
{
	struct slot *slot = owner;
	uint64_t now = clock_now_nsec();
	int count = others_count(slot);

	if (count > 0 && now > slot->held_nsec + LOOKS_NSEC_MAX)
		count = -EBUSY;
	if (count < 0)
		slot_hold_failed(slot, "what it left running does not end", count);
	else if (count > 0)
		slot_timer_set(slot, others_look, now + LOOK_NSEC);
	else
		slot->alone(slot);
}

void slot_others_end(struct slot *slot, void (*alone)(struct slot *slot))
{
	slot->alone = alone;
	slot->others_are_reaped = false;
	others_look(slot);
}

void slot_others_await(struct slot *slot, void (*alone)(struct slot *slot))
{
	slot->alone = alone;
	slot->others_are_reaped = true;
	others_look(slot);
}
