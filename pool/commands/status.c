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
#include "pool/commands/status.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTION_SOCKET 0x2000
#define ANSWER_NSEC_MAX (10 * NSEC_PER_SEC)

#define SECONDS_STANDARD 2
#define SECONDS_MIN 0.05
#define SECONDS_MAX 3600

struct status_options {
	const char *socket;
	bool json;
	bool watch;
	double seconds; /* 0: not given */
};

static void seconds_read(struct status_options *options, struct argp_state *state, const char *text)
{
	char *end;

	options->seconds = strtod(text, &end);
	if (end == text || *end ||
		!(options->seconds >= SECONDS_MIN && options->seconds <= SECONDS_MAX))
		argp_error(state, "--watch cannot be '%s': give seconds from %g to %d", text,
			SECONDS_MIN, SECONDS_MAX);
}

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
	case 'w':
		options->watch = true;
		if (argument)
			seconds_read(options, state, argument);
		return 0;
	case ARGP_KEY_ARG:
		/* "--watch 5": getopt(3) joins an argument that may be left out only by '='. */
		if (!options->watch || options->seconds > 0)
			return ARGP_ERR_UNKNOWN;
		seconds_read(options, state, argument);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option status_options[] = {
	{ "json", 'j', 0, 0, "Print the daemon's answer as it comes", 1 },
	{ "watch", 'w', "SECONDS", OPTION_ARG_OPTIONAL,
		"Look again every SECONDS (2), with rates, until Ctrl-C", 1 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
		"The daemon's socket ($CORRAL_SOCKET, else " CLIENT_SOCKET_STANDARD ")", 1 },
	{ 0 },
};

static const struct argp status_argp = {
	.options = status_options,
	.parser = status_option,
	.doc = "Shows what the daemon (corral serve) is doing. Exit code: 0 it answers, 125 it "
	       "does not, 2 the command line is wrong. With --watch a daemon that does not answer "
	       "is waited for; rates are of the time since the last look.",
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

static void workers_print(FILE *out, const cJSON *pool)
{
	const cJSON *runtime;

	cJSON_ArrayForEach(runtime, cJSON_GetObjectItemCaseSensitive(pool, "templates"))
		fprintf(out, "workers     %s %s: %s idle, %s busy, %s resetting, %s dead\n",
			FIGURE(runtime, "total"), runtime->string ? runtime->string : "?",
			FIGURE(runtime, "idle"), FIGURE(runtime, "busy"),
			FIGURE(runtime, "resetting"), FIGURE(runtime, "dead"));
}

static void layers_print(FILE *out, const cJSON *pool)
{
	const cJSON *layer;
	const char *title = "layers";

	cJSON_ArrayForEach(layer, cJSON_GetObjectItemCaseSensitive(pool, "layers")) {
		fprintf(out, "%-11s %-12s %s\n", title, layer->string ? layer->string : "?",
			word(layer));
		title = "";
	}
}

void status_print(FILE *out, const cJSON *pool, const char *socket)
{
	const cJSON *failure = cJSON_GetObjectItemCaseSensitive(pool, "last_failure");

	fprintf(out, "daemon      corral %s on %s, %s shards\n",
		word(cJSON_GetObjectItemCaseSensitive(pool, "version")), socket,
		FIGURE(pool, "shards"));
	workers_print(out, pool);
	fprintf(out, "queue       %s waiting\n", FIGURE(pool, "queued"));
	fprintf(out, "executions  %s\n", FIGURE(pool, "executions"));
	fprintf(out, "births      %s workers, %s cells\n", FIGURE(pool, "births"),
		FIGURE(pool, "cells"));
	fprintf(out, "rewinds     %s workers, %s failed, %s mismatches\n", FIGURE(pool, "rewinds"),
		FIGURE(pool, "rewind_failures"), FIGURE(pool, "rewind_mismatches"));
	fprintf(out, "failures    %s births, %s restarts of a template, %s slots quarantined\n",
		FIGURE(pool, "birth_failures"), FIGURE(pool, "template_restarts"),
		FIGURE(pool, "quarantined"));
	if (failure)
		fprintf(out, "            last: %s\n", word(failure));
	layers_print(out, pool);
}

static double sum(const cJSON *pool, const char *name)
{
	const cJSON *runtime, *item;
	double sum = 0;

	cJSON_ArrayForEach(runtime, cJSON_GetObjectItemCaseSensitive(pool, "templates"))
		if (cJSON_IsNumber(item = cJSON_GetObjectItemCaseSensitive(runtime, name)))
			sum += item->valuedouble;
	return sum;
}

void status_line_print(FILE *out, const cJSON *pool)
{
	fprintf(out, "%.0f idle, %.0f busy, %.0f resetting, %.0f dead, %s waiting",
		sum(pool, "idle"), sum(pool, "busy"), sum(pool, "resetting"), sum(pool, "dead"),
		FIGURE(pool, "queued"));
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
		status_print(stdout, pool, socket);
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
	if (options.watch) {
		const struct watch_options watch = { .socket = options.socket,
			.json = options.json,
			.seconds = options.seconds > 0 ? options.seconds : SECONDS_STANDARD };

		return watch_run(&watch);
	}
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
