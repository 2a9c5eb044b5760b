// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/executions.c: a table of records, chains through it by id, and two lists: the live ones
 * in the order of their begin, the ended ones in the order of their end.
 *
 * A record leaves the table in the critical section in which its place is needed, so the table
 * never has more than its places; its answer is put away after the lock.
 */
#include "pool/http/executions.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ID_SIZE 16u
#define RANDOM_BYTES 256u /* getrandom(2): up to so many it gives whole, whatever signals come */
#define FORGOTTEN_MAX 16u /* in one critical section */

struct execution_record {
	uint8_t id[ID_SIZE];
	struct list node;               /* of the live, the ended or the free ones */
	struct execution_record *next;  /* in the chain of its id */
	uint64_t tenant;
	bool streamed;
	const struct execution *execution; /* NULL: it has ended */
	void *user;
	uint64_t begun_nsec;            /* CLOCK_MONOTONIC, at the time of submitted_usec */
	uint64_t submitted_usec, started_usec, ended_usec;
	struct kept *answer;
};

struct executions {
	struct executions_config config;
	pthread_mutex_t lock;
	struct execution_record *records;
	unsigned place_count, places_used; /* those behind were never used, nor their memory */
	struct execution_record **chains;
	size_t chain_mask;
	struct list live, ended, free;
	unsigned live_count, ended_count;
	size_t bytes_used;
	uint8_t random[RANDOM_BYTES];
	size_t random_used;
	uint64_t owner;                 /* the daemon's own uid as a tenant */
};

/* --- Ids -------------------------------------------------------------------------------------- */

static int random_fill(struct executions *executions)
{
	if (fault("executions.random"))
		return -EIO;
	if (getrandom(executions->random, RANDOM_BYTES, 0) != (ssize_t)RANDOM_BYTES)
		return -EIO;
	executions->random_used = 0;
	return 0;
}

static int id_make(struct executions *executions, uint8_t id[ID_SIZE])
{
	int result = executions->random_used < RANDOM_BYTES ? 0 : random_fill(executions);

	if (result < 0)
		return result;
	memcpy(id, executions->random + executions->random_used, ID_SIZE);
	executions->random_used += ID_SIZE;
	return 0;
}

static void id_print(const uint8_t id[ID_SIZE], char text[EXECUTION_ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < ID_SIZE; i++) {
		text[2 * i] = digits[id[i] >> 4];
		text[2 * i + 1] = digits[id[i] & 15];
	}
	text[2 * ID_SIZE] = '\0';
}

static int digit_of(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* As it is printed, and in no other way: an execution has one name. */
static bool id_read(const char *text, uint8_t id[ID_SIZE])
{
	if (strlen(text) != 2 * ID_SIZE)
		return false;
	for (size_t i = 0; i < ID_SIZE; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* --- The table -------------------------------------------------------------------------------- */

static struct execution_record **chain_of(struct executions *executions, const uint8_t id[ID_SIZE])
{
	uint64_t start;

	memcpy(&start, id, sizeof(start));
	return &executions->chains[start & executions->chain_mask];
}

static struct execution_record *record_find(
	struct executions *executions, const char *id, uint64_t tenant)
{
	bool sees_all = tenant == TENANT_UID(0) || tenant == executions->owner;
	uint8_t wanted[ID_SIZE];
	struct execution_record *record;

	if (!id_read(id, wanted))
		return NULL;
	record = *chain_of(executions, wanted);
	while (record && memcmp(record->id, wanted, ID_SIZE) != 0)
		record = record->next;
	return record && (sees_all || record->tenant == tenant) ? record : NULL;
}

static void record_free(struct executions *executions, struct execution_record *record)
{
	struct execution_record **place = chain_of(executions, record->id);

	while (*place != record)
		place = &(*place)->next;
	*place = record->next;
	list_remove(&record->node);
	list_push(&executions->free, &record->node);
}

static struct execution_record *record_take(struct executions *executions)
{
	struct list *node = list_pop(&executions->free);

	if (node)
		return list_owner(node, struct execution_record, node);
	assert(executions->places_used < executions->place_count);
	return &executions->records[executions->places_used++];
}

static struct kept *ended_forget(struct executions *executions)
{
	struct execution_record *record =
		list_owner(executions->ended.next, struct execution_record, node);
	struct kept *answer = record->answer;

	executions->ended_count--;
	executions->bytes_used -= answer ? answer->bytes_used : 0;
	record->answer = NULL;
	record_free(executions, record);
	return answer;
}

/* Under the lock. False: there are more. */
static bool ended_trim(struct executions *executions, struct kept **forgotten, unsigned *count)
{
	const struct executions_config *config = &executions->config;

	for (*count = 0; executions->ended_count > config->ended_max ||
			 executions->bytes_used > config->bytes_max;) {
		if (*count == FORGOTTEN_MAX)
			return false;
		forgotten[(*count)++] = ended_forget(executions);
	}
	return true;
}

/* --- Public ----------------------------------------------------------------------------------- */

int executions_new(struct executions **ret_executions, const struct executions_config *config)
{
	struct executions *executions = calloc(1, sizeof(*executions));
	size_t chain_count = 1;
	int result;

	if (!executions)
		return -ENOMEM;
	pthread_mutex_init(&executions->lock, NULL);
	list_init(&executions->live);
	list_init(&executions->ended);
	list_init(&executions->free);
	executions->config = *config;
	executions->owner = TENANT_UID(geteuid());
	/* For a moment an ended one too many stands beside them. */
	executions->place_count = config->live_max + config->ended_max + 1;
	while (chain_count < executions->place_count)
		chain_count *= 2;
	executions->chain_mask = chain_count - 1;
	executions->records = calloc(executions->place_count, sizeof(*executions->records));
	executions->chains = calloc(chain_count, sizeof(struct execution_record *));
	result = executions->records && executions->chains ? random_fill(executions) : -ENOMEM;
	if (result < 0) {
		executions_free(executions);
		return result;
	}
	*ret_executions = executions;
	return 0;
}

void executions_free(struct executions *executions)
{
	if (!executions)
		return;
	while (!list_is_empty(&executions->ended))
		kept_put(ended_forget(executions));
	pthread_mutex_destroy(&executions->lock);
	free(executions->records);
	free(executions->chains);
	free(executions);
}

static uint64_t realtime_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

int executions_begin(struct executions *executions, uint64_t tenant, bool streamed,
	const struct execution *execution, void *user, char ret_id[EXECUTION_ID_BYTES],
	struct execution_record **ret_record)
{
	struct execution_record fresh = { .tenant = tenant, .streamed = streamed,
		.execution = execution, .user = user, .begun_nsec = clock_now_nsec(),
		.submitted_usec = realtime_usec() };
	struct execution_record *record, **chain;
	int result;

	pthread_mutex_lock(&executions->lock);
	result = executions->live_count < executions->config.live_max
			 ? id_make(executions, fresh.id)
			 : -ENOSPC;
	if (result == 0) {
		record = record_take(executions);
		chain = chain_of(executions, fresh.id);
		fresh.next = *chain;
		*record = fresh;
		*chain = record;
		list_append(&executions->live, &record->node);
		executions->live_count++;
		*ret_record = record;
	}
	pthread_mutex_unlock(&executions->lock);
	if (result == 0)
		id_print(fresh.id, ret_id);
	return result;
}

/* When something of it happened by the clock of people; 0: it did not. */
static uint64_t moment(const struct execution_record *record, uint64_t nsec)
{
	if (!nsec)
		return 0;
	return record->submitted_usec +
	       (nsec > record->begun_nsec ? (nsec - record->begun_nsec) / NSEC_PER_USEC : 0);
}

void executions_end(struct executions *executions, struct execution_record *record,
	uint64_t ended_nsec, struct kept *answer)
{
	struct kept *forgotten[FORGOTTEN_MAX];
	bool is_trim;
	unsigned count;

	if (answer && answer->bytes_used > executions->config.bytes_max / KEPT_PART)
		answer = NULL;
	pthread_mutex_lock(&executions->lock);
	assert(record->execution);
	record->started_usec = moment(record, atomic_load(&record->execution->started_nsec));
	record->ended_usec = moment(record, ended_nsec);
	record->execution = NULL;
	record->answer = kept_get(answer);
	executions->bytes_used += answer ? answer->bytes_used : 0;
	list_remove(&record->node);
	list_append(&executions->ended, &record->node);
	executions->live_count--;
	executions->ended_count++;
	is_trim = ended_trim(executions, forgotten, &count);
	pthread_mutex_unlock(&executions->lock);
	for (;;) {
		while (count)
			kept_put(forgotten[--count]);
		if (is_trim)
			return;
		pthread_mutex_lock(&executions->lock);
		is_trim = ended_trim(executions, forgotten, &count);
		pthread_mutex_unlock(&executions->lock);
	}
}

void executions_drop(struct executions *executions, struct execution_record *record)
{
	pthread_mutex_lock(&executions->lock);
	assert(record->execution);
	record->execution = NULL;
	executions->live_count--;
	record_free(executions, record);
	pthread_mutex_unlock(&executions->lock);
}

const char *execution_state_name(enum execution_state state)
{
	static const char *const names[] = { "queued", "running", "ended" };

	return names[state];
}

/* Under the lock. */
static void view_take(const struct execution_record *record, struct execution_view *view)
{
	uint64_t started_nsec;

	*view = (struct execution_view){ .streamed = record->streamed,
		.submitted_usec = record->submitted_usec, .started_usec = record->started_usec,
		.ended_usec = record->ended_usec, .state = EXECUTION_ENDED,
		.answer = kept_get(record->answer) };
	id_print(record->id, view->id);
	if (!record->execution)
		return;
	/* Its thread writes it when a worker takes the execution. */
	started_nsec = atomic_load(&record->execution->started_nsec);
	view->started_usec = moment(record, started_nsec);
	view->state = started_nsec ? EXECUTION_RUNNING : EXECUTION_QUEUED;
}

static int find(struct executions *executions, const char *id, uint64_t tenant, bool cancels,
	struct execution_view *ret_view)
{
	struct execution_record *record;

	pthread_mutex_lock(&executions->lock);
	record = record_find(executions, id, tenant);
	if (record) {
		view_take(record, ret_view);
		if (cancels && record->execution)
			executions->config.cancel(record->user);
	}
	pthread_mutex_unlock(&executions->lock);
	return record ? 0 : -ENOENT;
}

int executions_look(struct executions *executions, const char *id, uint64_t tenant,
	struct execution_view *ret_view)
{
	return find(executions, id, tenant, false, ret_view);
}

int executions_cancel(struct executions *executions, const char *id, uint64_t tenant,
	struct execution_view *ret_view)
{
	return find(executions, id, tenant, true, ret_view);
}

unsigned executions_list(struct executions *executions, uint64_t tenant,
	struct execution_view *views, unsigned max)
{
	bool sees_all = tenant == TENANT_UID(0) || tenant == executions->owner;
	unsigned count = 0;

	pthread_mutex_lock(&executions->lock);
	for (struct list *node = executions->live.next;
		node != &executions->live && count < max; node = node->next) {
		struct execution_record *record = list_owner(node, struct execution_record, node);

		if (sees_all || record->tenant == tenant)
			view_take(record, &views[count++]);
	}
	pthread_mutex_unlock(&executions->lock);
	return count;
}
