// SPDX-License-Identifier: Apache-2.0
/*
 * jail/netns.h: empty network namespaces, handed from dead cells to new ones.
 *
 * Making one costs 0.4 to 8 ms and 210 KiB of slab, joining one 8 us (measured). A dead cell's is
 * nearly always empty: nobody in it could have a socket other than AF_UNIX, and no capability
 * reached its configuration. But sockets that were sent to each other in a circle outlive their
 * processes until the kernel's collector runs, and their abstract names with them. So the kernel is
 * asked for the number of sockets (9 us), and a namespace that has one is let go.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct netns_pool {
	int own; /* the daemon's, to come back to */
	int *fds;
	unsigned count;
	unsigned max;
};

/* Room for `max` spare namespaces; each costs a descriptor while it is spare. 0 or -ENOMEM. */
int netns_pool_init(struct netns_pool *pool, unsigned max);
void netns_pool_fini(struct netns_pool *pool);

/* A spare one, now the caller's; -1: none, have the cell make its own. */
int netns_take(struct netns_pool *pool);

/*
 * Gives it (back) to the pool, which closes it when it is not empty, or the pool full. -1 is
 * accepted and ignored. The calling thread visits the namespace.
 */
void netns_give(struct netns_pool *pool, int fd);

/*
 * Whether no socket lives in the namespace of a living process. What cannot be found out counts as
 * one. The calling thread visits the namespace.
 */
bool netns_of_is_empty(const struct netns_pool *pool, pid_t pid);

/* The namespace of a living process, as a descriptor of the caller's; -1 when it cannot be had. */
int netns_of(pid_t pid);
