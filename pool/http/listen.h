// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/listen.h: the sockets that the daemon listens on: bound here, or given.
 */
#pragma once

#include "base/error.h"
#include "pool/http/server.h"

#include <stdbool.h>

/*
 * Binds the path, mode 0660, and listens. A socket there that nobody serves any more is replaced;
 * any other file is not. 0 or a negative errno with the sentence.
 */
int listen_unix(const char *path, int *ret_fd, struct error *error);

/* The same of an address, called `text` in the sentence; *ret_port is the one that was bound. */
int listen_tcp(const struct sockaddr *address, socklen_t address_bytes, const char *text,
	int *ret_fd, unsigned *ret_port, struct error *error);

/*
 * Looks what a descriptor is: a listening stream socket, unix or TCP. 0, or -EINVAL, -EBADF with
 * the sentence. It stays the caller's either way.
 */
int listen_given(const struct server_given *given, bool *ret_is_tcp, unsigned *ret_port,
	struct error *error);

/*
 * Whether listen_unix() and listen_tcp() would do, as far as that can be asked without leaving
 * anything: what somebody else holds at this moment is no failure. 0 or as above.
 */
int listen_unix_check(const char *path, struct error *error);
int listen_tcp_check(const struct sockaddr *address, socklen_t address_bytes, const char *text,
	struct error *error);
