// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/canary.c: one canary a slot at a time, until each slot had one.
 *
 * A slot may be filled again, or be rewound, before the second canary comes: then once more.
 */
#include "tests/attack/canary.h"

#include "base/clock.h"
#include "tests/attack/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNS_MAX 50
#define REST_NSEC_MAX (10 * NSEC_PER_SEC)

/* The first line in which the two texts differ. */
static void difference_tell(const char *wanted, const char *now, char *sentence, size_t size)
{
	size_t same = 0;

	while (wanted[same] && wanted[same] == now[same])
		same++;
	while (same && wanted[same - 1] != '\n')
		same--;
	wanted += same;
	now += same;
	snprintf(sentence, size, "a worker had '%.*s', has '%.*s'", (int)strcspn(wanted, "\n"),
		wanted, (int)strcspn(now, "\n"), now);
}

static bool is_thorough(const char *token)
{
	return strncmp(token, "thorough", 8) == 0;
}

static bool song_is_right(const struct canary *canary, struct job *job, const char *token,
	char *sentence, size_t size)
{
	const char *wanted = is_thorough(token) ? canary->reference : token;
	const char *said = job_stdout(job);

	if (job->execution.result.verdict != VERDICT_OK)
		snprintf(sentence, size, "the canary on slot %d ended badly: %.300s", job->slot,
			job_error(job));
	else if (strcmp(said, wanted) == 0)
		return true;
	else if (wanted == token)
		snprintf(sentence, size, "the canary on slot %d said '%.200s', not '%s'",
			job->slot, said, token);
	else
		difference_tell(wanted, said, sentence, size);
	return false;
}

/* One a slot, at one time; *slots gets a bit for each slot on which one ran. */
static bool turn_sings(struct canary *canary, uint64_t tenant, const char *token, unsigned *slots,
	char *sentence, size_t size)
{
	const struct program *program =
		is_thorough(token) ? &canary->posture : &canary->program;
	struct expectation expectation = { .code = -1, .signal = -1 };
	struct job jobs[CANARY_SLOTS_MAX];
	bool well = true;

	limits_init(&expectation.limits);
	limits_set(&expectation.limits, LIMIT_TIMEOUT, 20 * NSEC_PER_SEC);
	snprintf(expectation.variant, sizeof(expectation.variant), "%s", token);
	for (unsigned i = 0; i < canary->slots; i++)
		if (job_start(&jobs[i], canary->pool, program, &expectation, tenant, false) < 0)
			return false;
	for (unsigned i = 0; i < canary->slots; i++) {
		if (!job_wait(&jobs[i], canary->pool)) {
			snprintf(sentence, size, "the canary got no verdict");
			return false;
		}
		*slots |= jobs[i].slot >= 0 ? 1u << jobs[i].slot : 0;
		well = well && song_is_right(canary, &jobs[i], token, sentence, size);
		job_free(&jobs[i]);
	}
	return well;
}

static bool all_sing(struct canary *canary, uint64_t tenant, const char *word, char *sentence,
	size_t size)
{
	const unsigned all = (1u << canary->slots) - 1;
	unsigned slots = 0;
	char token[32];

	for (int turn = 0; turn < TURNS_MAX && slots != all; turn++) {
		snprintf(token, sizeof(token), "%s %" PRIu64, word, ++canary->sung);
		if (!turn_sings(canary, tenant, token, &slots, sentence, size))
			return false;
		if (!pool_wait_idle(canary->pool, canary->slots, REST_NSEC_MAX)) {
			snprintf(sentence, size, "a slot did not come back after the canary");
			return false;
		}
	}
	if (slots == all)
		return true;
	snprintf(sentence, size, "the canaries were not on all slots");
	return false;
}

bool canary_sings(struct canary *canary, char *sentence, size_t size)
{
	return all_sing(canary, TENANT_HOSTILE, "canary", sentence, size) &&
	       all_sing(canary, TENANT_INNOCENT, "canary", sentence, size) &&
	       all_sing(canary, TENANT_INNOCENT, "thorough", sentence, size);
}

static int reference_take(struct canary *canary, struct error *error)
{
	struct expectation expectation = { .code = -1, .signal = -1, .variant = "thorough" };
	struct job job;
	int result;

	limits_init(&expectation.limits);
	result = job_start(&job, canary->pool, &canary->posture, &expectation, TENANT_INNOCENT,
		false);
	if (result < 0)
		return error_set(error, result, "the canary cannot run: %s", error_text(result));
	if (!job_wait(&job, canary->pool) || job.execution.result.verdict != VERDICT_OK)
		result = error_set(error, -EIO, "the canary does not sing: %.300s",
			job_error(&job));
	else
		canary->reference = strdup(job_stdout(&job));
	job_free(&job);
	return result < 0 || canary->reference ? result : -ENOMEM;
}

int canary_load(struct canary *canary, struct pool *pool, unsigned slots, struct error *error)
{
	int result;

	*canary = (struct canary){ .pool = pool, .slots = slots };
	result = program_load(&canary->program, "tests/attack/canary.py", "", error);
	if (result == 0)
		result = program_load(&canary->posture, "tests/attack/canary_posture.py", "",
			error);
	return result < 0 ? result : reference_take(canary, error);
}

void canary_free(struct canary *canary)
{
	program_free(&canary->program);
	program_free(&canary->posture);
	free(canary->reference);
}
