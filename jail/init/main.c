// SPDX-License-Identifier: Apache-2.0
/*
 * jail/init/main.c: the nursery: receives requests for cells, one at a time, until the daemon goes.
 *
 *	corral-init UID_FIRST UID_COUNT
 *
 * It inherits its socket and the v2 cgroup directory at the fixed numbers of jail/cell.h. It runs
 * as root with the host's privileges and never runs foreign code; everything it does after start
 * is clone3. A failed start is told on stderr and by exit code 1, a failed cell by its reply.
 */
#include "base/own.h"
#include "jail/init/init.h"
#include "ring/message.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static void cell_reply(const struct cell_request *request, int pid)
{
	struct cell_reply reply = {
		.version = CELL_VERSION,
		.kind = CELL_CLONED,
		.slot = request->slot,
		.generation = request->generation,
		.pid = pid < 0 ? 0 : pid,
		.error = pid < 0 ? pid : 0,
		.step = pid < 0 ? CELL_STEP_CLONE : CELL_STEP_NONE,
	};

	message_send(CELL_FD_SOCKET, &reply, sizeof(reply), NULL, 0);
}

static int nursery_serve(void)
{
	for (;;) {
		struct cell_request request;
		AUTO_FD network_fd = -1;
		unsigned fd_count;
		int n = message_receive(
			CELL_FD_SOCKET, &request, sizeof(request), &network_fd, 1, &fd_count);

		if (n == 0)
			return 0;
		if (n != sizeof(request) || request.version != CELL_VERSION)
			return 1;
		cell_reply(&request, cell_clone(&request, network_fd));
	}
}

int main(int argc, char **argv)
{
	const char *path = "";
	int result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc != 3) {
		fprintf(stderr, "corral-init is started by corral, not by hand\n");
		return 1;
	}
	/* Cells inherit it; each worker has one of its own. */
	if (unshare(CLONE_NEWIPC) < 0) {
		fprintf(stderr, "corral-init: cannot leave the host's ipc namespace: %s\n",
			strerror(errno));
		return 1;
	}
	result = view_build(
		(uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10), &path);
	if (result < 0) {
		fprintf(stderr, "corral-init: cannot build the file view at %s: %s\n", path,
			strerror(-result));
		return 1;
	}
	return nursery_serve();
}
