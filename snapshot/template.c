// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/template.c: starts a template, asks it for workers, and mends it.
 */
#include "snapshot/template.h"

#include "base/clock.h"
#include "base/own.h"
#include "jail/spawn.h"
#include "ring/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* What every program in a cell finds in its environment; requests add to it. */
static char *const template_environment[] = {
	(char *)"PATH=/usr/local/bin:/usr/bin:/bin",
	(char *)"HOME=/workspace",
	(char *)"USER=corral",
	(char *)"LOGNAME=corral",
	(char *)"SHELL=/bin/bash",
	(char *)"LANG=C.UTF-8",
	/* One thread: a pool of them would not survive the fork, and a CPU is all a worker has. */
	(char *)"OPENBLAS_NUM_THREADS=1",
	(char *)"OMP_NUM_THREADS=1",
	NULL,
};

static void watch_fired(void *owner);
static void template_kill(struct template *template);

void template_init(struct template *template, const struct template_config *config)
{
	*template = (struct template){ .config = *config, .socket = -1 };
	loop_timer_init(&template->watch, watch_fired, template);
	template->pause_nsec = TEMPLATE_PAUSE_NSEC_MIN;
}

static void watch_arm(struct template *template, uint64_t nsec)
{
	loop_timer_arm(template->config.loop, &template->watch, clock_now_nsec() + nsec);
}

static void receive_arm(struct template *template)
{
	template->receiving =
		loop_recv(template->config.loop, template->config.receive_type, template,
			template->socket, &template->reply, sizeof(template->reply)) != 0;
}

int template_start(struct template *template, struct error *error)
{
	const struct template_config *config = &template->config;
	char *arguments[] = { (char *)config->program,
		(char *)(config->imports ? config->imports : ""), NULL };
	int sockets[2];
	int result = message_pair(sockets);

	assert(template->state == TEMPLATE_DOWN);
	if (result < 0)
		return error_set(error, result, "cannot start a template: no socket: %s",
			error_text(result));

	AUTO_FD ours = sockets[0], theirs = sockets[1];
	struct spawn_plan plan = {
		.path = config->program,
		.arguments = arguments,
		.environment = template_environment,
		.fds = { theirs, config->entrance.unified, config->entrance.memory_v1,
			config->entrance.pids_v1, config->entrance.cpu_v1 },
		.fd_count = 5,
		.cpu = config->cpu,
	};

	result = spawn_program(&plan, &template->pid, error);
	if (result < 0)
		return result;
	template->state = TEMPLATE_WARMING;
	template->socket = fd_take(&ours);
	template->unanswered = 0;
	template->sentence[0] = '\0';
	template->exiting = loop_wait_child(config->loop, config->exit_type, template,
				    template->pid, &template->exit_info) != 0;
	receive_arm(template);
	watch_arm(template, TEMPLATE_WARM_NSEC_MAX);
	return 0;
}

int template_bear(struct template *template, const struct birth_letter *letter, int control_fd,
	int channel_fd)
{
	const int fds[] = { control_fd, channel_fd };
	int result;

	if (template->state != TEMPLATE_READY)
		return -EAGAIN;
	result = message_send(template->socket, letter, sizeof(*letter), fds, 2);
	if (result == 0 && template->unanswered++ == 0)
		watch_arm(template, TEMPLATE_BIRTH_NSEC_MAX);
	return result;
}

static void template_kill(struct template *template)
{
	if (template->pid)
		kill(template->pid, SIGKILL);
}

void template_stop(struct template *template)
{
	template->stopping = true;
	if (!template->pid) {
		loop_timer_disarm(template->config.loop, &template->watch);
		return;
	}
	/* While it warms it does not listen; nothing is lost by a kill. */
	if (template->state == TEMPLATE_WARMING)
		template_kill(template);
	shutdown(template->socket, SHUT_WR);
	watch_arm(template, TEMPLATE_STOP_NSEC_MAX);
}

bool template_is_gone(const struct template *template)
{
	return !template->pid && !template->watch.place;
}

static void watch_fired(void *owner)
{
	struct template *template = owner;
	struct error error;

	if (template->state != TEMPLATE_DOWN) {
		snprintf(template->sentence, sizeof(template->sentence), "it did not %s in time",
			template->state == TEMPLATE_WARMING ? "get warm"
							    : "answer a request to fork");
		template_kill(template);
		return;
	}
	template->restarts++;
	if (template_start(template, &error) < 0) {
		template->config.lost(template, error.sentence);
		watch_arm(template, template->pause_nsec);
	}
}

static void down_when_quiet(struct template *template)
{
	if (template->receiving || template->exiting)
		return;
	if (!template->sentence[0])
		snprintf(template->sentence, sizeof(template->sentence), "it ended with %s %d",
			template->exit_info.si_code == CLD_EXITED ? "exit code" : "signal",
			template->exit_info.si_status);
	fd_close(&template->socket);
	template->pid = 0;
	template->state = TEMPLATE_DOWN;
	template->unanswered = 0;
	loop_timer_disarm(template->config.loop, &template->watch);
	template->config.lost(template, template->sentence);
	if (template->stopping)
		return;
	watch_arm(template, template->pause_nsec);
	template->pause_nsec *= 2;
	if (template->pause_nsec > TEMPLATE_PAUSE_NSEC_MAX)
		template->pause_nsec = TEMPLATE_PAUSE_NSEC_MAX;
}

static void reply_handle(struct template *template)
{
	const struct birth_reply *reply = &template->reply;

	if (reply->kind == BIRTH_TEMPLATE_READY && !template->stopping) {
		loop_timer_disarm(template->config.loop, &template->watch);
		if (reply->error < 0) {
			snprintf(template->sentence, sizeof(template->sentence), "%.*s",
				(int)sizeof(reply->sentence), reply->sentence);
			return;
		}
		template->state = TEMPLATE_READY;
		template->config.ready(template);
		return;
	}
	if (template->unanswered && --template->unanswered == 0 && !template->stopping)
		loop_timer_disarm(template->config.loop, &template->watch);
	else if (!template->stopping)
		watch_arm(template, TEMPLATE_BIRTH_NSEC_MAX);
	/* A birth that worked ends the doubling. */
	if (reply->error == 0)
		template->pause_nsec = TEMPLATE_PAUSE_NSEC_MIN;
	template->config.born(template, reply);
}

void template_received(void *owner, int32_t result)
{
	struct template *template = owner;

	template->receiving = false;
	if (result == sizeof(template->reply) && template->reply.version == CELL_VERSION) {
		reply_handle(template);
		receive_arm(template);
		return;
	}
	template_kill(template);
	down_when_quiet(template);
}

void template_exited(void *owner, int32_t result)
{
	struct template *template = owner;

	template->exiting = false;
	/* A newborn on its way into a cell may hold the socket still: its end follows. */
	down_when_quiet(template);
}
