// SPDX-License-Identifier: Apache-2.0
/*
 * pool/birth.c: a slot from EMPTY to IDLE: ask for a cell, ask for a worker, hear it ring.
 *
 * The nursery and the template answer in their own time, and a cell's own report may come before
 * the nursery's word of its pid, so each answer is noted and the next step is taken when all that
 * it needs is there.
 */
#include "base/own.h"
#include "jail/enter.h"
#include "pool/pool_private.h"
#include "ring/message.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const cell_steps[CELL_STEP_COUNT] = {
	[CELL_STEP_NONE] = "start",
	[CELL_STEP_CLONE] = "clone3",
	[CELL_STEP_TIE] = "parent-death signal",
	[CELL_STEP_NETWORK] = "network namespace",
	[CELL_STEP_FILES] = "private tmpfs",
	[CELL_STEP_PROC] = "/proc",
	[CELL_STEP_HOSTNAME] = "host name",
	[CELL_STEP_POWERLESS] = "dropping capabilities",
};

static void birth_overdue(void *owner)
{
	struct slot *slot = owner;

	slot_birth_failed(slot, slot->state == SLOT_BUILDING ? "the cell was not built in time"
							    : "the worker was not born in time");
}

void slot_birth_failed(struct slot *slot, const char *why)
{
	struct shard *shard = slot->shard;

	atomic_fetch_add(&shard->counters.birth_failures, 1);
	if (!shard->stopping)
		shard_failed(shard, "slot %u: %s", slot->number, why);
	shard_births_pause(shard);
	slot_replace(slot, "birth");
}

static void birth_failed_at(struct slot *slot, const char *who, const char *step, int error)
{
	char why[160];

	snprintf(why, sizeof(why), "%s failed at %s: %s", who, step, error_text(error));
	slot_birth_failed(slot, why);
}

static void worker_clear(struct slot *slot)
{
	slot->generation++;
	slot->worker_pid = 0;
	slot->worker_ready = slot->worker_reaped = slot->unread = false;
	slot->ending = ENDING_NONE;
}

static void cell_clear(struct slot *slot)
{
	slot->init_pid = 0;
	slot->cell_ready = slot->killed = slot->init_reaped = false;
	slot->cell_used = slot->pids_known = false;
	slot->cell_is_known = false;
	slot->files_bytes = slot->shard->pool->config.limits.values[LIMIT_FILES];
}

uint64_t slot_files_inodes(uint64_t files_bytes)
{
	uint64_t inodes = files_bytes / FILES_BYTES_PER_INODE;

	return inodes < FILES_INODES_MIN ? FILES_INODES_MIN : inodes;
}

static void cell_ask(struct slot *slot)
{
	struct shard *shard = slot->shard;
	struct cell_request request = {
		.version = CELL_VERSION,
		.slot = slot->number,
		.generation = slot->generation,
		.files_bytes = slot->files_bytes,
		.files_inodes = slot_files_inodes(slot->files_bytes),
		.uid = shard->pool->uid_first + slot->number,
		.gid = shard->pool->uid_first + slot->number,
	};

	slot->network_fd = netns_take(&shard->networks);
	int result = nursery_request(&shard->nursery, &request, slot->network_fd);
	/* The cell holds the namespace now; it is opened again from there when the cell ends. */
	fd_close(&slot->network_fd);
	slot->cell_asked = result == 0;
	if (result < 0)
		birth_failed_at(slot, "the cell", "asking the nursery", result);
}

void slot_build(struct slot *slot)
{
	struct shard *shard = slot->shard;
	const struct limits *limits = &shard->pool->config.limits;
	struct cgroup_limits group = {
		.memory_bytes = limits->values[LIMIT_MEMORY],
		.pids = limits->values[LIMIT_PIDS],
	};
	int result;

	worker_clear(slot);
	slot->cell_used = slot_has_cell(slot);
	slot_enter(slot, SLOT_BUILDING);
	shard->building++;
	slot_timer_set(slot, birth_overdue, clock_now_nsec() + SLOT_BIRTH_NSEC_MAX);
	result = cgroups_slot_found(shard->pool->cgroups, slot->number, &group);
	if (result < 0) {
		birth_failed_at(slot, "the cell", "its cgroup", result);
		return;
	}
	if (slot->cell_used) {
		slot_bear(slot);
		return;
	}
	cell_clear(slot);
	cell_ask(slot);
}

/* Before anything runs in it. */
static void cell_built(struct slot *slot)
{
	atomic_fetch_add(&slot->shard->counters.cells, 1);
	slot->cell_is_known = slot->shard->pool->cells_stay &&
			      residue_files_read(slot->init_pid, &slot->files_at_birth) == 0;
	slot_bear(slot);
}

void slot_cell_replied(struct slot *slot, const struct cell_reply *reply)
{
	const char *step = cell_steps[reply->step < CELL_STEP_COUNT ? reply->step : CELL_STEP_NONE];

	if (reply->generation != slot->generation)
		return;
	if (reply->kind == CELL_CLONED) {
		slot->cell_asked = false;
		slot->init_pid = reply->pid;
	} else {
		slot->cell_ready = true;
	}
	if (slot->state != SLOT_BUILDING)
		slot_late_arrival(slot);
	else if (reply->error < 0)
		birth_failed_at(slot, "the cell", step, reply->error);
	else if (slot->cell_ready && slot->init_pid)
		cell_built(slot);
}

uint64_t slot_inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) < 0 ? 0 : status.st_ino;
}

static int channel_open(struct slot *slot, int *ret_fd)
{
	AUTO_FD fd = -1;
	int result = channel_create(&fd);

	if (result == 0)
		result = channel_map(fd, &slot->channel);
	if (result < 0)
		return result;
	slot->channel->version = CHANNEL_VERSION;
	output_reader_init(&slot->reader, slot->channel);
	slot->channel_inode = slot_inode_of(fd);
	slot->channel_pages.known = false;
	slot->mailbox_bytes = 0;
	*ret_fd = fd_take(&fd);
	return 0;
}

void slot_bear(struct slot *slot)
{
	struct shard *shard = slot->shard;
	struct birth_letter letter = {
		.version = CELL_VERSION,
		.slot = slot->number,
		.generation = slot->generation,
		.init_pid = slot->init_pid,
		.used = slot->cell_used,
		.uid = shard->pool->uid_first + slot->number,
		.gid = shard->pool->uid_first + slot->number,
	};
	AUTO_FD channel_fd = -1;
	int sockets[2], result;

	if (shard->template->state != TEMPLATE_READY) {
		list_append(&shard->childless, &slot->node);
		return;
	}
	result = message_pair(sockets);
	if (result < 0) {
		birth_failed_at(slot, "the worker", "its socket", result);
		return;
	}

	AUTO_FD theirs = sockets[1];

	slot->control_fd = sockets[0];
	slot->control_inode = slot_inode_of(theirs);
	result = channel_open(slot, &channel_fd);
	if (result < 0) {
		birth_failed_at(slot, "the worker", "its channel", result);
		return;
	}
	result = template_bear(shard->template, &letter, theirs, channel_fd);
	if (result < 0) {
		birth_failed_at(slot, "the worker", "asking the template", result);
		return;
	}
	slot->birth_asked = true;
	slot->template = shard->template;
	slot->template_number = shard->template_number;
	slot_enter(slot, SLOT_BEARING);
	slot->listening = loop_recv(shard->loop, OP_CONTROL, slot, slot->control_fd, slot->message,
				  sizeof(slot->message)) != 0;
}

void slot_birth_replied(struct slot *slot, const struct birth_reply *reply)
{
	if (reply->generation != slot->generation)
		return;
	slot->birth_asked = false;
	slot->worker_pid = reply->pid;
	if (slot->state != SLOT_BEARING)
		slot_late_arrival(slot);
	else if (reply->error < 0)
		birth_failed_at(slot, "the template", "forking", reply->error);
	else
		slot_idle_when_ready(slot);
}

/*
 * What its birth cost, and the last cell's death, is not the execution's; unknown, an earlier one's
 * end would be told as its own. The time a footprint counts from its beginning, and where it saw
 * nobody ask for a process, none was refused.
 */
int slot_usage_begin(struct slot *slot)
{
	struct cgroups *cgroups = slot->shard->pool->cgroups;
	unsigned figures = CGROUP_FIGURE_OOM;
	int result = cgroups_slot_rearm(cgroups, slot->number);

	slot->peak_turns = 0;
	if (!slot->footprint)
		figures |= CGROUP_FIGURE_CPU;
	if (!slot->pids_known)
		figures |= CGROUP_FIGURE_PIDS;
	return result < 0 ? result
			  : cgroups_slot_usage(cgroups, slot->number, figures, &slot->usage_before);
}

void slot_idle_when_ready(struct slot *slot)
{
	struct shard *shard = slot->shard;
	uint32_t layers;
	int result;

	if (!slot->worker_ready || !slot->worker_pid)
		return;
	loop_timer_disarm(shard->loop, &slot->timer);
	result = slot_usage_begin(slot);
	if (result < 0) {
		birth_failed_at(slot, "the worker", "reading its counters", result);
		return;
	}
	layers = __atomic_load_n(&slot->channel->birth.layers, __ATOMIC_ACQUIRE);
	atomic_fetch_and(&shard->counters.layers, layers);
	atomic_fetch_add(&shard->counters.births, 1);
	shard->birth_pause_nsec = 0;
	shard->building--;
	slot->rewound = false;
	slot->rlimits = (struct slot_rlimits){ 0 };
	slot->own_pages = 0;
	slot->crowded_turns = 0;
	image_own_forget(&slot->own);
	if (!slot_captures(slot) && !slot_proof_begin(slot))
		slot_idle(slot);
}

void slot_idle(struct slot *slot)
{
	struct shard *shard = slot->shard;

	loop_timer_disarm(shard->loop, &slot->timer);
	share_let_go(slot);
	slot_renewal_note(slot);
	slot_enter(slot, SLOT_IDLE);
	/* A fresh one is for those who can have no other. */
	if (slot->rewound || shard->pool->config.reset == RESET_REPLACE)
		list_push(&shard->idle, &slot->node);
	else
		list_append(&shard->idle, &slot->node);
	shard_dispatch(shard);
	shard_renewal_go_on(shard);
	shard_births_go_on(shard);
}

void slot_nursery_lost(struct slot *slot)
{
	bool asked = slot->cell_asked;

	slot->cell_asked = false;
	/* Every report of a cell was heard before its nursery counts as lost. */
	if (slot->state == SLOT_BUILDING && (asked || !slot->cell_ready))
		slot_birth_failed(slot, "the nursery ended before the cell was built");
	else
		slot_empty_when_quiet(slot);
}

void slot_template_lost(struct slot *slot)
{
	if (!slot->birth_asked)
		return;
	slot->birth_asked = false;
	/* What the template could not tell, the newborn wrote down; no program has run yet. */
	slot->worker_pid = __atomic_load_n(&slot->channel->birth.pid, __ATOMIC_ACQUIRE);
	if (slot->state != SLOT_BEARING)
		slot_late_arrival(slot);
	else if (slot->worker_ready)
		slot_idle_when_ready(slot);
	else
		slot_birth_failed(slot, "the template ended in the middle of a birth");
}
