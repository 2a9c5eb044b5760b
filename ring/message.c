// SPDX-License-Identifier: Apache-2.0
/*
 * ring/message.c: sendmsg and recvmsg, with the care that descriptors in flight need.
 */
#include "ring/message.h"

#include "base/fault.h"
#include "base/own.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
};

int message_pair(int ret_sockets[2])
{
	if (fault("message.pair"))
		return -EMFILE;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_sockets) < 0 ? -errno : 0;
}

int message_send(int socket, const void *bytes, size_t size, const int *fds, unsigned fd_count)
{
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	assert(fd_count <= MESSAGE_FDS_MAX);
	if (fault("message.send"))
		return -ENOBUFS;
	if (fd_count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		memset(control.bytes, 0, sizeof(control.bytes));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static unsigned fds_collect(
	struct msghdr *message, int *ret_fds, unsigned fds_max, unsigned *ret_extra)
{
	unsigned count = 0;

	*ret_extra = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (count < fds_max) {
				ret_fds[count++] = fd;
			} else {
				fd_close(&fd);
				++*ret_extra;
			}
		}
	}
	return count;
}

int message_receive(int socket, void *bytes, size_t size, int *ret_fds, unsigned fds_max,
	unsigned *ret_fd_count)
{
	struct iovec part = { .iov_base = bytes, .iov_len = size };
	union control control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	unsigned count, extra;
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	count = fds_collect(&message, ret_fds, fds_max, &extra);
	if (extra || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (unsigned i = 0; i < count; i++)
			fd_close(&ret_fds[i]);
		*ret_fd_count = 0;
		return -EMSGSIZE;
	}
	*ret_fd_count = count;
	return (int)n;
}
