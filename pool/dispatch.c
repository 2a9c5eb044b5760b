// SPDX-License-Identifier: Apache-2.0
/*
 * pool/dispatch.c: an execution on its way to its worker: limits, the mailbox, the letter.
 *
 * A worker that was rewound has most of it already, and gets only what differs.
 */
#include "base/fault.h"
#include "base/own.h"
#include "pool/pool_private.h"
#include "ring/message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/syscall.h>

size_t execution_mail_bytes(const struct execution *execution)
{
	return execution->code_bytes + execution->environment_bytes + execution->arguments_bytes +
	       (execution->directory ? strlen(execution->directory) + 1 : 0);
}

/* Resizes the cell's tmpfs from outside: fspick(2), Linux 5.2. */
static int files_resize(const struct slot *slot, uint64_t bytes)
{
	char path[48], size[24], inodes[24];

	snprintf(path, sizeof(path), "/proc/%d/root/workspace", (int)slot->init_pid);
	snprintf(size, sizeof(size), "%" PRIu64, bytes);
	snprintf(inodes, sizeof(inodes), "%" PRIu64, slot_files_inodes(bytes));
	AUTO_FD fs = fspick(AT_FDCWD, path, FSPICK_CLOEXEC);

	if (fault("dispatch.files"))
		return -ENOMEM;
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return -errno;
	return 0;
}

/* Only what differs from what stands around the worker is written. */
int slot_limits_apply(struct slot *slot, const struct limits *limits)
{
	struct cgroup_limits group = {
		.memory_bytes = limits->values[LIMIT_MEMORY],
		.pids = limits->values[LIMIT_PIDS],
	};
	int result = cgroups_slot_prepare(slot->shard->pool->cgroups, slot->number, &group);

	if (result == 0 && slot->files_bytes != limits->values[LIMIT_FILES]) {
		result = files_resize(slot, limits->values[LIMIT_FILES]);
		if (result == 0)
			slot->files_bytes = limits->values[LIMIT_FILES];
	}
	return result;
}

static void mailbox_fill(struct slot *slot, const struct execution *execution)
{
	struct mailbox *mailbox = &slot->channel->mailbox;
	uint8_t *place = channel_mailbox_bytes(slot->channel);
	size_t bytes = execution_mail_bytes(execution);

	if (bytes > slot->mailbox_bytes) {
		slot->mailbox_bytes = bytes;
		slot->channel_pages.known = false;
	}
	memcpy(place, execution->code, execution->code_bytes);
	place += execution->code_bytes;
	if (execution->environment_bytes)
		memcpy(place, execution->environment, execution->environment_bytes);
	place += execution->environment_bytes;
	if (execution->arguments_bytes)
		memcpy(place, execution->arguments, execution->arguments_bytes);
	place += execution->arguments_bytes;
	mailbox->directory_bytes = 0;
	if (execution->directory) {
		mailbox->directory_bytes = (uint32_t)strlen(execution->directory) + 1;
		memcpy(place, execution->directory, mailbox->directory_bytes);
	}
	mailbox->code_bytes = (uint32_t)execution->code_bytes;
	mailbox->environment_bytes = (uint32_t)execution->environment_bytes;
	mailbox->arguments_bytes = (uint32_t)execution->arguments_bytes;
	mailbox->flags = execution->want_result ? MAILBOX_WANT_RESULT : 0;
	if (getrandom(mailbox->seed, sizeof(mailbox->seed), 0) != sizeof(mailbox->seed))
		memset(mailbox->seed, 0, sizeof(mailbox->seed));
	output_want_wake(&slot->reader, execution->stream);
}

/* Fresh pipes for each worker: a used one could carry flags, a size or bytes of another's. */
static int pipe_open(struct slot *slot, unsigned which, int *ret_theirs)
{
	int ends[2];

	if (fault("dispatch.pipe"))
		return -EMFILE;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	slot->pipes[which].fd = ends[0];
	*ret_theirs = ends[1];
	/* Of the read end alone: the flag belongs to the open file, and theirs must block. */
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* A rewound worker has its pipes, as they were, and is in its memory group. */
static int letter_send(struct slot *slot, const struct execution *execution)
{
	struct dispatch dispatch = {
		.version = CELL_VERSION,
		.stdin_given = execution->stdin_fd >= 0,
		.streams_kept = slot->rewound,
		.files_given = execution->files_fd >= 0,
	};
	int fds[MESSAGE_FDS_MAX], result = -ENOENT;
	unsigned count = 0;
	AUTO_FD memory = -1;
	AUTO_FD out = -1;
	AUTO_FD err = -1;

	if (!slot->rewound)
		result = cgroups_slot_memory_tasks(
			slot->shard->pool->cgroups, slot->number, &memory);
	if (result < 0 && result != -ENOENT)
		return result;
	if (dispatch.stdin_given)
		fds[count++] = execution->stdin_fd;
	if (!slot->rewound) {
		result = pipe_open(slot, 0, &out);
		if (result == 0)
			result = pipe_open(slot, 1, &err);
		if (result < 0)
			return result;
		fds[count++] = out;
		fds[count++] = err;
	}
	dispatch.memory_given = memory >= 0;
	if (memory >= 0)
		fds[count++] = memory;
	if (dispatch.files_given)
		fds[count++] = execution->files_fd;
	slot_rlimits_give(slot, &execution->limits, &dispatch);
	return message_send(slot->control_fd, &dispatch, sizeof(dispatch), fds, count);
}

int slot_dispatch(struct slot *slot, const struct execution *execution)
{
	mailbox_fill(slot, execution);
	return letter_send(slot, execution);
}
