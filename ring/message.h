// SPDX-License-Identifier: Apache-2.0
/*
 * ring/message.h: one datagram with descriptors, between processes of ours.
 *
 * Over AF_UNIX SOCK_SEQPACKET: a message arrives whole or not at all. Descriptors travel as
 * SCM_RIGHTS (unix(7)) and arrive with close-on-exec set.
 */
#pragma once

#include <stddef.h>

#define MESSAGE_FDS_MAX 5u

/* A connected pair, close-on-exec. 0 or a negative errno; the caller owns both. */
int message_pair(int ret_sockets[2]);

/*
 * Sends without waiting. 0, -EAGAIN when the peer's queue is full, -EPIPE when it is gone, or
 * another negative errno. The descriptors stay the caller's.
 */
int message_send(int socket, const void *bytes, size_t size, const int *fds, unsigned fd_count);

/*
 * Waits for one message. Returns its size (0: the peer is gone) or a negative errno; -EMSGSIZE when
 * it was longer than `size` or carried more than `fds_max` descriptors, all of which are closed.
 */
int message_receive(int socket, void *bytes, size_t size, int *ret_fds, unsigned fds_max,
	unsigned *ret_fd_count);
