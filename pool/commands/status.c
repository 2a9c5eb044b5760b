// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/status.c: corral status: what the daemon says of its pool, as a table for people.
 *
 * A field that this version does not find is shown as "?", never as 0: a daemon of another version
 * may call it otherwise.
 */
#include "base/clock.h"
#include "base/own.h"
#include "pool/commands/client.h"
#include "pool/commands/command.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#define OPTION_SOCKET 0x2000
#define ANSWER_NSEC_MAX (10 * NSEC_PER_SEC)

struct status_options {
	const char *socket;
	bool json;
};

static error_t status_option(int key, char *argument, struct argp_state *state)
{
	struct status_options *options = state->input;

	switch (key) {
	case OPTION_SOCKET:
		options->socket = argument;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option status_options[] = {
	{ "json", 'j', 0, 0, "Print the daemon's answer as it comes", 1 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
		"The daemon's socket ($CORRAL_SOCKET, else " CLIENT_SOCKET_STANDARD ")", 1 },
	{ 0 },
};

static const struct argp status_argp = {
	.options = status_options,
	.parser = status_option,
	.doc = "Shows what the daemon (corral serve) is doing. Exit code: 0 it answers, 125 it "
	       "does not, 2 the command line is wrong.",
};

/* --- The table ------------------------------------------------------------------------------- */

struct figure {
	char text[24];
};

static struct figure figure(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	struct figure figure = { "?" };

	if (cJSON_IsNumber(item))
		snprintf(figure.text, sizeof(figure.text), "%.0f", item->valuedouble);
	return figure;
}

static const char *word(const cJSON *item)
{
	return cJSON_IsString(item) ? item->valuestring : "?";
}

#define FIGURE(object, name) figure(object, name).text

static void workers_print(const cJSON *pool)
{
	const cJSON *runtime;

	cJSON_ArrayForEach(runtime, cJSON_GetObjectItemCaseSensitive(pool, "templates"))
		printf("workers     %s %s: %s idle, %s busy, %s resetting, %s dead\n",
			FIGURE(runtime, "total"), runtime->string ? runtime->string : "?",
			FIGURE(runtime, "idle"), FIGURE(runtime, "busy"),
			FIGURE(runtime, "resetting"), FIGURE(runtime, "dead"));
}

static void layers_print(const cJSON *pool)
{
	const cJSON *layer;
	const char *title = "layers";

	cJSON_ArrayForEach(layer, cJSON_GetObjectItemCaseSensitive(pool, "layers")) {
		printf("%-11s %-12s %s\n", title, layer->string ? layer->string : "?", word(layer));
		title = "";
	}
}

static void pool_print(const cJSON *pool, const char *socket)
{
	const cJSON *failure = cJSON_GetObjectItemCaseSensitive(pool, "last_failure");

	printf("daemon      corral %s on %s, %s shards\n",
		word(cJSON_GetObjectItemCaseSensitive(pool, "version")), socket,
		FIGURE(pool, "shards"));
	workers_print(pool);
	printf("queue       %s waiting\n", FIGURE(pool, "queued"));
	printf("executions  %s\n", FIGURE(pool, "executions"));
	printf("births      %s workers, %s cells\n", FIGURE(pool, "births"), FIGURE(pool, "cells"));
	printf("failures    %s births, %s restarts of a template, %s slots quarantined\n",
		FIGURE(pool, "birth_failures"), FIGURE(pool, "template_restarts"),
		FIGURE(pool, "quarantined"));
	if (failure)
		printf("            last: %s\n", word(failure));
	layers_print(pool);
}

static int status_tell(const char *body, size_t size, const struct status_options *options,
	const char *socket, struct error *error)
{
	cJSON *pool = cJSON_ParseWithLength(body, size);

	if (!cJSON_IsObject(pool)) {
		cJSON_Delete(pool);
		return error_set(error, -EBADMSG,
			"cannot read the daemon's answer: it is no JSON object");
	}
	if (options->json)
		printf("%s\n", body);
	else
		pool_print(pool, socket);
	cJSON_Delete(pool);
	if (fflush(stdout) != 0)
		return error_set(error, -errno, "cannot write: %s", error_text(errno));
	return 0;
}

int command_status(int argc, char **argv)
{
	struct status_options options = { .socket = NULL };
	struct error error = { .sentence = "" };
	AUTO_FREE char *body = NULL;
	size_t size;
	int result;

	argp_parse(&status_argp, argc, argv, 0, NULL, &options);
	const struct client_request request = {
		.socket_path = client_socket_path(options.socket),
		.method = "GET",
		.target = "/v1/pool",
		.answer_nsec_max = ANSWER_NSEC_MAX,
	};

	result = client_ask(&request, &body, &size, &error);
	if (result == 0)
		result = status_tell(body, size, &options, request.socket_path, &error);
	return result < 0 ? command_failed("status", error.sentence) : 0;
}
