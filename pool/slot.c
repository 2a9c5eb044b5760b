// SPDX-License-Identifier: Apache-2.0
/*
 * pool/slot.c: the states of a slot, and the only function that changes one.
 */
#include "pool/slot.h"

#include "pool/shard.h"

#include <assert.h>
#include <stdio.h>

#define EDGE(state) (1u << (state))

static const uint8_t slot_edges[SLOT_STATE_COUNT] = {
	[SLOT_EMPTY] = EDGE(SLOT_BUILDING) | EDGE(SLOT_ENDING),
	[SLOT_BUILDING] = EDGE(SLOT_BEARING) | EDGE(SLOT_ENDING),
	[SLOT_BEARING] = EDGE(SLOT_IDLE) | EDGE(SLOT_HELD) | EDGE(SLOT_ENDING),
	[SLOT_IDLE] = EDGE(SLOT_BUSY) | EDGE(SLOT_ENDING),
	[SLOT_BUSY] = EDGE(SLOT_HELD) | EDGE(SLOT_ENDING),
	[SLOT_HELD] = EDGE(SLOT_IDLE) | EDGE(SLOT_ENDING),
	[SLOT_ENDING] = EDGE(SLOT_EMPTY) | EDGE(SLOT_QUARANTINED),
	[SLOT_QUARANTINED] = EDGE(SLOT_EMPTY),
};

static const char *const slot_state_names[SLOT_STATE_COUNT] = {
	[SLOT_EMPTY] = "empty",
	[SLOT_BUILDING] = "building",
	[SLOT_BEARING] = "bearing",
	[SLOT_IDLE] = "idle",
	[SLOT_BUSY] = "busy",
	[SLOT_HELD] = "held",
	[SLOT_ENDING] = "ending",
	[SLOT_QUARANTINED] = "quarantined",
};

bool slot_has_cell(const struct slot *slot)
{
	return slot->init_pid && !slot->init_reaped;
}

bool slot_is_coming(enum slot_state state)
{
	return state == SLOT_EMPTY || state == SLOT_BUILDING || state == SLOT_BEARING ||
	       state == SLOT_ENDING;
}

const char *slot_state_name(enum slot_state state)
{
	return slot_state_names[state];
}

void slot_enter(struct slot *slot, enum slot_state state)
{
	enum slot_state from = slot->state;

	assert(slot_edges[from] & EDGE(state));
	slot->state = state;
	shard_state_changed(slot->shard, from, state);
}

void slot_timer_set(struct slot *slot, void (*fired)(void *owner), uint64_t due_nsec)
{
	loop_timer_disarm(slot->shard->loop, &slot->timer);
	loop_timer_init(&slot->timer, fired, slot);
	loop_timer_arm(slot->shard->loop, &slot->timer, due_nsec);
}

void slot_states_print(void)
{
	printf("digraph slot {\n");
	for (int from = 0; from < SLOT_STATE_COUNT; from++)
		for (int to = 0; to < SLOT_STATE_COUNT; to++)
			if (slot_edges[from] & EDGE(to))
				printf("\t%s -> %s;\n", slot_state_names[from],
					slot_state_names[to]);
	printf("}\n");
}
