// SPDX-License-Identifier: Apache-2.0
/*
 * pool/stray.c: children of a shard that nobody could tell it of.
 *
 * The nursery and the template clone processes that are the shard's children. One that is killed
 * between the clone and its letter leaves a child whose pid we never hear: a cell that lives on, or
 * a newborn that dies and is not reaped, which its cell's PID 1 waits for in turn
 * (pid_namespaces(7)). So when either is gone, the children of this thread that no slot knows are
 * looked up, killed and waited for. The other may be in the middle of a birth at that moment; whose
 * child it is tells its number in its own pid namespace.
 */
#include "base/file.h"
#include "pool/pool_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHILDREN_BYTES_MAX (512u * 1024u) /* two processes a worker, at most eight bytes a number */

static bool is_known(const struct shard *shard, pid_t pid)
{
	if (pid == shard->nursery.pid || pid == shard->templates[0].pid ||
	    pid == shard->templates[1].pid)
		return true;
	for (unsigned i = 0; i < shard->slot_count; i++) {
		const struct slot *slot = &shard->slots[i];

		if ((pid == slot->init_pid && !slot->init_reaped) ||
		    (pid == slot->worker_pid && !slot->worker_reaped))
			return true;
	}
	return false;
}

/* "NSpid:\t9162\t1": from our pid namespace to its own. Zombies have it too. */
static bool is_cell_init(pid_t pid)
{
	char path[32], text[4096], *line, *end, *last;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "\nNSpid:");
	if (!line || !(end = strchr(line + 1, '\n')))
		return false;
	*end = '\0';
	last = strrchr(line, '\t');
	return last && strcmp(last, "\t1") == 0;
}

void strays_end(struct shard *shard, bool cells)
{
	char *text = malloc(CHILDREN_BYTES_MAX), *next = text;

	/* CONFIG_PROC_CHILDREN, in every Debian kernel; without it their slots stay quarantined. */
	if (!text ||
		file_read(AT_FDCWD, "/proc/thread-self/children", text, CHILDREN_BYTES_MAX) < 0)
		goto out;
	for (pid_t pid; (pid = (pid_t)strtol(next, &next, 10)) > 0;) {
		if (is_known(shard, pid) || is_cell_init(pid) != cells)
			continue;
		kill(pid, SIGKILL);
		loop_wait_child(shard->loop, OP_STRAY_EXIT, shard, pid, &shard->stray_exit);
	}
out:
	free(text);
}

void stray_exited(void *owner, int32_t result)
{
	/* Its slot looks at its group by itself; only a shard that stops waits for this. */
	shard_births_go_on(owner);
}
