// SPDX-License-Identifier: Apache-2.0
/*
 * jail/netns.c: a stack of descriptors.
 */
#include "jail/netns.h"

#include "base/fault.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int netns_pool_init(struct netns_pool *pool, unsigned max)
{
	pool->fds = fault("netns.memory") ? NULL : calloc(max, sizeof(*pool->fds));
	pool->count = 0;
	pool->max = max;
	return pool->fds || !max ? 0 : -ENOMEM;
}

void netns_pool_fini(struct netns_pool *pool)
{
	while (pool->count)
		fd_close(&pool->fds[--pool->count]);
	free(pool->fds);
	pool->fds = NULL;
}

int netns_take(struct netns_pool *pool)
{
	return pool->count ? pool->fds[--pool->count] : -1;
}

void netns_give(struct netns_pool *pool, int fd)
{
	if (fd >= 0 && pool->count < pool->max)
		pool->fds[pool->count++] = fd;
	else
		fd_close(&fd);
}

int netns_of(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}
