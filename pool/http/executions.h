// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/executions.h: what the daemon knows of executions by their names: those that live, and
 * the last ones that ended.
 *
 * An id is 128 bits of the kernel's random numbers: from one nobody guesses another. A record is
 * seen by the tenant whose execution it is; for all others there is no such id. Places are counted
 * and made at start: one for each execution that can live at a time, and `ended_max` for ended
 * ones. Their answers share `bytes_max`. The oldest ended ones are forgotten first.
 *
 * Every function may be called by any thread. The lock is held for a few list operations; no answer
 * is copied or freed under it.
 */
#pragma once

#include "pool/execution.h"
#include "pool/http/kept.h"

#include <stdbool.h>
#include <stdint.h>

#define EXECUTION_ID_BYTES 33u      /* 32 hex digits and a NUL */
#define EXECUTIONS_LISTED_MAX 100u

/* An answer that would take more than this part of the bytes is not kept. */
#define KEPT_PART 8u

struct executions;
struct execution_record;

struct executions_config {
	unsigned live_max, ended_max;
	size_t bytes_max; /* of the ended ones' answers together */
	/*
	 * Asks for the end of an execution that lives, whose user was given to executions_begin().
	 * Called under the lock: it may neither block nor come back here.
	 */
	void (*cancel)(void *user);
};

/* 0, -ENOMEM, or -EIO: no random numbers. */
int executions_new(struct executions **ret_executions, const struct executions_config *config);

/* No execution may run any more. NULL is accepted. */
void executions_free(struct executions *executions);

/*
 * A record of an execution that is about to be submitted; it lives until executions_end() or
 * executions_drop(), and `execution` and `user` must. Writes its id. 0, -ENOSPC: live_max live
 * already, or -EIO: no random numbers.
 */
int executions_begin(struct executions *executions, uint64_t tenant, bool streamed,
	const struct execution *execution, void *user, char ret_id[EXECUTION_ID_BYTES],
	struct execution_record **ret_record);

/* It ended at `ended_nsec` (CLOCK_MONOTONIC); takes a hold of the answer, which may be NULL. */
void executions_end(struct executions *executions, struct execution_record *record,
	uint64_t ended_nsec, struct kept *answer);

/* It never ran: there is no such id. */
void executions_drop(struct executions *executions, struct execution_record *record);

enum execution_state { EXECUTION_QUEUED, EXECUTION_RUNNING, EXECUTION_ENDED };

/* "queued", "running", "ended" */
const char *execution_state_name(enum execution_state state);

struct execution_view {
	char id[EXECUTION_ID_BYTES];
	enum execution_state state;
	bool streamed;
	/* CLOCK_REALTIME, since 1970; 0: not yet, or never. */
	uint64_t submitted_usec, started_usec, ended_usec;
	struct kept *answer; /* the caller's hold; NULL before the end, or when it was not kept */
};

/* 0 or -ENOENT: there is none of this id for this tenant. `id` may be any text. */
int executions_look(struct executions *executions, const char *id, uint64_t tenant,
	struct execution_view *ret_view);

/* The same; and if it lives, it is asked to end. */
int executions_cancel(struct executions *executions, const char *id, uint64_t tenant,
	struct execution_view *ret_view);

/* The tenant's that live, oldest first, without answers; returns how many of at most `max`. */
unsigned executions_list(struct executions *executions, uint64_t tenant,
	struct execution_view *views, unsigned max);

/*
 * A tenant is 1 + the uid of who connected to the unix socket, or the hash of the name that a token
 * has, with TENANT_IS_NAME. Root and the daemon's own uid see everything.
 */
#define TENANT_IS_NAME (UINT64_C(1) << 63)
#define TENANT_UID(uid) (UINT64_C(1) + (uid))
