// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/drain.c: corral drain: ends the daemon as SIGTERM does, from anywhere that its
 * socket can be reached.
 *
 * A draining daemon takes no more questions, so it says once what keeps it, and then its process is
 * watched (pidfd), which tells the end the moment it comes.
 */
#include "base/clock.h"
#include "base/own.h"
#include "base/quantity.h"
#include "pool/commands/client.h"
#include "pool/commands/command.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OPTION_SOCKET 0x2000
#define EXIT_STILL_THERE 124
#define ANSWER_NSEC_MAX (10 * NSEC_PER_SEC)
#define STOP_NSEC_MAX (30 * NSEC_PER_SEC) /* from the end of a drain to that of the process */

struct drain_options {
	const char *socket, *timeout;
	bool wait;
};

static error_t drain_option(int key, char *argument, struct argp_state *state)
{
	struct drain_options *options = state->input;
	uint64_t nsec;

	switch (key) {
	case OPTION_SOCKET:
		options->socket = argument;
		return 0;
	case 't':
		if (quantity_parse_duration(argument, &nsec) < 0 || nsec > 3600 * NSEC_PER_SEC)
			argp_error(state,
				"--timeout cannot be '%s': give a duration such as 30s, at most 1h",
				argument);
		options->timeout = argument;
		return 0;
	case 'w':
		options->wait = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option drain_options[] = {
	{ "socket", OPTION_SOCKET, "PATH", 0,
		"The daemon's socket ($CORRAL_SOCKET, else " CLIENT_SOCKET_STANDARD ")", 1 },
	{ "timeout", 't', "TIME", 0,
		"Cancel what still runs after TIME (the daemon's drain_timeout)", 1 },
	{ "wait", 'w', 0, 0, "End when the daemon is gone", 1 },
	{ 0 },
};

static const struct argp drain_argp = {
	.options = drain_options,
	.parser = drain_option,
	.doc = "Tells the daemon (corral serve) to accept nobody any more, to answer what runs, "
	       "and to end. Exit code: 0 it drains, or with --wait it has ended; 124 with --wait: "
	       "it is still there 30 s after its time; 125 it cannot be asked or refused; 2 the "
	       "command line is wrong.",
};

/* What the daemon said. */
struct daemon {
	pid_t pid;
	uint64_t pid_namespace;
	uint64_t timeout_nsec;
	unsigned busy, queued;
};

static double number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) && item->valuedouble > 0 ? item->valuedouble : 0;
}

static int answer_read(const char *body, size_t size, struct daemon *ret_daemon,
	struct error *error)
{
	cJSON *object = cJSON_ParseWithLength(body, size);
	double pid = number(object, "pid");

	*ret_daemon = (struct daemon){
		.pid = pid < INT_MAX ? (pid_t)pid : 0,
		.pid_namespace = (uint64_t)number(object, "pid_namespace"),
		.busy = (unsigned)number(object, "busy"),
		.queued = (unsigned)number(object, "queued"),
	};
	int result = quantity_from_seconds(number(object, "timeout"), &ret_daemon->timeout_nsec);

	cJSON_Delete(object);
	if (result < 0 || ret_daemon->pid <= 0)
		return error_set(error, -EBADMSG,
			"the daemon's answer does not say who it is and how long it drains");
	return 0;
}

/* Its end. 0, -ETIMEDOUT, or another negative errno; with the sentence. */
static int end_await(const struct daemon *daemon, struct error *error)
{
	uint64_t due = clock_now_nsec() + daemon->timeout_nsec + STOP_NSEC_MAX;
	struct stat own;

	if (stat("/proc/self/ns/pid", &own) < 0 || own.st_ino != daemon->pid_namespace)
		return error_set(error, -EXDEV, "the daemon drains, but runs in another pid"
			" namespace, where its end cannot be seen from here");
	AUTO_FD pidfd = (int)syscall(SYS_pidfd_open, daemon->pid, 0);

	if (pidfd < 0 && errno == ESRCH)
		return 0;
	if (pidfd < 0)
		return error_set(error, -errno, "cannot watch the daemon, process %d: %s",
			daemon->pid, error_text(errno));
	for (uint64_t now = clock_now_nsec(); now < due; now = clock_now_nsec()) {
		struct pollfd ended = { .fd = pidfd, .events = POLLIN };
		uint64_t left = (due - now) / NSEC_PER_MSEC + 1;

		if (poll(&ended, 1, left < INT_MAX ? (int)left : INT_MAX) == 1)
			return 0;
	}
	return error_set(error, -ETIMEDOUT, "the daemon, process %d, is still there; its log says"
		" what it waits for", daemon->pid);
}

static int drain_ask(const struct drain_options *options, struct daemon *ret_daemon,
	struct error *error)
{
	char body_text[96];
	AUTO_FREE char *body = NULL;
	size_t size;
	struct client_request request = {
		.socket_path = client_socket_path(options->socket),
		.method = "POST",
		.target = "/v1/drain",
		.answer_nsec_max = ANSWER_NSEC_MAX,
	};
	int result;

	if (options->timeout) {
		request.body = body_text;
		request.body_bytes = (size_t)snprintf(body_text, sizeof(body_text),
			"{\"timeout\":\"%.64s\"}", options->timeout);
	}
	result = client_ask(&request, &body, &size, error);
	return result < 0 ? result : answer_read(body, size, ret_daemon, error);
}

int command_drain(int argc, char **argv)
{
	struct drain_options options = { .socket = NULL };
	struct error error = { .sentence = "" };
	struct daemon daemon;
	char time[32];
	int result;

	argp_parse(&drain_argp, argc, argv, 0, NULL, &options);
	result = drain_ask(&options, &daemon, &error);
	if (result < 0)
		return command_failed("drain", error.sentence);
	printf("draining: %u executions run, %u wait; what still runs after %s is cancelled\n",
		daemon.busy, daemon.queued,
		quantity_print_duration(daemon.timeout_nsec, time, sizeof(time)));
	fflush(stdout);
	if (!options.wait)
		return 0;
	result = end_await(&daemon, &error);
	if (result < 0) {
		command_failed("drain", error.sentence);
		return result == -ETIMEDOUT ? EXIT_STILL_THERE : EXIT_OURS;
	}
	printf("the daemon has ended\n");
	return 0;
}
