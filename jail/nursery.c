// SPDX-License-Identifier: Apache-2.0
/*
 * jail/nursery.c: starts corral-init and carries its letters.
 */
#include "jail/nursery.h"

#include "base/own.h"
#include "jail/spawn.h"
#include "ring/message.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

void nursery_init(struct nursery *nursery, const struct nursery_config *config)
{
	*nursery = (struct nursery){ .config = *config, .socket = -1 };
}

static void receive_arm(struct nursery *nursery)
{
	nursery->receiving = loop_recv(nursery->config.loop, nursery->config.receive_type, nursery,
				     nursery->socket, &nursery->reply, sizeof(nursery->reply)) != 0;
}

int nursery_start(struct nursery *nursery, struct error *error)
{
	const struct nursery_config *config = &nursery->config;
	char uid_first[16], uid_count[16];
	char *arguments[] = { (char *)"corral-init", uid_first, uid_count, NULL };
	char *environment[] = { NULL };
	int sockets[2];
	int result = message_pair(sockets);

	if (result < 0)
		return error_set(error, result, "cannot start the nursery: no socket: %s",
			error_text(result));

	AUTO_FD ours = sockets[0], theirs = sockets[1];
	struct spawn_plan plan = {
		.path = config->program,
		.arguments = arguments,
		.environment = environment,
		.fds = { theirs, config->entrance.unified },
		.fd_count = 2,
		.cpu = config->cpu,
	};

	snprintf(uid_first, sizeof(uid_first), "%u", config->uid_first);
	snprintf(uid_count, sizeof(uid_count), "%u", config->uid_count);
	result = spawn_program(&plan, &nursery->pid, error);
	if (result < 0)
		return result;
	nursery->socket = fd_take(&ours);
	nursery->exiting = loop_wait_child(config->loop, config->exit_type, nursery, nursery->pid,
				   &nursery->exit_info) != 0;
	receive_arm(nursery);
	return 0;
}

int nursery_request(struct nursery *nursery, const struct cell_request *request, int network_fd)
{
	if (!nursery->pid)
		return -EPIPE;
	return message_send(
		nursery->socket, request, sizeof(*request), &network_fd, network_fd >= 0 ? 1 : 0);
}

void nursery_stop(struct nursery *nursery)
{
	if (nursery->pid)
		shutdown(nursery->socket, SHUT_WR);
}

static void lost_when_quiet(struct nursery *nursery)
{
	if (nursery->receiving || nursery->exiting)
		return;
	fd_close(&nursery->socket);
	nursery->pid = 0;
	nursery->config.lost(nursery->config.owner);
}

void nursery_received(void *owner, int32_t result)
{
	struct nursery *nursery = owner;

	nursery->receiving = false;
	if (result == sizeof(nursery->reply) && nursery->reply.version == CELL_VERSION) {
		nursery->config.replied(nursery->config.owner, &nursery->reply);
		receive_arm(nursery);
		return;
	}
	/*
	 * End of the stream, an error, or another program's letters: nothing more can be expected.
	 */
	if (nursery->exiting)
		kill(nursery->pid, SIGKILL);
	lost_when_quiet(nursery);
}

void nursery_exited(void *owner, int32_t result)
{
	struct nursery *nursery = owner;

	nursery->exiting = false;
	/* Cells that have not yet reported hold the socket too: do not wait for its end. */
	lost_when_quiet(nursery);
}
