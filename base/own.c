// SPDX-License-Identifier: Apache-2.0
/*
 * base/own.c: the one place that closes a descriptor it may not have.
 */
#include "base/own.h"

#include <errno.h>

void fd_close(int *fd)
{
	int saved = errno;

	/* close(2): never retried after EINTR, Linux has released the descriptor by then. */
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}
