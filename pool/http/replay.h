// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/replay.h: one run for an Idempotency-Key, and its answer again (IETF
 * draft-ietf-httpapi-idempotency-key-header).
 *
 * Key and body are compared by XXH3-128 with a secret that the daemon draws at its start: nobody
 * outside can look for two that meet, and who did would only harm the own tenant, whose number is
 * compared as it is. A key is used up when its execution has run; from then on it is known for
 * `nsec_max`. Its answer may go earlier, when the bytes are short; then the key still prevents a
 * second run. Only where there are more than `keys_max` the oldest is forgotten before its time.
 *
 * Every function may be called by any thread. Nothing is hashed, copied or freed under the lock.
 */
#pragma once

#include "pool/http/executions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay;
struct replay_entry;

struct replay_config {
	unsigned keys_max;
	size_t bytes_max; /* of the answers together; KEPT_PART is for each */
	uint64_t nsec_max;
};

/* What a request is known by. */
struct replay_name {
	uint64_t tenant;
	uint64_t key[2], body[2];
};

/* 0, -ENOMEM, or -EIO: no random numbers. */
int replay_new(struct replay **ret_replay, const struct replay_config *config);

/* No execution may run any more. NULL is accepted. */
void replay_free(struct replay *replay);

void replay_name_make(const struct replay *replay, uint64_t tenant, const char *key,
	const void *body, size_t body_bytes, struct replay_name *ret_name);

enum replay_state {
	REPLAY_NEW,     /* nobody knows the key */
	REPLAY_OTHER,   /* known, with another body */
	REPLAY_RUNS,    /* the same request, whose execution has not ended */
	REPLAY_ENDED,   /* it has, and there is the answer; NULL: it was not kept */
	REPLAY_FULL,    /* so many run with keys that there is no place for another */
};

struct replay_found {
	char id[EXECUTION_ID_BYTES]; /* of the execution; of REPLAY_RUNS and REPLAY_ENDED */
	struct kept *answer;         /* the caller's hold */
};

/* Everything but REPLAY_FULL. `now_nsec`: CLOCK_MONOTONIC. */
enum replay_state replay_find(struct replay *replay, const struct replay_name *name,
	uint64_t now_nsec, struct replay_found *ret_found);

/*
 * The same; but on REPLAY_NEW the key is taken for the execution `id`, and *ret_entry is the
 * caller's until replay_end() or replay_release().
 */
enum replay_state replay_claim(struct replay *replay, const struct replay_name *name,
	const char *id, uint64_t now_nsec, struct replay_entry **ret_entry,
	struct replay_found *ret_found);

/* It has run: takes a hold of its answer, which may be NULL. False: which was too long. */
bool replay_end(struct replay *replay, struct replay_entry *entry, struct kept *answer,
	uint64_t now_nsec);

/* It never ran: the key is as new. */
void replay_release(struct replay *replay, struct replay_entry *entry);
