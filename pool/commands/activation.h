// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/activation.h: sockets that whoever started us has bound (sd_listen_fds(3)).
 */
#pragma once

#include "base/error.h"
#include "pool/http/server.h"

#define ACTIVATION_FD_FIRST 3

struct activation {
	struct server_given sockets[SERVER_GIVEN_MAX];
	unsigned count;
};

/*
 * Reads LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES and removes them from the environment: they are
 * for this process alone. `first` is the first descriptor: ACTIVATION_FD_FIRST. Each gets
 * close-on-exec and a name, "" where none is given; what it is, server_open() finds out. None where
 * the variables are not there or are meant for another process. 0; or a negative errno with the
 * sentence, and no descriptor was touched.
 */
int activation_take(int first, struct activation *ret_activation, struct error *error);
