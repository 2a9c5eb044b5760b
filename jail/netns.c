// SPDX-License-Identifier: Apache-2.0
/*
 * jail/netns.c: a stack of descriptors, and a look into each before it is handed on.
 */
#include "jail/netns.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int netns_pool_init(struct netns_pool *pool, unsigned max)
{
	pool->fds = fault("netns.memory") ? NULL : calloc(max, sizeof(*pool->fds));
	pool->count = 0;
	pool->max = max;
	pool->own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (pool->own < 0)
		return -errno;
	return pool->fds || !max ? 0 : -ENOMEM;
}

void netns_pool_fini(struct netns_pool *pool)
{
	while (pool->count)
		fd_close(&pool->fds[--pool->count]);
	free(pool->fds);
	pool->fds = NULL;
	fd_close(&pool->own);
}

int netns_take(struct netns_pool *pool)
{
	return pool->count ? pool->fds[--pool->count] : -1;
}

/* Sockets of every family, in flight or not: the first line of sockstat. */
static bool is_empty_here(void)
{
	char text[64];

	return file_read(AT_FDCWD, "/proc/thread-self/net/sockstat", text, sizeof(text)) > 0 &&
		strncmp(text, "sockets: used 0\n", 16) == 0;
}

/* What cannot be found out counts as not empty. */
static bool netns_is_empty(const struct netns_pool *pool, int fd)
{
	bool is_empty;

	if (setns(fd, CLONE_NEWNET) < 0)
		return false;
	is_empty = is_empty_here();
	/* The way back cannot be refused to who was let out; in the wrong place nothing may go on.
	 */
	if (setns(pool->own, CLONE_NEWNET) < 0)
		abort();
	return is_empty;
}

void netns_give(struct netns_pool *pool, int fd)
{
	if (fd >= 0 && pool->count < pool->max && netns_is_empty(pool, fd))
		pool->fds[pool->count++] = fd;
	else
		fd_close(&fd);
}

bool netns_of_is_empty(const struct netns_pool *pool, pid_t pid)
{
	AUTO_FD fd = netns_of(pid);

	return fd >= 0 && netns_is_empty(pool, fd);
}

int netns_of(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}
