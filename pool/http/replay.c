// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/replay.c: a table of keys, chains through it, and two lists of those that ended, in the
 * order of their end: all of them, for their time; those with an answer, for the bytes.
 *
 * All keys live equally long, so the oldest end is the first to be forgotten.
 */
#include "pool/http/replay.h"

#include "base/fault.h"
#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#define SECRET_BYTES 192u /* XXH3_SECRET_SIZE_MIN is 136; getrandom(2) gives up to 256 whole */
#define DROPPED_MAX 16u   /* answers, in one critical section */

static_assert(SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "XXH3 wants a longer secret");

struct replay_entry {
	struct replay_name name;
	struct replay_entry *next; /* in the chain of its key */
	struct list node;          /* of the ended or the free ones; in none while it runs */
	struct list answered;      /* of those with an answer */
	uint64_t ended_nsec;       /* 0: it runs */
	struct kept *answer;
	char id[EXECUTION_ID_BYTES];
};

struct replay {
	struct replay_config config;
	pthread_mutex_t lock;
	struct replay_entry *entries;
	unsigned places_used; /* those behind were never used, nor their memory */
	struct replay_entry **chains;
	size_t chain_mask;
	struct list ended, answered, free;
	size_t bytes_used;
	unsigned char secret[SECRET_BYTES];
};

/* Answers that leave under the lock and are put away behind it. */
struct dropped {
	struct kept *answers[DROPPED_MAX];
	unsigned count;
};

static struct replay_entry **chain_of(struct replay *replay, const struct replay_name *name)
{
	return &replay->chains[(name->key[0] ^ name->tenant) & replay->chain_mask];
}

static struct replay_entry *entry_find(struct replay *replay, const struct replay_name *name)
{
	struct replay_entry *entry = *chain_of(replay, name);

	while (entry && (entry->name.tenant != name->tenant ||
				memcmp(entry->name.key, name->key, sizeof(name->key)) != 0))
		entry = entry->next;
	return entry;
}

static void entry_free(struct replay *replay, struct replay_entry *entry)
{
	struct replay_entry **place = chain_of(replay, &entry->name);

	while (*place != entry)
		place = &(*place)->next;
	*place = entry->next;
	list_remove(&entry->node);
	list_push(&replay->free, &entry->node);
}

/* --- Forgetting, under the lock --------------------------------------------------------------- */

static void answer_drop(struct replay *replay, struct replay_entry *entry, struct dropped *dropped)
{
	if (!entry->answer)
		return;
	replay->bytes_used -= entry->answer->bytes_used;
	dropped->answers[dropped->count++] = entry->answer;
	entry->answer = NULL;
	list_remove(&entry->answered);
}

static bool is_over(const struct replay *replay, const struct replay_entry *entry, uint64_t now)
{
	return entry->ended_nsec && now >= entry->ended_nsec &&
	       now - entry->ended_nsec >= replay->config.nsec_max;
}

static void oldest_forget(struct replay *replay, struct dropped *dropped)
{
	struct replay_entry *entry = list_owner(replay->ended.next, struct replay_entry, node);

	answer_drop(replay, entry, dropped);
	entry_free(replay, entry);
}

/* A few of those whose time is over; one stays for another who needs a place. */
static void old_forget(struct replay *replay, uint64_t now, struct dropped *dropped)
{
	while (!list_is_empty(&replay->ended) && dropped->count < DROPPED_MAX / 2 &&
	       is_over(replay, list_owner(replay->ended.next, struct replay_entry, node), now))
		oldest_forget(replay, dropped);
}

static struct replay_entry *entry_take(struct replay *replay, struct dropped *dropped)
{
	struct list *node = list_pop(&replay->free);

	if (node)
		return list_owner(node, struct replay_entry, node);
	if (replay->places_used < replay->config.keys_max)
		return &replay->entries[replay->places_used++];
	if (list_is_empty(&replay->ended))
		return NULL;
	oldest_forget(replay, dropped);
	return list_owner(list_pop(&replay->free), struct replay_entry, node);
}

static void dropped_put(struct dropped *dropped)
{
	while (dropped->count)
		kept_put(dropped->answers[--dropped->count]);
}

/* --- Public ----------------------------------------------------------------------------------- */

int replay_new(struct replay **ret_replay, const struct replay_config *config)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	size_t chain_count = 1;
	ssize_t n;

	if (!replay)
		return -ENOMEM;
	pthread_mutex_init(&replay->lock, NULL);
	list_init(&replay->ended);
	list_init(&replay->answered);
	list_init(&replay->free);
	replay->config = *config;
	while (chain_count < config->keys_max)
		chain_count *= 2;
	replay->chain_mask = chain_count - 1;
	replay->entries = calloc(config->keys_max, sizeof(*replay->entries));
	replay->chains = calloc(chain_count, sizeof(struct replay_entry *));
	n = fault("replay.random") ? -1 : getrandom(replay->secret, SECRET_BYTES, 0);
	if (!replay->entries || !replay->chains || n != (ssize_t)SECRET_BYTES) {
		replay_free(replay);
		return n != (ssize_t)SECRET_BYTES ? -EIO : -ENOMEM;
	}
	*ret_replay = replay;
	return 0;
}

void replay_free(struct replay *replay)
{
	struct list *node;

	if (!replay)
		return;
	while ((node = list_pop(&replay->answered)))
		kept_put(list_owner(node, struct replay_entry, answered)->answer);
	pthread_mutex_destroy(&replay->lock);
	free(replay->entries);
	free(replay->chains);
	free(replay);
}

static void hash(const struct replay *replay, const void *bytes, size_t size, uint64_t ret_hash[2])
{
	XXH128_hash_t sum =
		XXH3_128bits_withSecret(bytes, size, replay->secret, sizeof(replay->secret));

	ret_hash[0] = sum.low64;
	ret_hash[1] = sum.high64;
}

void replay_name_make(const struct replay *replay, uint64_t tenant, const char *key,
	const void *body, size_t body_bytes, struct replay_name *ret_name)
{
	ret_name->tenant = tenant;
	hash(replay, key, strlen(key), ret_name->key);
	hash(replay, body, body_bytes, ret_name->body);
}

/* Under the lock. */
static enum replay_state look(struct replay *replay, const struct replay_name *name, uint64_t now,
	struct dropped *dropped, struct replay_found *found)
{
	struct replay_entry *entry;

	old_forget(replay, now, dropped);
	entry = entry_find(replay, name);
	if (!entry)
		return REPLAY_NEW;
	if (is_over(replay, entry, now)) {
		answer_drop(replay, entry, dropped);
		entry_free(replay, entry);
		return REPLAY_NEW;
	}
	if (memcmp(entry->name.body, name->body, sizeof(name->body)) != 0)
		return REPLAY_OTHER;
	memcpy(found->id, entry->id, sizeof(found->id));
	found->answer = kept_get(entry->answer);
	return entry->ended_nsec ? REPLAY_ENDED : REPLAY_RUNS;
}

enum replay_state replay_find(struct replay *replay, const struct replay_name *name,
	uint64_t now_nsec, struct replay_found *ret_found)
{
	struct dropped dropped = { .count = 0 };
	enum replay_state state;

	*ret_found = (struct replay_found){ .answer = NULL };
	pthread_mutex_lock(&replay->lock);
	state = look(replay, name, now_nsec, &dropped, ret_found);
	pthread_mutex_unlock(&replay->lock);
	dropped_put(&dropped);
	return state;
}

enum replay_state replay_claim(struct replay *replay, const struct replay_name *name,
	const char *id, uint64_t now_nsec, struct replay_entry **ret_entry,
	struct replay_found *ret_found)
{
	struct dropped dropped = { .count = 0 };
	struct replay_entry *entry, **chain;
	enum replay_state state;

	*ret_found = (struct replay_found){ .answer = NULL };
	pthread_mutex_lock(&replay->lock);
	state = look(replay, name, now_nsec, &dropped, ret_found);
	entry = state == REPLAY_NEW ? entry_take(replay, &dropped) : NULL;
	if (entry) {
		chain = chain_of(replay, name);
		*entry = (struct replay_entry){ .name = *name, .next = *chain };
		memcpy(entry->id, id, EXECUTION_ID_BYTES);
		list_init(&entry->node);
		list_init(&entry->answered);
		*chain = entry;
		*ret_entry = entry;
	} else if (state == REPLAY_NEW) {
		state = REPLAY_FULL;
	}
	pthread_mutex_unlock(&replay->lock);
	dropped_put(&dropped);
	return state;
}

bool replay_end(struct replay *replay, struct replay_entry *entry, struct kept *answer,
	uint64_t now_nsec)
{
	bool fits = answer && answer->bytes_used <= replay->config.bytes_max / KEPT_PART;
	struct dropped dropped = { .count = 0 };
	bool are_few;

	pthread_mutex_lock(&replay->lock);
	assert(!entry->ended_nsec);
	entry->ended_nsec = now_nsec ? now_nsec : 1;
	list_append(&replay->ended, &entry->node);
	if (fits) {
		entry->answer = kept_get(answer);
		list_append(&replay->answered, &entry->answered);
		replay->bytes_used += answer->bytes_used;
	}
	do {
		while (replay->bytes_used > replay->config.bytes_max &&
		       dropped.count < DROPPED_MAX)
			answer_drop(replay, list_owner(replay->answered.next,
				struct replay_entry, answered), &dropped);
		are_few = replay->bytes_used <= replay->config.bytes_max;
		pthread_mutex_unlock(&replay->lock);
		dropped_put(&dropped);
		if (!are_few)
			pthread_mutex_lock(&replay->lock);
	} while (!are_few);
	return fits;
}

void replay_release(struct replay *replay, struct replay_entry *entry)
{
	pthread_mutex_lock(&replay->lock);
	assert(!entry->ended_nsec);
	entry_free(replay, entry);
	pthread_mutex_unlock(&replay->lock);
}
