// SPDX-License-Identifier: Apache-2.0
/*
 * base/own.h: ownership that a reader can see in the type.
 *
 * A local declared AUTO_FD or AUTO_FREE is released when its scope ends, on every path. To hand
 * the thing to someone else, take it: `*ret_fd = fd_take(&fd)`. A descriptor that is not there
 * is -1, never 0.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define AUTO_FD __attribute__((cleanup(fd_cleanup))) int
#define AUTO_FREE __attribute__((cleanup(memory_cleanup)))

/* Closes *fd unless it is negative, and leaves -1 there. Errno is kept. */
void fd_close(int *fd);

/* The descriptor, whose owner is now the caller; the variable is left at -1. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void fd_cleanup(int *fd)
{
	fd_close(fd);
}

static inline void memory_cleanup(void *pointer)
{
	free(*(void **)pointer);
}
