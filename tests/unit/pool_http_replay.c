// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_replay.c: a key runs once, gives its answer again for its time, and what is
 * forgotten early is the answer before the key.
 */
#include "pool/http/replay.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 4u
#define BYTES 800u
#define TIME 1000u
#define ID "0123456789abcdef0123456789abcdef"

static struct replay *replay;
static struct replay_found found;
static struct replay_entry *entry;

static void make(void)
{
	const struct replay_config config = {
		.keys_max = KEYS, .bytes_max = BYTES, .nsec_max = TIME };

	cr_assert_eq(replay_new(&replay, &config), 0);
}

static void end(void)
{
	replay_free(replay);
}

TestSuite(replay, .init = make, .fini = end);

static struct replay_name name_of(uint64_t tenant, const char *key, const char *body)
{
	struct replay_name name;

	replay_name_make(replay, tenant, key, body, strlen(body), &name);
	return name;
}

static enum replay_state claim(uint64_t tenant, const char *key, const char *body, uint64_t now)
{
	struct replay_name name = name_of(tenant, key, body);
	enum replay_state state = replay_claim(replay, &name, ID, now, &entry, &found);

	kept_put(found.answer);
	return state;
}

static enum replay_state find(uint64_t tenant, const char *key, const char *body, uint64_t now)
{
	struct replay_name name = name_of(tenant, key, body);

	return replay_find(replay, &name, now, &found);
}

/* A key whose execution ended with an answer of so many bytes; whether that was kept. */
static bool run(const char *key, size_t size, uint64_t now)
{
	char text[BYTES];
	struct kept *kept;
	bool is_kept;

	memset(text, key[0], sizeof(text));
	cr_assert_eq(claim(1, key, "body", now), REPLAY_NEW);
	kept = kept_new(text, size);
	is_kept = replay_end(replay, entry, kept, now);
	kept_put(kept);
	return is_kept;
}

/* The size of the key's answer; -1: it ended without, -2: it is new. */
static int answer_of(const char *key, uint64_t now)
{
	enum replay_state state = find(1, key, "body", now);
	int size = found.answer ? (int)found.answer->bytes_used : -1;

	kept_put(found.answer);
	cr_assert(state == REPLAY_ENDED || state == REPLAY_NEW);
	return state == REPLAY_NEW ? -2 : size;
}

Test(replay, gives_one_run_and_then_its_answer)
{
	struct kept *kept = kept_new("{\"id\":1}", 8);

	cr_expect_eq(find(1, "key", "body", 10), REPLAY_NEW);
	cr_expect_eq(claim(1, "key", "body", 10), REPLAY_NEW);
	cr_expect_eq(claim(1, "key", "body", 10), REPLAY_RUNS);
	cr_expect_str_eq(found.id, ID);
	/* However long it runs. */
	cr_expect_eq(find(1, "key", "body", 10 + 5 * TIME), REPLAY_RUNS);
	cr_expect(replay_end(replay, entry, kept, 20));
	kept_put(kept);
	cr_expect_eq(find(1, "key", "body", 20 + TIME - 1), REPLAY_ENDED);
	cr_expect_eq(found.answer, kept, "it is not the same bytes");
	kept_put(found.answer);
	cr_expect_eq(claim(1, "key", "body", 20 + TIME - 1), REPLAY_ENDED);
	cr_expect_eq(claim(1, "key", "body", 20 + TIME), REPLAY_NEW);
}

Test(replay, tells_tenants_keys_and_bodies_apart)
{
	cr_expect_eq(claim(1, "key", "body", 1), REPLAY_NEW);
	cr_expect_eq(find(1, "key", "bodY", 1), REPLAY_OTHER);
	cr_expect_eq(claim(1, "key", "", 1), REPLAY_OTHER);
	cr_expect_eq(find(1, "keY", "body", 1), REPLAY_NEW);
	cr_expect_eq(find(2, "key", "body", 1), REPLAY_NEW);
	cr_expect(replay_end(replay, entry, NULL, 1) == false);
	cr_expect_eq(find(1, "key", "bodY", 1), REPLAY_OTHER);
	cr_expect_eq(find(1, "key", "bodY", 1 + TIME), REPLAY_NEW);
}

Test(replay, is_not_used_up_by_what_never_ran)
{
	for (unsigned i = 0; i < 3 * KEYS; i++) {
		cr_assert_eq(claim(1, "key", i % 2 ? "a" : "b", 1), REPLAY_NEW);
		replay_release(replay, entry);
	}
	cr_expect_eq(find(1, "key", "a", 1), REPLAY_NEW);
}

Test(replay, forgets_answers_before_keys)
{
	cr_expect_not(run("long", BYTES / KEPT_PART + 1, 1));
	cr_expect_eq(answer_of("long", 1), -1);
	end();
	const struct replay_config config = { .keys_max = 100, .bytes_max = BYTES,
		.nsec_max = TIME };
	char key[8];

	cr_assert_eq(replay_new(&replay, &config), 0);
	for (unsigned i = 0; i <= KEPT_PART; i++) {
		snprintf(key, sizeof(key), "%u", i);
		cr_expect(run(key, BYTES / KEPT_PART, 1 + i));
	}
	cr_expect_eq(answer_of("0", 10), -1);
	cr_expect_eq(claim(1, "0", "body", 10), REPLAY_ENDED);
	cr_expect_eq(answer_of("1", 10), BYTES / KEPT_PART);
	cr_expect_eq(answer_of("8", 10), BYTES / KEPT_PART);
}

Test(replay, forgets_many_answers_for_a_long_one)
{
	const struct replay_config config = { .keys_max = 2000, .bytes_max = BYTES,
		.nsec_max = TIME };
	char key[8];

	end();
	cr_assert_eq(replay_new(&replay, &config), 0);
	for (unsigned i = 0; i < BYTES; i++) {
		snprintf(key, sizeof(key), "%u", i);
		run(key, 1, 1);
	}
	cr_expect(run("long", BYTES / KEPT_PART, 2));
	cr_expect_eq(answer_of("99", 2), -1);
	cr_expect_eq(answer_of("100", 2), 1);
	cr_expect_eq(answer_of("long", 2), BYTES / KEPT_PART);
}

Test(replay, forgets_the_oldest_key_when_places_are_short_and_none_that_runs)
{
	struct replay_entry *entries[KEYS];
	char key[8];

	for (unsigned i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "%u", i);
		run(key, 1, 1 + i);
	}
	run("new", 1, 10);
	cr_expect_eq(answer_of("0", 10), -2);
	cr_expect_eq(answer_of("1", 10), 1);
	for (unsigned i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "r%u", i);
		cr_assert_eq(claim(1, key, "body", 11), REPLAY_NEW);
		entries[i] = entry;
	}
	cr_expect_eq(claim(1, "more", "body", 12), REPLAY_FULL);
	cr_expect_eq(claim(1, "more", "body", 12 + 2 * TIME), REPLAY_FULL);
	cr_expect_eq(answer_of("new", 12), -2);
	replay_release(replay, entries[2]);
	cr_expect_eq(claim(1, "more", "body", 12), REPLAY_NEW);
}

static atomic_uint winners, others;

static void *race(void *unused)
{
	struct replay_entry *mine;
	struct replay_found theirs;
	char key[16];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "%u", i);
		struct replay_name name = name_of(1, key, "body");
		enum replay_state state = replay_claim(replay, &name, ID, 1, &mine, &theirs);

		if (state == REPLAY_NEW) {
			struct kept *kept = kept_new(key, strlen(key));

			atomic_fetch_add(&winners, 1);
			replay_end(replay, mine, kept, 1);
			kept_put(kept);
		} else {
			atomic_fetch_add(&others, state == REPLAY_RUNS || state == REPLAY_ENDED);
			kept_put(theirs.answer);
		}
	}
	return NULL;
}

Test(replay, lets_one_of_many_threads_run)
{
	const struct replay_config config = { .keys_max = 2000, .bytes_max = 1 << 20,
		.nsec_max = TIME };
	pthread_t threads[4];

	end();
	cr_assert_eq(replay_new(&replay, &config), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, race, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&winners), 2000);
	cr_expect_eq(atomic_load(&others), 6000);
}

#ifdef CORRAL_FAULTS
/* The plan is read when the first point is passed. */
Test(replay_without_a_secret, does_not_begin)
{
	const struct replay_config config = { .keys_max = 1, .bytes_max = 1, .nsec_max = TIME };
	struct replay *other;

	setenv("CORRAL_FAULT", "replay.random:1", 1);
	cr_expect_eq(replay_new(&other, &config), -EIO);
}
#endif
