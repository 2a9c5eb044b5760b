// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/accept.c: who comes in, and to which shard.
 *
 * One shard accepts for all and gives each connection to the one that has the fewest. If each
 * accepted for itself, the kernel would wake the same one every time: an accept that stays armed
 * keeps its place at the head of the listener's waiters.
 *
 * When all have as many connections as they may have, the accept is cancelled: further clients wait
 * in the listener's backlog. Those that came before the cancel took effect are parked.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "pool/http/server_private.h"

#include <errno.h>
#include <string.h>

/* Two whole backlogs of ours (listen.c), as the kernel accepts them in one go. */
#define PARKED_MAX 2048u
#define DESCRIPTORS_PAUSE_NSEC (100 * NSEC_PER_MSEC)

static struct server_shard *shard_accepting(struct server *server)
{
	return &server->shards[0];
}

/* The shard with the fewest connections; NULL: all have as many as they may. */
static struct server_shard *shard_with_room(struct server *server)
{
	unsigned fewest = server->config.connections_max;
	struct server_shard *found = NULL;

	for (unsigned i = 0; i < pool_shards(server->pool); i++) {
		unsigned taken = atomic_load(&server->shards[i].taken);

		if (taken >= fewest)
			continue;
		fewest = taken;
		found = &server->shards[i];
	}
	return found;
}

/* False: nobody has room. */
static bool arrival_give(struct server *server, struct arrival arrival)
{
	struct server_shard *shard = shard_with_room(server);

	if (!shard)
		return false;
	atomic_fetch_add(&shard->taken, 1);
	atomic_fetch_add(&server->open, 1);
	if (shard == shard_accepting(server)) {
		connection_open(shard, arrival.fd, arrival.is_tcp);
		return true;
	}
	pthread_mutex_lock(&shard->inbox_lock);
	shard->arrivals[shard->arrival_count++] = arrival;
	pthread_mutex_unlock(&shard->inbox_lock);
	pool_service_wake(server->pool, shard->number);
	return true;
}

static void parked_give(struct server *server)
{
	unsigned given = 0;

	while (given < server->parked_count && arrival_give(server, server->parked[given]))
		given++;
	server->parked_count -= given;
	memmove(server->parked, server->parked + given,
		server->parked_count * sizeof(*server->parked));
}

void accepts_arm(struct server *server)
{
	struct server_shard *shard = shard_accepting(server);

	if (shard->stopping || atomic_load(&server->draining))
		return;
	/* Before the look for room: who leaves after it finds us waiting. */
	atomic_store(&server->accepts_wait, true);
	parked_give(server);
	if (server->parked_count || !shard_with_room(server))
		return;
	atomic_store(&server->accepts_wait, false);
	for (unsigned i = 0; i < server->listener_count; i++) {
		struct listener *listener = &server->listeners[i];

		if (listener->accepting)
			continue;
		listener->accept_op = loop_accept(shard->loop, server_op(server, SERVER_OP_ACCEPT),
			listener, listener->fd);
		listener->accepting = listener->accept_op != 0;
	}
}

static void accepts_pause(struct server *server)
{
	for (unsigned i = 0; i < server->listener_count; i++)
		if (server->listeners[i].accepting)
			loop_cancel(
				shard_accepting(server)->loop, server->listeners[i].accept_op);
}

void accepts_end(struct server *server)
{
	accepts_pause(server);
	loop_timer_disarm(shard_accepting(server)->loop, &server->accept_timer);
	while (server->parked_count)
		fd_close(&server->parked[--server->parked_count].fd);
}

static void arrival_take(struct server *server, struct arrival arrival)
{
	if (shard_accepting(server)->stopping || atomic_load(&server->draining)) {
		close(arrival.fd);
		return;
	}
	if (server->parked_count || !arrival_give(server, arrival)) {
		if (server->parked_count < PARKED_MAX)
			server->parked[server->parked_count++] = arrival;
		else
			close(arrival.fd);
	}
	if (shard_with_room(server) && !server->parked_count)
		return;
	accepts_pause(server);
	atomic_store(&server->accepts_wait, true);
}

static void pause_over(void *owner)
{
	accepts_arm(owner);
}

void listener_accepted(void *owner, int32_t result, const char *bytes, bool more)
{
	struct listener *listener = owner;
	struct server *server = listener->server;
	struct server_shard *shard = shard_accepting(server);

	listener->accepting = more;
	if (result >= 0)
		arrival_take(server, (struct arrival){ result, listener->is_tcp });
	else if (result != -ECANCELED && result != -ECONNABORTED)
		log_warning("cannot accept a connection: %s; trying again", error_text(result));
	if (more)
		return;
	/* The shard looks whether that was the last operation. */
	if (shard->stopping)
		loop_wake(shard->loop);
	else if (result == -ECANCELED || result == -ECONNABORTED)
		accepts_arm(server);
	else /* out of descriptors, perhaps: the next would fail at once, for ever */
		loop_timer_arm(shard->loop, &server->accept_timer,
			clock_now_nsec() + DESCRIPTORS_PAUSE_NSEC);
}

void arrivals_take(struct server_shard *shard)
{
	struct server *server = shard->server;
	struct arrival arrival;

	for (;;) {
		arrival.fd = -1;
		pthread_mutex_lock(&shard->inbox_lock);
		if (shard->arrival_count)
			arrival = shard->arrivals[--shard->arrival_count];
		pthread_mutex_unlock(&shard->inbox_lock);
		if (arrival.fd < 0)
			return;
		if (shard->stopping || atomic_load(&server->draining)) {
			close(arrival.fd);
			connection_left(shard);
		} else {
			connection_open(shard, arrival.fd, arrival.is_tcp);
		}
	}
}

void connection_left(struct server_shard *shard)
{
	struct server *server = shard->server;

	atomic_fetch_sub(&shard->taken, 1);
	pthread_mutex_lock(&server->lock);
	if (atomic_fetch_sub(&server->open, 1) == 1)
		pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	if (atomic_load(&server->accepts_wait))
		pool_service_wake(server->pool, shard_accepting(server)->number);
	/* The shard looks whether that was the last operation. */
	if (shard->stopping)
		loop_wake(shard->loop);
}

int accepts_prepare(struct server *server)
{
	server->parked = calloc(PARKED_MAX, sizeof(*server->parked));
	loop_timer_init(&server->accept_timer, pause_over, server);
	return server->parked ? 0 : -ENOMEM;
}

void accepts_free(struct server *server)
{
	while (server->parked_count)
		fd_close(&server->parked[--server->parked_count].fd);
	free(server->parked);
	for (unsigned i = 0; i < POOL_SHARDS_MAX; i++) {
		struct server_shard *shard = &server->shards[i];

		while (shard->arrival_count)
			fd_close(&shard->arrivals[--shard->arrival_count].fd);
		free(shard->arrivals);
	}
}
