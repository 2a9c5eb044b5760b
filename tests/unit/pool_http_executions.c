// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_executions.c: records are found by their ids and by nobody else, and the
 * oldest that ended go first, by their number and by their answers' bytes.
 */
#include "pool/http/executions.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVE 8u
#define ENDED 4u
#define BYTES 800u
#define ALICE TENANT_UID(1000)
#define BOB TENANT_UID(1001)
#define ROOT TENANT_UID(0)

static struct executions *executions;
static struct execution execution;
static atomic_uint cancels;
static void *cancelled;

static void cancel(void *user)
{
	cancelled = user;
	atomic_fetch_add(&cancels, 1);
}

static void make(void)
{
	const struct executions_config config = { .live_max = LIVE, .ended_max = ENDED,
		.bytes_max = BYTES, .cancel = cancel };

	cr_assert_eq(executions_new(&executions, &config), 0);
	execution_init(&execution);
}

static void end(void)
{
	executions_free(executions);
}

TestSuite(executions, .init = make, .fini = end);

static struct execution_record *begin(uint64_t tenant, char id[EXECUTION_ID_BYTES])
{
	struct execution_record *record = NULL;

	cr_assert_eq(executions_begin(executions, tenant, false, &execution, &execution, id,
			     &record), 0);
	return record;
}

/* One that ran and ended with an answer of so many bytes. */
static void run(uint64_t tenant, size_t size, char id[EXECUTION_ID_BYTES])
{
	struct execution_record *record = begin(tenant, id);
	char text[BYTES];
	struct kept *kept;

	memset(text, 'x', sizeof(text));
	kept = kept_new(text, size);
	executions_end(executions, record, clock_now_nsec(), kept);
	kept_put(kept);
}

/* The size of its answer; -1: none, -2: there is no such execution. */
static int answer_of(const char *id, uint64_t tenant)
{
	struct execution_view view;
	int size;

	if (executions_look(executions, id, tenant, &view) < 0)
		return -2;
	cr_expect_str_eq(view.id, id);
	cr_expect_eq(view.state, EXECUTION_ENDED);
	size = view.answer ? (int)view.answer->bytes_used : -1;
	kept_put(view.answer);
	return size;
}

Test(executions, go_from_queued_to_running_to_ended)
{
	char id[EXECUTION_ID_BYTES];
	struct execution_record *record = begin(ALICE, id);
	struct execution_view view;
	struct kept *kept = kept_new("{}", 2);

	cr_assert_eq(executions_look(executions, id, ALICE, &view), 0);
	cr_expect_eq(view.state, EXECUTION_QUEUED);
	cr_expect(view.submitted_usec && !view.started_usec && !view.ended_usec && !view.answer);
	atomic_store(&execution.started_nsec, clock_now_nsec());
	cr_assert_eq(executions_look(executions, id, ALICE, &view), 0);
	cr_expect_eq(view.state, EXECUTION_RUNNING);
	cr_expect(view.started_usec >= view.submitted_usec && !view.ended_usec);
	executions_end(executions, record, clock_now_nsec(), kept);
	kept_put(kept);
	/* Its execution's memory is another's by now. */
	atomic_store(&execution.started_nsec, 0);
	cr_assert_eq(executions_look(executions, id, ALICE, &view), 0);
	cr_expect_eq(view.state, EXECUTION_ENDED);
	cr_expect(view.started_usec && view.ended_usec >= view.started_usec);
	cr_expect_arr_eq(view.answer->bytes, "{}", 2);
	kept_put(view.answer);
}

Test(executions, have_ids_that_say_nothing_of_each_other)
{
	char ids[100][EXECUTION_ID_BYTES];
	unsigned equal = 0;

	for (int i = 0; i < 100; i++) {
		run(ALICE, 1, ids[i]);
		cr_expect_eq(strspn(ids[i], "0123456789abcdef"), 32);
		cr_expect_eq(strlen(ids[i]), 32);
	}
	/* Of 99 * 32 digits, a sixteenth is the same by chance. */
	for (int i = 1; i < 100; i++)
		for (int k = 0; k < 32; k++)
			equal += ids[i][k] == ids[i - 1][k];
	cr_expect(equal > 100 && equal < 300, "%u digits are the same", equal);
}

Test(executions, are_their_tenants_and_roots_and_no_others)
{
	char id[EXECUTION_ID_BYTES], upper[EXECUTION_ID_BYTES];
	struct execution_view view;

	run(ALICE, 3, id);
	cr_expect_eq(answer_of(id, ALICE), 3);
	cr_expect_eq(answer_of(id, ROOT), 3);
	cr_expect_eq(answer_of(id, TENANT_UID(geteuid())), 3);
	cr_expect_eq(executions_look(executions, id, BOB, &view), -ENOENT);
	cr_expect_eq(executions_look(executions, id, TENANT_IS_NAME, &view), -ENOENT);
	cr_expect_eq(executions_cancel(executions, id, BOB, &view), -ENOENT);
	for (int i = 0; i < 33; i++)
		upper[i] = (char)(id[i] >= 'a' ? id[i] - 'a' + 'A' : id[i]);
	cr_expect(strcmp(upper, id) == 0 || answer_of(upper, ROOT) == -2);
	cr_expect_eq(answer_of("", ROOT), -2);
	cr_expect_eq(answer_of("00000000000000000000000000000000", ROOT), -2);
	cr_expect_eq(answer_of("../../etc/passwd-----------------------------------", ROOT), -2);
}

Test(executions, that_live_are_asked_to_end_as_often_as_somebody_asks)
{
	char id[EXECUTION_ID_BYTES];
	struct execution_record *record = begin(ALICE, id);
	struct execution_view view;

	cr_expect_eq(executions_cancel(executions, id, ALICE, &view), 0);
	cr_expect_eq(view.state, EXECUTION_QUEUED);
	cr_expect_eq(executions_cancel(executions, id, ROOT, &view), 0);
	cr_expect_eq(atomic_load(&cancels), 2);
	cr_expect_eq(cancelled, &execution);
	executions_end(executions, record, clock_now_nsec(), NULL);
	cr_expect_eq(executions_cancel(executions, id, ALICE, &view), 0);
	cr_expect_eq(view.state, EXECUTION_ENDED);
	cr_expect_eq(atomic_load(&cancels), 2);
}

Test(executions, are_forgotten_oldest_end_first_by_their_number)
{
	char ids[ENDED + 2][EXECUTION_ID_BYTES], live[EXECUTION_ID_BYTES];
	struct execution_record *record = begin(ALICE, live);
	struct execution_view view;

	for (unsigned i = 0; i < ENDED + 2; i++)
		run(ALICE, 1, ids[i]);
	for (unsigned i = 0; i < ENDED + 2; i++)
		cr_expect_eq(answer_of(ids[i], ALICE), i < 2 ? -2 : 1, "%u", i);
	cr_expect_eq(executions_look(executions, live, ALICE, &view), 0);
	executions_end(executions, record, clock_now_nsec(), NULL);
	cr_expect_eq(answer_of(live, ALICE), -1);
	cr_expect_eq(answer_of(ids[2], ALICE), -2);
}

Test(executions, are_forgotten_by_their_bytes_and_too_long_an_answer_alone)
{
	char ids[ENDED][EXECUTION_ID_BYTES], next[EXECUTION_ID_BYTES];
	const struct executions_config config = { .live_max = 1, .ended_max = 1000,
		.bytes_max = BYTES, .cancel = cancel };

	run(ALICE, BYTES / KEPT_PART + 1, next);
	cr_expect_eq(answer_of(next, ALICE), -1);
	end();
	cr_assert_eq(executions_new(&executions, &config), 0);
	for (unsigned i = 0; i < ENDED; i++)
		run(ALICE, BYTES / KEPT_PART, ids[i]);
	for (unsigned i = 0; i < KEPT_PART - ENDED; i++)
		run(ALICE, BYTES / KEPT_PART, next);
	cr_expect_eq(answer_of(ids[0], ALICE), BYTES / KEPT_PART);
	run(ALICE, 1, next);
	cr_expect_eq(answer_of(ids[0], ALICE), -2);
	cr_expect_eq(answer_of(ids[1], ALICE), BYTES / KEPT_PART);
	/* One long answer against many short ones: more than one critical section forgets. */
	for (unsigned i = 0; i < BYTES; i++)
		run(ALICE, 1, next);
	for (unsigned i = 0; i < KEPT_PART; i++)
		run(ALICE, BYTES / KEPT_PART, next);
	cr_expect_eq(answer_of(ids[1], ALICE), -2);
	cr_expect_eq(answer_of(next, ALICE), BYTES / KEPT_PART);
}

Test(executions, that_never_ran_leave_nothing)
{
	char id[EXECUTION_ID_BYTES];
	struct execution_view view;

	for (unsigned i = 0; i < 3 * LIVE; i++)
		executions_drop(executions, begin(ALICE, id));
	cr_expect_eq(executions_look(executions, id, ALICE, &view), -ENOENT);
}

Test(executions, have_no_more_places_than_was_said)
{
	struct execution_record *records[LIVE], *record;
	struct execution_view views[LIVE];
	char id[EXECUTION_ID_BYTES], first[EXECUTION_ID_BYTES];

	for (unsigned i = 0; i < LIVE; i++)
		records[i] = begin(i % 2 ? BOB : ALICE, i ? id : first);
	cr_expect_eq(executions_begin(executions, ALICE, false, &execution, NULL, id, &record),
		-ENOSPC);
	cr_expect_eq(executions_list(executions, ALICE, views, LIVE), LIVE / 2);
	cr_expect_str_eq(views[0].id, first);
	cr_expect_eq(executions_list(executions, ROOT, views, LIVE), LIVE);
	cr_expect_eq(executions_list(executions, ROOT, views, 3), 3);
	cr_expect_eq(executions_list(executions, TENANT_IS_NAME, views, LIVE), 0);
	for (unsigned i = 0; i < LIVE; i++)
		executions_end(executions, records[i], clock_now_nsec(), NULL);
	cr_expect_eq(executions_list(executions, ROOT, views, LIVE), 0);
	begin(ALICE, id);
}

static void *churn(void *unused)
{
	struct execution_view view;
	char id[EXECUTION_ID_BYTES];

	for (int i = 0; i < 5000; i++) {
		run(ALICE, (size_t)i % 100, id);
		if (executions_cancel(executions, id, ALICE, &view) == 0)
			kept_put(view.answer);
	}
	return NULL;
}

Test(executions, begin_and_end_on_several_threads)
{
	pthread_t threads[4];
	char id[EXECUTION_ID_BYTES];

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&cancels), 0);
	run(ALICE, 5, id);
	cr_expect_eq(answer_of(id, ALICE), 5);
}

#ifdef CORRAL_FAULTS
/* The plan is read when the first point is passed, which making the table does. */
TestSuite(executions_without, .fini = end);

Test(executions_without, random_numbers_have_no_name)
{
	struct execution_record *record = NULL;
	char id[EXECUTION_ID_BYTES];
	unsigned refused = 0;

	setenv("CORRAL_FAULT", "executions.random:2", 1);
	make();
	for (unsigned i = 0; i < 100; i++) {
		if (executions_begin(executions, ALICE, false, &execution, NULL, id, &record) == 0)
			executions_drop(executions, record);
		else
			refused++;
	}
	cr_expect_eq(refused, 1);
}

Test(executions_without, memory_for_their_answer_end_all_the_same)
{
	char id[EXECUTION_ID_BYTES];

	setenv("CORRAL_FAULT", "kept.memory:1", 1);
	make();
	run(ALICE, 3, id);
	cr_expect_eq(answer_of(id, ALICE), -1);
}
#endif
