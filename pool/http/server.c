// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/server.c: listeners, and the shards' share of them: opened, started, drained, closed.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/own.h"
#include "pool/http/listen.h"
#include "pool/http/server_private.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPS_PER_CONNECTION 5u /* receive, send, watch, two timers */
#define OPS_OF_ACCEPTING (SERVER_LISTENERS_MAX + 1) /* and a timer */

static const struct loop_op_type server_op_types[SERVER_OP_COUNT] = {
	[SERVER_OP_ACCEPT] = { .name = "accept", .shot = listener_accepted },
	[SERVER_OP_RECEIVE] = { .name = "receive", .shot = connection_received },
	[SERVER_OP_SEND] = { .name = "send", .done = connection_sent },
	[SERVER_OP_STREAM] = { .name = "stream", .done = stream_sent },
	[SERVER_OP_WATCH] = { .name = "watch", .shot = connection_watched },
};

unsigned server_op(const struct server *server, enum server_op op)
{
	return pool_service_first_type() + op;
}

/* --- On the shards' threads ------------------------------------------------------------------- */

static void inbox_take(struct server_shard *shard)
{
	struct list *node;

	for (;;) {
		pthread_mutex_lock(&shard->inbox_lock);
		node = list_pop(&shard->inbox);
		pthread_mutex_unlock(&shard->inbox_lock);
		if (!node)
			return;
		connection_attend(list_owner(node, struct connection, exchange.node));
	}
}

static void connections_drain(struct server_shard *shard)
{
	struct list *node = shard->open.next;

	while (node != &shard->open) {
		struct connection *connection = list_owner(node, struct connection, node);

		node = node->next;
		connection_drain(connection);
	}
}

static void server_woken(void *owner, unsigned number)
{
	struct server *server = owner;
	struct server_shard *shard = &server->shards[number];

	shard->loop = pool_service_loop(server->pool, number);
	inbox_take(shard);
	arrivals_take(shard);
	if (shard->stopping)
		return;
	if (atomic_load(&server->draining))
		connections_drain(shard);
	if (!shard_accepts(shard))
		return;
	if (atomic_load(&server->draining))
		accepts_end(server);
	else
		accepts_arm(server);
}

static void server_stop(void *owner, unsigned number)
{
	struct server *server = owner;
	struct server_shard *shard = &server->shards[number];
	struct list *node = shard->open.next;

	shard->stopping = true;
	if (!shard->loop)
		return;
	inbox_take(shard);
	arrivals_take(shard);
	if (shard_accepts(shard))
		accepts_end(server);
	while (node != &shard->open) {
		struct connection *connection = list_owner(node, struct connection, node);

		node = node->next;
		connection_close(connection);
	}
}

/* --- Opening and closing ---------------------------------------------------------------------- */

/* One more listener, its descriptor the server's from now on. */
static void listener_add(struct server *server, int fd, bool is_tcp, bool is_given)
{
	server->listeners[server->listener_count].fd = fd;
	server->listeners[server->listener_count].is_tcp = is_tcp;
	server->owns_path |= !is_tcp && !is_given;
	server->listener_count++;
}

/* What was given stands for what would have been bound, each kind for itself. */
static int given_take(struct server *server, bool *ret_has_unix, bool *ret_has_tcp,
	struct error *error)
{
	const struct server_config *config = &server->config;

	for (unsigned i = 0; i < config->given_count; i++) {
		bool is_tcp;
		unsigned port;
		int result = listen_given(&config->given[i], &is_tcp, &port, error);

		if (result < 0)
			return result;
		if (is_tcp && !config->tuning.tokens.count)
			return error_set(error, -EINVAL, "descriptor %d (%s) is a TCP socket, but"
				" there is no token to ask of its clients", config->given[i].fd,
				config->given[i].name);
		listener_add(server, config->given[i].fd, is_tcp, true);
		*(is_tcp ? ret_has_tcp : ret_has_unix) = true;
		if (is_tcp && !server->port)
			server->port = port;
	}
	return 0;
}

static int listeners_open(struct server *server, struct error *error)
{
	const struct server_config *config = &server->config;
	bool has_unix = false, has_tcp = false;
	int fd, result = given_take(server, &has_unix, &has_tcp, error);

	if (result == 0 && config->socket_path && !has_unix) {
		result = listen_unix(config->socket_path, &fd, error);
		if (result == 0)
			listener_add(server, fd, false, false);
	}
	if (result == 0 && config->address && !has_tcp) {
		result = listen_tcp(config->address, config->address_bytes, config->address_text,
			&fd, &server->port, error);
		if (result == 0)
			listener_add(server, fd, true, false);
	}
	return result;
}

static int shard_prepare(struct server *server, unsigned number)
{
	struct server_shard *shard = &server->shards[number];
	unsigned count = server->config.connections_max;

	shard->server = server;
	shard->number = number;
	list_init(&shard->open);
	list_init(&shard->free);
	list_init(&shard->inbox);
	pthread_mutex_init(&shard->inbox_lock, NULL);
	shard->connections = calloc(count, sizeof(*shard->connections));
	shard->arrivals = calloc(count, sizeof(*shard->arrivals));
	/* Pages that no connection has used yet are not there. */
	shard->readers = fault("server.shard") ? NULL : calloc(count, http_reader_bytes());
	if (!shard->connections || !shard->arrivals || !shard->readers)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		shard->connections[i].shard = shard;
		shard->connections[i].fd = -1;
		list_init(&shard->connections[i].exchange.node);
		pthread_mutex_init(&shard->connections[i].exchange.lock, NULL);
		list_append(&shard->free, &shard->connections[i].node);
	}
	return 0;
}

int server_open(
	struct server **ret_server, const struct server_config *config, struct error *error)
{
	struct server *server = fault("server.memory") ? NULL : calloc(1, sizeof(*server));
	pthread_condattr_t attributes;
	int result;

	if (!server)
		return error_set(error, -ENOMEM, "no memory for a server");
	server->config = *config;
	cJSON_InitHooks(&(cJSON_Hooks){ .malloc_fn = memory_alloc, .free_fn = memory_free });
	pthread_mutex_init(&server->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&server->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	for (unsigned i = 0; i < SERVER_LISTENERS_MAX; i++)
		server->listeners[i] = (struct listener){ .server = server, .fd = -1 };
	server->service = (struct pool_service){
		.types = server_op_types,
		.type_count = SERVER_OP_COUNT,
		.ops_max = config->connections_max * OPS_PER_CONNECTION + OPS_OF_ACCEPTING,
		.owner = server,
		.woken = server_woken,
		.stop = server_stop,
	};
	result = server_tune(server, &config->tuning);
	if (result == 0)
		result = accepts_prepare(server);
	if (result < 0)
		error_set(error, result, "no memory for a server");
	else
		result = listeners_open(server, error);
	if (result < 0) {
		server_close(server);
		return result;
	}
	*ret_server = server;
	return 0;
}

int server_tune(struct server *server, const struct server_tuning *values)
{
	struct tuning *tuning = malloc(sizeof(*tuning));

	if (!tuning)
		return -ENOMEM;
	tuning->values = *values;
	tuning->previous = atomic_load(&server->tuning);
	atomic_store(&server->tuning, tuning);
	return 0;
}

const struct pool_service *server_service(const struct server *server)
{
	return &server->service;
}

static void shards_wake(struct server *server)
{
	for (unsigned i = 0; i < pool_shards(server->pool); i++)
		pool_service_wake(server->pool, i);
}

static int stores_make(struct server *server, unsigned shards, struct error *error)
{
	const struct server_config *config = &server->config;
	const struct executions_config executions = {
		.live_max = config->connections_max * shards,
		.ended_max = config->executions_kept,
		.bytes_max = config->executions_kept_bytes,
		.cancel = exchange_cancel,
	};
	const struct replay_config replay = {
		.keys_max = config->keys_kept,
		.bytes_max = config->keys_kept_bytes,
		.nsec_max = config->key_nsec_max,
	};
	int result = fault("server.stores") ? -ENOMEM
					    : executions_new(&server->executions, &executions);

	if (result == 0)
		result = replay_new(&server->replay, &replay);
	server->kept_bytes_max = config->keys_kept_bytes / KEPT_PART;
	if (config->executions_kept_bytes > config->keys_kept_bytes)
		server->kept_bytes_max = config->executions_kept_bytes / KEPT_PART;
	return result < 0 ? error_set(error, result, "cannot make the records of %u executions and"
			" %u keys: %s", executions.ended_max, replay.keys_max, error_text(result))
			  : 0;
}

int server_start(struct server *server, struct pool *pool, struct error *error)
{
	int result = stores_make(server, pool_shards(pool), error);

	if (result < 0)
		return result;
	for (unsigned i = 0; i < pool_shards(pool); i++)
		if (shard_prepare(server, i) < 0)
			return error_set(error, -ENOMEM, "no memory for %u connections a shard",
				server->config.connections_max);
	server->pool = pool;
	shards_wake(server);
	return 0;
}

bool server_drain(struct server *server, uint64_t nsec)
{
	struct timespec due;
	int result = 0;

	nsec += clock_now_nsec();
	due = (struct timespec){ (time_t)(nsec / NSEC_PER_SEC), (long)(nsec % NSEC_PER_SEC) };
	atomic_store(&server->draining, true);
	shards_wake(server);
	pthread_mutex_lock(&server->lock);
	while (atomic_load(&server->open) && result == 0)
		result = pthread_cond_timedwait(&server->changed, &server->lock, &due);
	pthread_mutex_unlock(&server->lock);
	return !atomic_load(&server->open);
}

void server_close(struct server *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < SERVER_LISTENERS_MAX; i++)
		fd_close(&server->listeners[i].fd);
	if (server->owns_path)
		unlink(server->config.socket_path);
	for (unsigned i = 0; i < POOL_SHARDS_MAX; i++) {
		struct server_shard *shard = &server->shards[i];
		struct list *node;

		/* Whose execution ended on another shard after this one's thread had. */
		while (shard->connections && (node = list_pop(&shard->open)))
			connection_release(list_owner(node, struct connection, node));
		free(shard->connections);
		free(shard->readers);
	}
	executions_free(server->executions);
	replay_free(server->replay);
	accepts_free(server);
	for (struct tuning *tuning = atomic_load(&server->tuning), *previous; tuning;
		tuning = previous) {
		previous = tuning->previous;
		free(tuning);
	}
	free(server);
}

unsigned server_port(const struct server *server)
{
	return server->port;
}
