// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/ring_loop_timers.c: the heap of timers against a sorted array, whatever is armed,
 * re-armed and disarmed in between. Time here is a number.
 */
#include "ring/loop_timers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define TIMERS 300

static struct loop_timers timers;
static struct loop_timer timer[TIMERS];
static uint64_t fired[TIMERS];
static unsigned fired_count;

static void note(void *owner)
{
	const struct loop_timer *one = owner;

	cr_assert_eq(one->place, 0, "it is disarmed when it fires");
	fired[fired_count++] = one->due_nsec;
}

static void timers_open(void)
{
	cr_assert_eq(loop_timers_init(&timers, TIMERS), 0);
	for (int i = 0; i < TIMERS; i++)
		loop_timer_init(&timer[i], note, &timer[i]);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Every timer is armed once or several times, a third of them disarmed; the rest fires in two goes.
 */
static void random_round(uint64_t seed)
{
	uint64_t wanted[TIMERS];
	unsigned count = 0, split;

	fired_count = 0;
	for (int i = 0; i < 3 * TIMERS; i++)
		cr_assert_eq(loop_timers_arm(&timers, &timer[random_next(&seed) % TIMERS],
				     1 + random_next(&seed) % 1000), 0);
	for (int i = 0; i < TIMERS; i++) {
		if (random_next(&seed) % 3 == 0)
			loop_timers_disarm(&timers, &timer[i]);
		if (timer[i].place)
			wanted[count++] = timer[i].due_nsec;
	}
	qsort(wanted, count, sizeof(wanted[0]), by_value);
	cr_assert_eq(timers.count, count);
	cr_assert_eq(loop_timers_next(&timers), wanted[0]);

	loop_timers_fire(&timers, 500);
	for (split = 0; split < count && wanted[split] <= 500; split++)
		;
	cr_assert_eq(fired_count, split, "all that is due at 500, and nothing else");
	cr_assert_eq(loop_timers_next(&timers), split < count ? wanted[split] : UINT64_MAX);
	loop_timers_fire(&timers, 1000);
	cr_assert_eq(fired_count, count);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(fired[i], wanted[i], "place %u", i);
	cr_assert_eq(loop_timers_next(&timers), UINT64_MAX);
}

Test(loop_timers, fire_in_the_order_of_a_sorted_array)
{
	timers_open();
	for (uint64_t seed = 1; seed <= 200; seed++)
		random_round(seed * UINT64_C(0x9e3779b97f4a7c15));
	loop_timers_fini(&timers);
}

Test(loop_timers, are_no_more_than_there_is_room_for)
{
	struct loop_timer extra;

	timers_open();
	loop_timer_init(&extra, note, &extra);
	for (int i = 0; i < TIMERS; i++)
		cr_assert_eq(loop_timers_arm(&timers, &timer[i], (uint64_t)i), 0);
	cr_expect_eq(loop_timers_arm(&timers, &extra, 1), -ENOMEM);
	cr_expect_eq(extra.place, 0);
	cr_expect_eq(loop_timers_arm(&timers, &timer[7], 1), 0, "one that is armed has its place");
	loop_timers_disarm(&timers, &timer[0]);
	cr_expect_eq(loop_timers_arm(&timers, &extra, 1), 0);
	loop_timers_fini(&timers);
}

Test(loop_timers, that_are_not_armed_can_be_disarmed)
{
	timers_open();
	loop_timers_disarm(&timers, &timer[0]);
	cr_assert_eq(loop_timers_arm(&timers, &timer[0], 5), 0);
	loop_timers_disarm(&timers, &timer[0]);
	loop_timers_disarm(&timers, &timer[0]);
	loop_timers_fire(&timers, UINT64_MAX);
	cr_expect_eq(fired_count, 0);
	loop_timers_fini(&timers);
}

static void disarm_the_next(void *owner)
{
	note(owner);
	loop_timers_disarm(&timers, &timer[1]);
	cr_assert_eq(loop_timers_arm(&timers, &timer[2], 3), 0);
	cr_assert_eq(loop_timers_arm(&timers, &timer[3], 99), 0);
}

Test(loop_timers, may_arm_and_disarm_others_as_they_fire)
{
	timers_open();
	loop_timer_init(&timer[0], disarm_the_next, &timer[0]);
	loop_timers_arm(&timers, &timer[0], 1);
	loop_timers_arm(&timers, &timer[1], 2);
	loop_timers_fire(&timers, 10);
	cr_expect_eq(fired_count, 2);
	cr_expect_eq(fired[1], 3, "the one that was armed meanwhile, and due");
	cr_expect_eq(loop_timers_next(&timers), 99);
	loop_timers_fini(&timers);
}
