// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_timers.c: a binary heap of timers, ordered by when they are due.
 *
 * Arming, re-arming and disarming cost O(log n) and no system call: the loop waits until the
 * earliest. Each timer knows its place in the heap, so disarming needs no search.
 */
#include "ring/loop_timers.h"

#include <errno.h>
#include <stdlib.h>

int loop_timers_init(struct loop_timers *timers, uint32_t max)
{
	timers->heap = calloc((size_t)max + 1, sizeof(*timers->heap));
	timers->max = max;
	timers->count = 0;
	return timers->heap ? 0 : -ENOMEM;
}

void loop_timers_fini(struct loop_timers *timers)
{
	free(timers->heap);
	timers->heap = NULL;
}

void loop_timer_init(struct loop_timer *timer, void (*fired)(void *owner), void *owner)
{
	*timer = (struct loop_timer){ .fired = fired, .owner = owner };
}

static void timer_put(struct loop_timers *timers, struct loop_timer *timer, uint32_t place)
{
	timers->heap[place] = timer;
	timer->place = place;
}

static void timer_rise(struct loop_timers *timers, struct loop_timer *timer, uint32_t place)
{
	while (place > 1 && timers->heap[place / 2]->due_nsec > timer->due_nsec) {
		timer_put(timers, timers->heap[place / 2], place);
		place /= 2;
	}
	timer_put(timers, timer, place);
}

static void timer_sink(struct loop_timers *timers, struct loop_timer *timer, uint32_t place)
{
	for (;;) {
		uint32_t child = place * 2;

		if (child > timers->count)
			break;
		if (child < timers->count &&
		    timers->heap[child + 1]->due_nsec < timers->heap[child]->due_nsec)
			child++;
		if (timers->heap[child]->due_nsec >= timer->due_nsec)
			break;
		timer_put(timers, timers->heap[child], place);
		place = child;
	}
	timer_put(timers, timer, place);
}

int loop_timers_arm(struct loop_timers *timers, struct loop_timer *timer, uint64_t due_nsec)
{
	loop_timers_disarm(timers, timer);
	if (timers->count == timers->max)
		return -ENOMEM;
	timer->due_nsec = due_nsec;
	timer_rise(timers, timer, ++timers->count);
	return 0;
}

void loop_timers_disarm(struct loop_timers *timers, struct loop_timer *timer)
{
	uint32_t place = timer->place;
	struct loop_timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = timers->heap[timers->count--];
	if (last == timer)
		return;
	if (place > 1 && timers->heap[place / 2]->due_nsec > last->due_nsec)
		timer_rise(timers, last, place);
	else
		timer_sink(timers, last, place);
}

uint64_t loop_timers_next(const struct loop_timers *timers)
{
	return timers->count ? timers->heap[1]->due_nsec : UINT64_MAX;
}

void loop_timers_fire(struct loop_timers *timers, uint64_t now_nsec)
{
	while (timers->count && timers->heap[1]->due_nsec <= now_nsec) {
		struct loop_timer *timer = timers->heap[1];

		loop_timers_disarm(timers, timer);
		timer->fired(timer->owner);
	}
}
