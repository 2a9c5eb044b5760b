// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/serve.c: corral serve: the daemon, from its configuration to its drained end.
 *
 * The main thread starts everything and then waits for signals; all work is on the shards' threads.
 * SIGHUP reads file and environment again and takes over what may change; what needs a restart is
 * told. SIGTERM and SIGINT drain: nobody is accepted any more, what runs is answered, and after the
 * drain timeout what still runs is cancelled. A second signal does not wait. POST /v1/drain does
 * the same; it comes here as SIGUSR1, which stays blocked and so cannot be that second signal.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/own.h"
#include "pool/commands/activation.h"
#include "pool/commands/check.h"
#include "pool/commands/command.h"
#include "pool/commands/config.h"
#include "pool/commands/notify.h"
#include "pool/commands/watchdog.h"
#include "pool/http/listen.h"
#include "pool/http/server.h"
#include "pool/http/token.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_PART 8u /* of the workers, for tenants who have few */

struct daemon {
	int argc;
	char **argv;
	struct config config;
	struct activation activation;
	uint64_t watchdog_nsec;
	_Atomic(uint64_t) drain_nsec; /* that POST /v1/drain asked for; UINT64_MAX: none */
	struct tokens tokens;
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

static void socket_folder_make(const char *path)
{
	if (strncmp(path, CONFIG_RUN_FOLDER "/", sizeof(CONFIG_RUN_FOLDER)) == 0)
		mkdir(CONFIG_RUN_FOLDER, 0755);
}

static struct server_tuning tuning_of(const struct daemon *daemon)
{
	const struct config *config = &daemon->config;

	return (struct server_tuning){
		.body_bytes_max = config->body_bytes_max,
		.head_nsec_max = config->header_timeout_nsec,
		.body_nsec_max = config->body_timeout_nsec,
		.idle_nsec_max = config->idle_timeout_nsec,
		.answer_nsec_max = config->answer_timeout_nsec,
		.drain_nsec_max = config->drain_timeout_nsec,
		.limits = config->limits,
		.tokens = daemon->tokens,
	};
}

/* On a shard's thread. */
static void drain_asked(void *owner, uint64_t nsec)
{
	struct daemon *daemon = owner;

	atomic_store(&daemon->drain_nsec, nsec);
	kill(getpid(), SIGUSR1);
}

/* Whether clients will come over TCP and so need the token; or a negative errno. */
static int has_tcp(const struct daemon *daemon, struct error *error)
{
	bool has = daemon->config.listen.bytes > 0;

	for (unsigned i = 0; i < daemon->activation.count; i++) {
		bool is_tcp;
		unsigned port;
		int result = listen_given(&daemon->activation.sockets[i], &is_tcp, &port, error);

		if (result < 0)
			return result;
		has |= is_tcp;
	}
	return has;
}

static int listeners_open(struct daemon *daemon, struct error *error)
{
	const struct config *config = &daemon->config;
	bool has_address = config->listen.bytes > 0;
	int result = has_tcp(daemon, error);

	if (result > 0)
		result = tokens_keep(&daemon->tokens, config->token_file, error);
	if (result < 0)
		return result;
	const struct server_config server = {
		.given = daemon->activation.sockets,
		.given_count = daemon->activation.count,
		.socket_path = config->socket,
		.address = has_address ? (const struct sockaddr *)&config->listen.address : NULL,
		.address_bytes = config->listen.bytes,
		.address_text = config->listen.text,
		.connections_max = config->connections_max,
		.executions_kept = config->executions_kept,
		.executions_kept_bytes = config->executions_kept_bytes,
		.keys_kept = config->keys_kept,
		.keys_kept_bytes = config->keys_kept_bytes,
		.key_nsec_max = config->key_time_nsec,
		.drain_asked = drain_asked,
		.owner = daemon,
		.tuning = tuning_of(daemon),
	};

	socket_folder_make(config->socket);
	return server_open(&daemon->server, &server, error);
}

static int daemon_start(struct daemon *daemon, struct error *error)
{
	const struct config *config = &daemon->config;
	struct pool_config pool;
	int result = memory_open(config->memory_bytes_max);

	if (result < 0)
		return error_set(error, result, "cannot reserve the memory of memory_max: %s; give"
			" a smaller one", error_text(result));
	result = listeners_open(daemon, error);
	if (result < 0)
		return result;
	pool_config_init(&pool);
	pool.imports = config->imports[0] ? config->imports : NULL;
	pool.workers = config->workers;
	pool.shards = config->shards;
	pool.queue_max = config->queue_max;
	pool.reserve = config->workers / RESERVE_PART;
	pool.limits = config->limits;
	pool.reset = config->reset;
	pool.verify = config->verify;
	pool.template_executions = config->template_executions;
	pool.template_age_nsec = config->template_age_nsec;
	pool.without_bpf = config->without_bpf;
	pool.service = server_service(daemon->server);
	result = pool_start(&daemon->pool, &pool, error);
	if (result == 0)
		result = server_start(daemon->server, daemon->pool, error);
	if (result == 0)
		result = watchdog_start(daemon->pool, daemon->watchdog_nsec, error);
	return result;
}

static void where_tell(const struct daemon *daemon, char *status, size_t size)
{
	const struct config *config = &daemon->config;
	unsigned number = server_port(daemon->server);
	char port[96] = "";

	if (number)
		snprintf(port, sizeof(port), " and %s, port %u",
			config->listen.bytes ? config->listen.text : "TCP", number);
	if (daemon->activation.count)
		snprintf(status, size, "serving on %u given sockets%s with %u workers",
			daemon->activation.count, port, config->workers);
	else
		snprintf(status, size, "serving on %s%s with %u workers", config->socket, port,
			config->workers);
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
	if (daemon->tokens.count &&
	    tokens_read(&daemon->tokens, daemon->config.token_file, &error) < 0)
		log_error("SIGHUP: %s; going on with the tokens as before", error.sentence);
	tuning = tuning_of(daemon);
	if (server_tune(daemon->server, &tuning) < 0)
		log_error("SIGHUP: there is no memory for the new values; going on as before");
	log_open(daemon->config.log_level);
	config_log(&daemon->config);
	log_info("SIGHUP: the configuration was read again");
}

/* Until it is time to go. */
static void signals_await(struct daemon *daemon, const sigset_t *signals)
{
	sigset_t ending;
	int number;

	while (sigwait(signals, &number) != 0 || number == SIGHUP) {
		notify_reloading();
		daemon_reload(daemon);
		notify_send("READY=1");
	}
	log_info("%s: draining", number == SIGUSR1 ? "POST /v1/drain" : strsignal(number));
	/* From here on the next one ends us as it would anybody; the kernel ends the cells. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}

static void daemon_run(struct daemon *daemon, const sigset_t *signals)
{
	char status[ERROR_SENTENCE_BYTES];
	uint64_t nsec;

	where_tell(daemon, status, sizeof(status));
	log_info("%s", status);
	notify_send("READY=1");
	notify_status(status);
	signals_await(daemon, signals);
	notify_send("STOPPING=1");
	notify_status("draining: what runs is answered, nobody is accepted");
	nsec = atomic_load(&daemon->drain_nsec);
	if (nsec == UINT64_MAX)
		nsec = daemon->config.drain_timeout_nsec;
	if (!server_drain(daemon->server, nsec))
		log_warning("not all connections ended within the drain timeout; what runs is"
			" cancelled");
}

/* Threads inherit it, so that the signals come to sigwait() alone. */
static void signals_block(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* What whoever started us left in the environment for us alone. */
static int inheritance_take(struct daemon *daemon, struct error *error)
{
	int result = activation_take(ACTIVATION_FD_FIRST, &daemon->activation, error);

	return result < 0 ? result : watchdog_take(&daemon->watchdog_nsec, error);
}

int command_serve(int argc, char **argv)
{
	static struct daemon daemon;
	struct error error = { .sentence = "" };
	sigset_t signals;
	int result;

	atomic_store(&daemon.drain_nsec, UINT64_MAX);
	daemon.argc = argc;
	daemon.argv = argv;
	config_init(&daemon.config);
	argp_parse(&serve_argp, argc, argv, 0, NULL, &daemon.config);
	if (daemon.config.check)
		return check_run(&daemon.config);
	if (config_load(&daemon.config, environ, &error) < 0)
		return command_failed("serve", error.sentence);
	if (daemon.config.print) {
		config_print(&daemon.config, stdout);
		return 0;
	}
	if (inheritance_take(&daemon, &error) < 0)
		return command_failed("serve", error.sentence);
	log_open(daemon.config.log_level);
	config_log(&daemon.config);
	signals_block(&signals);
	result = daemon_start(&daemon, &error);
	if (result == 0)
		daemon_run(&daemon, &signals);
	watchdog_stop();
	pool_stop(daemon.pool);
	server_close(daemon.server);
	memory_close();
	return result < 0 ? command_failed("serve", error.sentence) : 0;
}
