// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/notify.c: sd_notify's protocol is a datagram of "KEY=VALUE" lines: no library
 * is needed.
 */
#include "pool/commands/notify.h"

#include "base/clock.h"
#include "base/own.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = path ? strlen(path) : 0;

	if (size < 2 || size >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0';

	AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
			(struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
}

void notify_status(const char *sentence)
{
	char state[640];

	snprintf(state, sizeof(state), "STATUS=%s", sentence);
	notify_send(state);
}

void notify_reloading(void)
{
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		clock_now_nsec() / NSEC_PER_USEC);
	notify_send(state);
}
