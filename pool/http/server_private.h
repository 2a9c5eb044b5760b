// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/server_private.h: private to pool/http/: a server's shards, its connections, their
 * exchanges.
 */
#pragma once

#include "base/list.h"
#include "pool/artifacts.h"
#include "pool/http/api.h"
#include "pool/capture.h"
#include "pool/http/events.h"
#include "pool/http/frames.h"
#include "pool/http/request_reader.h"
#include "pool/http/execute_request.h"
#include "pool/http/executions.h"
#include "pool/http/replay.h"
#include "pool/http/server.h"

#include <pthread.h>
#include <sys/socket.h>

#define SERVER_LISTENERS_MAX (SERVER_GIVEN_MAX + 2)
#define REFUSAL_BYTES 2048u /* a document with any sentence (base/error.h), escaped */
#define HEAD_BYTES 512u     /* of an answer */

enum server_op {
	SERVER_OP_ACCEPT,
	SERVER_OP_RECEIVE,
	SERVER_OP_SEND,
	SERVER_OP_STREAM, /* a part of an answer whose program runs */
	SERVER_OP_WATCH, /* for the end of a connection that is not received from */
	SERVER_OP_COUNT,
};

struct server_shard;

#define STREAM_PARTS_MAX (3 + 3 * OUTPUT_VECTOR_MAX)

/*
 * What a streamed answer sends. The first part is guarded by the exchange's lock: the execution's
 * thread fills it.
 */
struct stream {
	struct events events; /* lines, or the rests of characters alone */
	struct bytes frames;  /* what was copied */
	struct output_record lent[OUTPUT_VECTOR_MAX]; /* what was not; behind the frames */
	unsigned lent_count;

	/* Of the connection's thread: the send that is under way. */
	struct bytes sent;
	bool lent_sent;       /* the records are in it */
	bool last_sent;
	struct msghdr message;
	struct iovec parts[STREAM_PARTS_MAX];
	char lead[256];       /* HTTP's head and the chunk's size */
	uint8_t headers[OUTPUT_VECTOR_MAX][FRAME_HEADER_BYTES];
};

/*
 * One request that runs, and what it brings. What the execution's thread, which may be another
 * shard's, shares with the connection's stands behind the lock.
 */
struct exchange {
	struct list node; /* in the inbox of the connection's shard; guarded by that inbox's lock */
	bool running;     /* the pool has the execution */
	bool streaming;   /* the answer is sent while the program runs */
	bool raw;         /* as frames, not as lines */
	bool head_sent, last_line; /* of a stream: is sent; is among what waits */
	struct execution execution;
	struct request request;
	struct capture capture;
	struct artifacts artifacts;
	char id[EXECUTION_ID_BYTES];
	struct execution_record *record;
	bool has_key;             /* the request has an Idempotency-Key */
	struct replay_name name;
	struct replay_entry *key; /* that it took */
	atomic_bool cancel_asked; /* by its name */

	pthread_mutex_t lock;
	struct stream *stream; /* while streaming; what waits in it to be sent */
	bool paused;      /* the program waits until that is */
	bool abandoned;   /* nobody will send any more: nothing may wait for it */
	bool over;        /* `done` was called */
};

enum connection_state {
	CONNECTION_READING,  /* for a request, or in the middle of one */
	CONNECTION_HANDLING, /* the request is complete, its answer is not begun */
	CONNECTION_ANSWERING,
};

struct connection {
	struct server_shard *shard;
	struct list node; /* in its shard's open or free ones */
	enum connection_state state;
	int fd;
	bool is_tcp;
	uint64_t tenant;  /* unix socket: whose it is; TCP: who made this request */
	char tenant_name[TOKEN_TENANT_BYTES + 1]; /* for people */
	bool receiving, sending, watching; /* operations that run */
	loop_op receive_op, send_op, watch_op;
	bool pausing;     /* the receive is cancelled and not over */
	bool in_hands;    /* its input is being handled: it is not released */
	bool closing;     /* waits for them, and for its exchange */
	bool is_last;     /* closes after this answer */
	bool has_ended;   /* the client sends no more */
	bool was_probed;  /* for its end, by a line that a client ignores */
	struct loop_timer timer;
	struct loop_timer flush; /* a stream is sent once all is there that this turn brings */
	struct http_reader *reader;
	char *ahead;      /* what was sent before its turn; NULL: nothing */
	size_t ahead_size, ahead_used, ahead_taken;
	char *output;     /* head and body of the answer; owned unless it is `refusal` */
	char refusal[REFUSAL_BYTES + HEAD_BYTES];
	size_t output_bytes, output_sent;
	const char *header; /* one more line of the next answer's head; static, or NULL */
	struct exchange exchange;
};

/* Of the shard that accepts. */
struct listener {
	struct server *server;
	int fd;
	bool is_tcp;
	bool accepting;
	loop_op accept_op;
};

/* A connection that was accepted and is nobody's yet. */
struct arrival {
	int fd;
	bool is_tcp;
};

struct server_shard {
	struct server *server;
	unsigned number;
	struct loop *loop;       /* NULL: not started */
	bool stopping;
	struct connection *connections;
	char *readers;           /* one for each */
	struct list open, free;
	atomic_uint taken;       /* connections that are open here or on their way */
	pthread_mutex_t inbox_lock;
	struct list inbox;       /* exchanges that ended on other threads */
	struct arrival *arrivals; /* on their way, connections_max at most; guarded as the inbox */
	unsigned arrival_count;
};

/* Replaced as a whole; a thread may still read an old one, so they live as long as the server. */
struct tuning {
	struct server_tuning values;
	struct tuning *previous;
};

struct server {
	struct server_config config;
	_Atomic(struct tuning *) tuning;
	struct pool_service service;
	struct pool *pool;
	struct listener listeners[SERVER_LISTENERS_MAX];
	unsigned listener_count, port;
	struct executions *executions;
	struct replay *replay;
	size_t kept_bytes_max;   /* of an answer: longer ones find no place in either */
	struct arrival *parked;      /* accepted when no shard had room */
	unsigned parked_count;
	atomic_bool accepts_wait;    /* for a connection to end */
	struct loop_timer accept_timer;
	bool owns_path;          /* bound it, and so removes it */
	atomic_bool draining;
	atomic_bool drain_asked; /* by POST /v1/drain */
	atomic_uint open;        /* connections, those on their way included */
	pthread_mutex_t lock;    /* for the condition alone */
	pthread_cond_t changed;
	struct server_shard shards[POOL_SHARDS_MAX];
};

/* Whose requests it brings, as the pool knows them; 0: nobody has shown who he is yet. */
static inline uint64_t connection_tenant(const struct connection *connection)
{
	return connection->tenant;
}

/* server.c */
static inline const struct server_tuning *server_tuning(const struct server_shard *shard)
{
	return &atomic_load(&shard->server->tuning)->values;
}

unsigned server_op(const struct server *server, enum server_op op);

/* accept.c */
int accepts_prepare(struct server *server);  /* 0 or -ENOMEM */
void accepts_free(struct server *server);
void accepts_arm(struct server *server);     /* on the thread of the shard that accepts */
void accepts_end(struct server *server);     /* the same */
void arrivals_take(struct server_shard *shard); /* on its own thread */
void connection_left(struct server_shard *shard); /* there is room for another */
void listener_accepted(void *owner, int32_t result, const char *bytes, bool more);

static inline bool shard_accepts(const struct server_shard *shard)
{
	return shard->number == 0;
}

/* caller.c */
/* Learns whose it is: of a unix socket, false when the kernel does not tell; of TCP. */
bool connection_is_users(struct connection *connection);
void connection_is_holders(struct connection *connection, const struct token *token);

/* connection.c; each on the connection's own thread. */
void connection_open(struct server_shard *shard, int fd, bool is_tcp);
void connection_close(struct connection *connection);
void connection_release(struct connection *connection); /* what it owns; nothing runs any more */
void connection_drain(struct connection *connection); /* closes it if nothing runs */
void connection_sent(void *owner, int32_t result);

/* receive.c; the same. */
void connection_receive(struct connection *connection); /* begins; closes if it cannot */
void connection_request_next(struct connection *connection); /* after an answer */
void connection_ahead_free(struct connection *connection);
void connection_received(void *owner, int32_t result, const char *bytes, bool more);
void connection_watched(void *owner, int32_t result, const char *bytes, bool more);

/*
 * Answers the request; `body` is a block of base/memory.h, the connection's from now on, and may be
 * NULL.
 */
void connection_answer(struct connection *connection, unsigned status, const char *content_type,
	char *body, size_t body_bytes);
void connection_refuse(struct connection *connection, unsigned status, const char *reason);

/* The same for bytes that stay the caller's. */
void connection_answer_copy(struct connection *connection, unsigned status,
	const char *content_type, const char *body, size_t body_bytes);

/* Asks from any thread for the end of a connection's execution, which runs (execute.c). */
void exchange_cancel(void *connection);

/* For stream.c, on the connection's thread as well. */
void connection_timer_set(struct connection *connection, uint64_t nsec);
void connection_answered(struct connection *connection); /* all is sent: what follows */
void connection_closed_when_quiet(struct connection *connection);

/* Any thread: connection_attend() follows on the connection's own. */
void connection_post(struct connection *connection);
bool connection_is_here(const struct connection *connection); /* on this thread */

/* Looks what the exchange's execution has brought; on the connection's thread. */
void connection_attend(struct connection *connection);

/* stream.c */
int stream_open(struct connection *connection); /* 0 or -ENOMEM */
void stream_close(struct connection *connection); /* nothing of it is sent any more */

/* Any thread, from the execution's callbacks. */
bool stream_output(
	struct connection *connection, enum output_kind kind, const void *bytes, size_t size);
unsigned stream_vector(struct connection *connection, const struct output_record *records,
	unsigned count);
void stream_gap(struct connection *connection, enum output_kind kind, uint64_t dropped_bytes);

/* The connection's thread. */
int stream_end(struct connection *connection, const char *document); /* 0 or -ENOMEM */
bool stream_is_short(struct connection *connection); /* something was left out */
void stream_attend(struct connection *connection); /* sends what waits, if nothing is being sent */
void stream_flush(void *connection);               /* the same, as its timer */
void stream_sent(void *owner, int32_t result);
void stream_abandon(struct connection *connection); /* it closes: nothing waits for it */
