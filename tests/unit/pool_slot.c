// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_slot.c: a slot walks the edges of its table and no other.
 */
#include "pool/pool_private.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Drawn again, so that a change of the table is a change in two places. */
static const struct edge {
	enum slot_state from, to;
} edges[] = {
	{ SLOT_EMPTY, SLOT_BUILDING },
	{ SLOT_EMPTY, SLOT_ENDING },
	{ SLOT_BUILDING, SLOT_BEARING },
	{ SLOT_BUILDING, SLOT_ENDING },
	{ SLOT_BEARING, SLOT_IDLE },
	{ SLOT_BEARING, SLOT_HELD },
	{ SLOT_BEARING, SLOT_ENDING },
	{ SLOT_IDLE, SLOT_BUSY },
	{ SLOT_IDLE, SLOT_ENDING },
	{ SLOT_BUSY, SLOT_HELD },
	{ SLOT_BUSY, SLOT_ENDING },
	{ SLOT_HELD, SLOT_IDLE },
	{ SLOT_HELD, SLOT_ENDING },
	{ SLOT_ENDING, SLOT_EMPTY },
	{ SLOT_ENDING, SLOT_QUARANTINED },
	{ SLOT_QUARANTINED, SLOT_EMPTY },
};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static struct pool pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };
static struct shard shard = { .pool = &pool };
static struct slot slot = { .shard = &shard };

static bool is_edge(enum slot_state from, enum slot_state to)
{
	for (size_t i = 0; i < EDGES; i++)
		if (edges[i].from == from && edges[i].to == to)
			return true;
	return false;
}

Test(slot, walks_every_edge_and_is_counted_where_it_is)
{
	for (size_t i = 0; i < EDGES; i++) {
		struct shard_counters *counters = &shard.counters;

		memset(counters, 0, sizeof(*counters));
		atomic_store(&counters->resetting, 10);
		atomic_store(&counters->idle, 10);
		atomic_store(&counters->busy, 10);
		atomic_store(&counters->dead, 10);
		slot.state = edges[i].from;
		slot_enter(&slot, edges[i].to);
		cr_expect_eq(slot.state, edges[i].to);
		cr_expect_eq(atomic_load(&counters->idle) + atomic_load(&counters->busy) +
				atomic_load(&counters->resetting) + atomic_load(&counters->dead),
			40);
		cr_expect_eq(atomic_load(&counters->idle), 10u + (edges[i].to == SLOT_IDLE) -
			(edges[i].from == SLOT_IDLE));
		cr_expect_eq(atomic_load(&counters->busy), 10u + (edges[i].to == SLOT_BUSY) -
			(edges[i].from == SLOT_BUSY));
		cr_expect_eq(atomic_load(&counters->dead), 10u + (edges[i].to == SLOT_QUARANTINED) -
			(edges[i].from == SLOT_QUARANTINED));
	}
}

#define PAIRS (SLOT_STATE_COUNT * SLOT_STATE_COUNT - EDGES)

ParameterizedTestParameters(slot, refuses_every_other_edge)
{
	static struct edge others[PAIRS];
	size_t count = 0;

	for (int from = 0; from < SLOT_STATE_COUNT; from++)
		for (int to = 0; to < SLOT_STATE_COUNT; to++)
			if (!is_edge(from, to))
				others[count++] = (struct edge){ from, to };
	return cr_make_param_array(struct edge, others, count);
}

ParameterizedTest(struct edge *edge, slot, refuses_every_other_edge, .signal = SIGABRT)
{
	slot.state = edge->from;
	slot_enter(&slot, edge->to);
}

Test(slot, has_a_name_for_every_state_and_draws_the_table)
{
	char text[2048] = "", line[64];
	FILE *file = fmemopen(text, sizeof(text), "w");
	FILE *standard = stdout;
	unsigned arrows = 0;

	cr_assert_not_null(file);
	stdout = file;
	slot_states_print();
	stdout = standard;
	fclose(file);
	for (size_t i = 0; i < EDGES; i++) {
		snprintf(line, sizeof(line), "\t%s -> %s;\n", slot_state_name(edges[i].from),
			slot_state_name(edges[i].to));
		cr_expect(strstr(text, line), "%s", line);
	}
	for (const char *arrow = text; (arrow = strstr(arrow, "->")); arrow++)
		arrows++;
	cr_expect_eq(arrows, EDGES);
	cr_expect_eq(strncmp(text, "digraph slot {\n", 15), 0);
}
