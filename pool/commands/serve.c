// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/serve.c: corral serve: the daemon, from its configuration to its drained end.
 *
 * The main thread starts everything and then waits for signals; all work is on the shards' threads.
 * SIGHUP reads file and environment again and takes over what may change; what needs a restart is
 * told. SIGTERM and SIGINT drain: nobody is accepted any more, what runs is answered, and after the
 * drain timeout what still runs is cancelled. A second signal does not wait.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "pool/commands/command.h"
#include "pool/commands/config.h"
#include "pool/commands/notify.h"
#include "pool/http/server.h"
#include "pool/http/token.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ANSWER_NSEC_MAX (30 * NSEC_PER_SEC)

struct daemon {
	int argc;
	char **argv;
	struct config config;
	struct token token;
	struct server *server;
	struct pool *pool;
};

static error_t serve_option(int key, char *argument, struct argp_state *state)
{
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp_child serve_children[] = {
	{ &config_argp, 0, NULL, 0 },
	{ 0 },
};

static const struct argp serve_argp = {
	.parser = serve_option,
	.doc = "Serves executions over HTTP until it is told to stop (docs/api.md).",
	.children = serve_children,
};

/* The standard folder is ours to make; any other is its owner's. */
static void socket_folder_make(const char *path)
{
	if (strncmp(path, "/run/corral/", 12) == 0)
		mkdir("/run/corral", 0755);
}

static struct server_tuning tuning_of(const struct config *config)
{
	return (struct server_tuning){
		.body_bytes_max = config->body_bytes_max,
		.head_nsec_max = config->header_timeout_nsec,
		.body_nsec_max = config->body_timeout_nsec,
		.idle_nsec_max = config->idle_timeout_nsec,
		.answer_nsec_max = ANSWER_NSEC_MAX,
		.limits = config->limits,
	};
}

static int listeners_open(struct daemon *daemon, struct error *error)
{
	const struct config *config = &daemon->config;
	bool has_address = config->listen.bytes > 0;
	const struct server_config server = {
		.socket_path = config->socket,
		.address = has_address ? (const struct sockaddr *)&config->listen.address : NULL,
		.address_bytes = config->listen.bytes,
		.address_text = config->listen.text,
		.token = daemon->token.text,
		.connections_max = config->connections_max,
		.executions_kept = config->executions_kept,
		.executions_kept_bytes = config->executions_kept_bytes,
		.keys_kept = config->keys_kept,
		.keys_kept_bytes = config->keys_kept_bytes,
		.key_nsec_max = config->key_time_nsec,
		.tuning = tuning_of(config),
	};
	int result = has_address ? token_keep(&daemon->token, config->token_file, error) : 0;

	socket_folder_make(config->socket);
	return result < 0 ? result : server_open(&daemon->server, &server, error);
}

static int daemon_start(struct daemon *daemon, struct error *error)
{
	const struct config *config = &daemon->config;
	struct pool_config pool;
	int result = listeners_open(daemon, error);

	if (result < 0)
		return result;
	pool_config_init(&pool);
	pool.imports = config->imports[0] ? config->imports : NULL;
	pool.workers = config->workers;
	pool.shards = config->shards;
	pool.queue_max = config->queue_max;
	pool.limits = config->limits;
	pool.service = server_service(daemon->server);
	result = pool_start(&daemon->pool, &pool, error);
	return result < 0 ? result : server_start(daemon->server, daemon->pool, error);
}

static void where_told(const struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	char port[96] = "";

	if (config->listen.bytes)
		snprintf(port, sizeof(port), " and %s, port %u", config->listen.text,
			server_port(daemon->server));
	log_info("serving on %s%s with %u workers", config->socket, port, config->workers);
}

/* SIGHUP: file and environment anew; what is wrong in them changes nothing. */
static void daemon_reload(struct daemon *daemon)
{
	static struct config fresh;
	struct server_tuning tuning;
	struct error error = { .sentence = "" };

	config_init(&fresh);
	argp_parse(&serve_argp, daemon->argc, daemon->argv, 0, NULL, &fresh);
	if (config_load(&fresh, environ, &error) < 0) {
		log_error("SIGHUP: %s; going on as before", error.sentence);
		return;
	}
	if (config_reload(&daemon->config, &fresh, &error) > 0)
		log_warning("SIGHUP: %s", error.sentence);
	tuning = tuning_of(&daemon->config);
	if (server_tune(daemon->server, &tuning) < 0)
		log_error("SIGHUP: there is no memory for the new values; going on as before");
	log_open(daemon->config.log_level);
	config_log(&daemon->config);
	log_info("SIGHUP: the configuration was read again");
}

/* Until it is time to go. */
static void signals_await(struct daemon *daemon, const sigset_t *signals)
{
	int number;

	while (sigwait(signals, &number) != 0 || number == SIGHUP) {
		notify_reloading();
		daemon_reload(daemon);
		notify_send("READY=1");
	}
	log_info("%s: draining", strsignal(number));
	/* From here on the next one ends us as it would anybody; the kernel ends the cells. */
	pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

static void daemon_run(struct daemon *daemon, const sigset_t *signals)
{
	where_told(daemon);
	notify_send("READY=1");
	signals_await(daemon, signals);
	notify_send("STOPPING=1");
	if (!server_drain(daemon->server, daemon->config.drain_timeout_nsec))
		log_warning("not all connections ended within the drain timeout; what runs is"
			" cancelled");
}

int command_serve(int argc, char **argv)
{
	static struct daemon daemon;
	struct error error = { .sentence = "" };
	sigset_t signals;
	int result;

	daemon.argc = argc;
	daemon.argv = argv;
	config_init(&daemon.config);
	argp_parse(&serve_argp, argc, argv, 0, NULL, &daemon.config);
	if (config_load(&daemon.config, environ, &error) < 0)
		return command_failed("serve", error.sentence);
	if (daemon.config.print) {
		config_print(&daemon.config, stdout);
		return 0;
	}
	log_open(daemon.config.log_level);
	config_log(&daemon.config);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	/* Threads inherit it, so that the signals come to sigwait() alone. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	result = daemon_start(&daemon, &error);
	if (result == 0)
		daemon_run(&daemon, &signals);
	pool_stop(daemon.pool);
	server_close(daemon.server);
	return result < 0 ? command_failed("serve", error.sentence) : 0;
}
