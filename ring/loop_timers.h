// SPDX-License-Identifier: Apache-2.0
/*
 * ring/loop_timers.h: private to ring/loop*.c: the heap of armed timers.
 */
#pragma once

#include "ring/loop.h"

struct loop_timers {
	struct loop_timer **heap; /* heap[0] is unused: places count from 1 */
	uint32_t count;
	uint32_t max;
};

int loop_timers_init(struct loop_timers *timers, uint32_t max);
void loop_timers_fini(struct loop_timers *timers);

int loop_timers_arm(struct loop_timers *timers, struct loop_timer *timer, uint64_t due_nsec);
void loop_timers_disarm(struct loop_timers *timers, struct loop_timer *timer);

/* When the earliest is due; UINT64_MAX: none is armed. */
uint64_t loop_timers_next(const struct loop_timers *timers);

/* Disarms and fires every timer that is due at `now`. */
void loop_timers_fire(struct loop_timers *timers, uint64_t now_nsec);
