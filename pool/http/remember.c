// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/remember.c: between an exchange and the two stores, executions.h and replay.h.
 *
 * The key is looked up before a body is read, so that a repeated request costs no parse, and taken
 * behind it, so that a bad one takes none. What another connection did in between, the taking
 * finds. Both stores have the answer before it is sent: who has read it can ask for it again.
 */
#include "pool/http/remember.h"

#include "base/clock.h"
#include "pool/http/server_private.h"

#include <stdio.h>
#include <string.h>

static const char *key_fault(const struct http_request *request)
{
	const char *key = request->idempotency_key;

	if (request->idempotency_keys > 1)
		return "the request has more than one Idempotency-Key: give one";
	if (request->idempotency_key_is_cut)
		return "the Idempotency-Key is longer than 255 bytes: give a shorter one";
	if (!key[0] || strcmp(key, "\"\"") == 0)
		return "the Idempotency-Key is empty: give a text of 1 to 255 bytes, new for each"
		       " execution";
	return NULL;
}

static void conflict_refuse(struct connection *connection, const char *format, const char *id)
{
	char sentence[256];

	snprintf(sentence, sizeof(sentence), format, id);
	connection_refuse(connection, 409, sentence);
}

/* Whether the key is new, so that the request goes on. */
static bool found_answer(
	struct connection *connection, enum replay_state state, struct replay_found *found)
{
	switch (state) {
	case REPLAY_NEW:
		return true;
	case REPLAY_OTHER:
		connection_refuse(connection, 422,
			"this Idempotency-Key came before with another body: give a new key");
		break;
	case REPLAY_RUNS:
		conflict_refuse(connection, "the execution %s of this Idempotency-Key has not"
			" ended: ask again when it has", found->id);
		break;
	case REPLAY_FULL:
		connection_refuse(connection, 503, "too many executions with keys run already");
		break;
	case REPLAY_ENDED:
		if (!found->answer) {
			conflict_refuse(connection, "this Idempotency-Key was used by the execution"
				" %s, whose answer was too long or too old to be kept: give a new"
				" key to run it again", found->id);
			break;
		}
		connection->header = "Idempotency-Replayed: true\r\n";
		connection_answer_copy(connection, 200, "application/json", found->answer->bytes,
			found->answer->bytes_used);
		break;
	}
	kept_put(found->answer);
	return false;
}

bool remember_look(struct connection *connection, const struct http_request *request)
{
	struct server *server = connection->shard->server;
	struct exchange *exchange = &connection->exchange;
	const char *fault = key_fault(request);
	struct replay_found found;

	exchange->has_key = request->idempotency_keys > 0;
	if (!exchange->has_key)
		return true;
	if (fault) {
		connection_refuse(connection, 400, fault);
		return false;
	}
	replay_name_make(server->replay, connection_tenant(connection), request->idempotency_key,
		request->body ? request->body : "", request->body_bytes, &exchange->name);
	return found_answer(connection,
		replay_find(server->replay, &exchange->name, clock_now_nsec(), &found), &found);
}

bool remember_begin(struct connection *connection)
{
	struct server *server = connection->shard->server;
	struct exchange *exchange = &connection->exchange;
	struct replay_found found;

	exchange->key = NULL;
	if (exchange->has_key && exchange->request.stream) {
		connection_refuse(connection, 400, "a stream cannot be given again: send it without"
			" Idempotency-Key, or without \"stream\"");
		return false;
	}
	if (executions_begin(server->executions, connection_tenant(connection),
		    exchange->request.stream, &exchange->execution, connection, exchange->id,
		    &exchange->record) < 0) {
		connection_refuse(connection, 503, "no id could be given to the execution");
		return false;
	}
	if (!exchange->has_key || found_answer(connection, replay_claim(server->replay,
			&exchange->name, exchange->id, clock_now_nsec(), &exchange->key, &found),
			&found))
		return true;
	executions_drop(server->executions, exchange->record);
	return false;
}

void remember_end(struct connection *connection, const char *text)
{
	struct server *server = connection->shard->server;
	struct exchange *exchange = &connection->exchange;
	struct execution *execution = &exchange->execution;
	size_t size = text ? strlen(text) : 0;
	bool fits = text && size <= server->kept_bytes_max;
	struct kept *kept = fits ? kept_new(text, size) : NULL;

	executions_end(server->executions, exchange->record, execution->result.ended_nsec, kept);
	/* Nobody has seen an answer, and nothing has run. */
	if (exchange->key && connection->closing && !atomic_load(&execution->started_nsec))
		replay_release(server->replay, exchange->key);
	else if (exchange->key &&
		 !replay_end(server->replay, exchange->key, kept, clock_now_nsec()))
		connection->header = "Idempotency-Kept: false\r\n";
	kept_put(kept);
}

void remember_drop(struct connection *connection)
{
	struct server *server = connection->shard->server;
	struct exchange *exchange = &connection->exchange;

	executions_drop(server->executions, exchange->record);
	if (exchange->key)
		replay_release(server->replay, exchange->key);
}
