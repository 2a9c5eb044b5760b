// SPDX-License-Identifier: Apache-2.0
/*
 * pool/reset.c: a slot from ENDING to EMPTY: nothing of the last cell is left.
 *
 * Killing PID 1 kills everything in its pid namespace, first stops all forks in it, and PID 1
 * cannot be reaped before all of it is (pid_namespaces(7)): so a reaped corral-init, a reaped
 * worker and an empty cgroup prove that no process, mapping, mount, socket or tmpfs of the cell
 * lives on. Only then is the slot EMPTY and its network namespace handed on.
 *
 * A cell that its execution may have left as it was is not killed at once: first the worker alone,
 * and when that is reaped the cell is looked at. Clean, it stays for the slot's next worker.
 *
 * cgroup.kill does the same, but a group that was killed once kills whoever is cloned into it later
 * (Linux 6.18), and making it anew costs 50 us. So it is the second means, for a cell whose
 * processes do not end in time; that slot is quarantined and told, not reused before it is empty.
 */
#include "base/clock.h"
#include "base/own.h"
#include "bpf/calls.h"
#include "bpf/footprints.h"
#include "pool/pool_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#define EMPTY_RECHECK_NSEC NSEC_PER_MSEC
#define DEATH_WATCH_NSEC NSEC_PER_SEC

static void worker_kill(struct slot *slot)
{
	if (slot->worker_pid && !slot->worker_reaped)
		kill(slot->worker_pid, SIGKILL);
}

void slot_kill(struct slot *slot)
{
	if (slot->killed)
		return;
	slot->killed = true;
	if (slot->init_pid && slot->network_fd < 0)
		slot->network_fd = netns_of(slot->init_pid);
	/* Neither is reaped yet, so neither pid can name a stranger. */
	if (slot->init_pid && !slot->init_reaped)
		kill(slot->init_pid, SIGKILL);
	worker_kill(slot);
}

/* The cell was to stay, and will not. */
static void cell_end(struct slot *slot)
{
	slot->cell_stays = false;
	slot_kill(slot);
}

/*
 * Something lives on: one that does not die of SIGKILL at once, or one whose pid we were never
 * told. The group knows them all.
 */
static void death_watch(void *owner)
{
	struct slot *slot = owner;
	uint64_t now = clock_now_nsec();

	if (slot->cell_stays)
		cell_end(slot);
	cgroups_slot_kill(slot->shard->pool->cgroups, slot->number);
	if (slot->state == SLOT_ENDING && now >= slot->dying_until_nsec) {
		slot_enter(slot, SLOT_QUARANTINED);
		atomic_fetch_add(&slot->shard->counters.quarantined, 1);
		shard_failed(slot->shard, "slot %u: its processes did not end in time, quarantined",
			slot->number);
	}
	slot_timer_set(slot, death_watch, now + DEATH_WATCH_NSEC);
	slot_empty_when_quiet(slot);
}

static void waits_arm(struct slot *slot)
{
	struct loop *loop = slot->shard->loop;

	if (slot->worker_pid && !slot->worker_reaped && !slot->worker_waiting)
		slot->worker_waiting = loop_wait_child(loop, OP_WORKER_EXIT, slot, slot->worker_pid,
					       &slot->worker_exit) != 0;
	if (slot_has_cell(slot) && !slot->cell_stays && !slot->init_waiting)
		slot->init_waiting = loop_wait_child(loop, OP_INIT_EXIT, slot, slot->init_pid,
					     &slot->init_exit) != 0;
}

/* Whether what its execution left can be found out by asking. */
static bool cell_may_stay(const struct slot *slot)
{
	return slot->state == SLOT_BUSY && !slot->killed && !slot->shard->stopping &&
	       slot->cell_is_known;
}

/* What there is to look for in the cell, if it must be asked at all. */
static uint32_t cell_leaves(const struct slot *slot)
{
	struct footprint footprint;
	uint32_t leaves;

	if (!slot->footprint)
		return LEAVES_IN_CELL & ~LEAVES_CELL;
	footprint = footprint_read(slot->footprint);
	leaves = footprint_leaves(&footprint) & LEAVES_IN_CELL;
	/* The stub made those before the record began. */
	return slot->files_brought ? leaves | LEAVES_FILES : leaves;
}

static bool cell_is_clean(struct slot *slot)
{
	const struct shard *shard = slot->shard;
	uint32_t leaves = cell_leaves(slot);

	slot->pids_known = !(leaves & LEAVES_PROCESSES);
	return !shard->stopping &&
	       residue_is_none(shard->pool->cgroups, slot->number, &shard->networks,
		       slot->init_pid, &slot->files_at_birth, leaves);
}

void slot_replace(struct slot *slot, const char *why)
{
	struct shard *shard = slot->shard;

	if (slot->state == SLOT_BUILDING || slot->state == SLOT_BEARING)
		shard->building--;
	if (slot->state == SLOT_EMPTY)
		atomic_fetch_sub(&shard->counters.unborn, 1);
	list_remove(&slot->node);
	slot->cell_stays = cell_may_stay(slot);
	slot_enter(slot, SLOT_ENDING);
	slot->dying_until_nsec = clock_now_nsec() + SLOT_DEATH_NSEC_MAX;
	slot_timer_set(slot, death_watch, clock_now_nsec() + DEATH_WATCH_NSEC);
	if (slot->cell_stays)
		worker_kill(slot);
	else
		slot_kill(slot);
	slot_empty_when_quiet(slot);
}

void slot_late_arrival(struct slot *slot)
{
	/* It may have been cloned after the first kill. */
	slot->killed = false;
	slot_kill(slot);
	slot_empty_when_quiet(slot);
}

/* Nobody has the other end of the socket, or of the pipe, any more. */
static bool other_end_is_gone(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLRDHUP };

	return poll(&end, 1, 0) != 0;
}

/* Its own ends were closed before it could be reaped: whoever has one of them lives on. */
static bool worker_left_somebody(const struct slot *slot)
{
	if (!slot->worker_reaped)
		return false;
	for (int i = 0; i < 2; i++)
		if (slot->pipes[i].polling && !other_end_is_gone(slot->pipes[i].fd))
			return true;
	return slot->listening && !other_end_is_gone(slot->control_fd);
}

static bool slot_is_quiet(const struct slot *slot)
{
	return !slot->cell_asked && !slot->birth_asked && !slot->listening &&
		!slot->worker_waiting && !slot->init_waiting &&
		(!slot->worker_pid || slot->worker_reaped) &&
		(!slot_has_cell(slot) || slot->cell_stays) && !slot->pipes[0].polling &&
		!slot->pipes[1].polling && !slot->execution;
}

void slot_empty_when_quiet(struct slot *slot)
{
	struct shard *shard = slot->shard;

	if (slot->state != SLOT_ENDING && slot->state != SLOT_QUARANTINED)
		return;
	if (slot->cell_stays && worker_left_somebody(slot))
		cell_end(slot);
	waits_arm(slot);
	if (!slot_is_quiet(slot))
		return;
	if (slot->cell_stays && !cell_is_clean(slot)) {
		cell_end(slot);
		waits_arm(slot);
		return;
	}
	if (!slot->cell_stays &&
	    cgroups_slot_is_empty(shard->pool->cgroups, slot->number) == 0) {
		if (slot->state == SLOT_ENDING)
			slot_timer_set(slot, death_watch, clock_now_nsec() + EMPTY_RECHECK_NSEC);
		return;
	}
	if (slot->footprint)
		footprint_stop(slot->footprint);
	loop_timer_disarm(shard->loop, &slot->timer);
	for (int i = 0; i < 2; i++)
		fd_close(&slot->pipes[i].fd);
	fd_close(&slot->control_fd);
	channel_unmap(slot->channel);
	slot->channel = NULL;
	netns_give(&shard->networks, slot->network_fd);
	slot->network_fd = -1;
	slot_enter(slot, SLOT_EMPTY);
	list_append(&shard->unborn, &slot->node);
	atomic_fetch_add(&shard->counters.unborn, 1);
	shard_births_go_on(shard);
}

/* Zero is the end of the socket, or a message of no bytes, which a program may send. */
static bool control_is_gone(const struct slot *slot, int32_t result)
{
	return result < 0 || (result == 0 && other_end_is_gone(slot->control_fd));
}

/* The end of the socket, which says what the worker had read, is asked before its death counts. */
static void worker_gone(struct slot *slot)
{
	if (!slot->worker_waiting && !(slot->listening && other_end_is_gone(slot->control_fd)))
		slot_worker_gone(slot);
	slot_empty_when_quiet(slot);
}

void slot_control_received(void *owner, int32_t result)
{
	struct slot *slot = owner;

	slot->listening = false;
	/* unix_release_sock(): a socket that closes with something unread resets its peer. */
	slot->unread = result == -ECONNRESET;
	if (control_is_gone(slot, result)) {
		/* Without a process to wait for, that is all we learn. */
		if (slot->state == SLOT_BEARING)
			slot_birth_failed(slot, "the worker ended before it was ready");
		else if (slot->state == SLOT_IDLE)
			slot_replace(slot, "died idle");
		else
			worker_gone(slot);
		return;
	}
	/* Armed first: looking may end the slot. */
	slot->listening = loop_recv(slot->shard->loop, OP_CONTROL, slot, slot->control_fd,
				  slot->message, sizeof(slot->message)) != 0;
	if (slot->state == SLOT_BEARING) {
		slot->worker_ready = true;
		slot_idle_when_ready(slot);
	} else if (slot->state == SLOT_BUSY) {
		slot_doorbell(slot);
	}
}

/* Of a worker that is held: told to whoever waits for its end. */
static bool is_stop(const siginfo_t *info)
{
	return info->si_code == CLD_TRAPPED || info->si_code == CLD_STOPPED;
}

void slot_worker_exited(void *owner, int32_t result)
{
	struct slot *slot = owner;

	slot->worker_waiting = false;
	if (result >= 0 && is_stop(&slot->worker_exit)) {
		slot_held(slot);
		slot_empty_when_quiet(slot);
		return;
	}
	/* -ECHILD: nobody to wait for any more. */
	slot->worker_reaped = result >= 0 || result == -ECHILD;
	if (slot->state == SLOT_HELD)
		slot_held(slot);
	worker_gone(slot);
}

void slot_init_exited(void *owner, int32_t result)
{
	struct slot *slot = owner;

	slot->init_waiting = false;
	slot->init_reaped = result >= 0 || result == -ECHILD;
	slot_empty_when_quiet(slot);
}
