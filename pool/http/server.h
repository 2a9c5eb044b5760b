// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/server.h: the daemon's listeners: HTTP/1.1 on a unix socket, on TCP, or both.
 *
 * Every shard accepts on every listener, and a connection stays on the shard that accepted it: its
 * requests are read, run and answered on one thread, unless that shard is low and another takes the
 * execution. What a request means is pool/http/api.h's.
 */
#pragma once

#include "pool/http/token.h"
#include "pool/pool.h"

#include <stdatomic.h>
#include <sys/socket.h>

struct server;

/* What can change while it serves; a connection keeps the body_bytes_max that it began with. */
struct server_tuning {
	size_t body_bytes_max;
	uint64_t head_nsec_max;     /* from a request's first byte to the end of its head */
	uint64_t body_nsec_max;     /* from there to its end */
	uint64_t idle_nsec_max;     /* between requests */
	uint64_t answer_nsec_max;   /* without progress while an answer is sent */
	uint64_t drain_nsec_max;    /* of a drain that asks for no other; told to who asks */
	struct limits limits;       /* of requests that give none */
	struct tokens tokens;       /* what TCP clients bring; not empty if there is an address */
};

/* A listening socket that somebody else has bound (systemd's socket activation). */
struct server_given {
	int fd;
	char name[64];              /* for people: "corral.socket", or "" */
};

#define SERVER_GIVEN_MAX 8u

struct server_config {
	/*
	 * Used instead of binding, each kind for itself: with a unix socket among them socket_path
	 * is not bound, with a TCP one address is not; and what was given is not unlinked. The
	 * descriptors are the server's from server_open() on.
	 */
	const struct server_given *given;
	unsigned given_count;       /* at most SERVER_GIVEN_MAX */
	const char *socket_path;    /* NULL: no unix socket */
	const struct sockaddr *address; /* NULL: no TCP */
	socklen_t address_bytes;
	const char *address_text;   /* the same for people */
	unsigned connections_max;   /* a shard */
	unsigned executions_kept;   /* that ended and can still be asked for */
	size_t executions_kept_bytes; /* of their answers together */
	unsigned keys_kept;         /* of Idempotency-Key */
	size_t keys_kept_bytes;     /* of their answers together */
	uint64_t key_nsec_max;      /* from the end of a key's execution on */
	/* POST /v1/drain: once, on a shard's thread; server_drain() is to follow from another. */
	void (*drain_asked)(void *owner, uint64_t nsec);
	void *owner;
	struct server_tuning tuning;
};

/* Binds and listens; accepts nobody yet. 0 or a negative errno with the sentence. */
int server_open(
	struct server **ret_server, const struct server_config *config, struct error *error);

/* For the pool's config, before pool_start(). */
const struct pool_service *server_service(const struct server *server);

/* Begins to accept. 0, or a negative errno with the sentence. */
int server_start(struct server *server, struct pool *pool, struct error *error);

/* From the next phase of each connection on. One thread at a time. 0 or -ENOMEM: as before. */
int server_tune(struct server *server, const struct server_tuning *tuning);

/*
 * Accepts nobody any more, closes idle connections, answers what runs, refuses the rest with 503.
 * True when no connection was left within `nsec`.
 */
bool server_drain(struct server *server, uint64_t nsec);

/* After pool_stop(). Removes the socket's file if it was bound here. NULL is accepted. */
void server_close(struct server *server);

/* The TCP port of the first listener that has one; 0: none. */
unsigned server_port(const struct server *server);
