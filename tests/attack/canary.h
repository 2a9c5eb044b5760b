// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/canary.h: the innocent program that runs behind each hostile one, on every slot.
 */
#pragma once

#include "pool/pool.h"
#include "tests/attack/program.h"

#define CANARY_SLOTS_MAX 8u

/* Whose they are: a rewound worker may be for its own tenant alone. */
#define TENANT_HOSTILE 1u
#define TENANT_INNOCENT 2u

struct canary {
	struct pool *pool;
	unsigned slots;
	struct program program, posture;
	char *reference;  /* what a worker says of itself before any hostile program ran */
	uint64_t sung;
};

/*
 * Reads the program, and what the pool's workers say of themselves now. The caller calls
 * canary_free() in either case. 0 or a negative errno and a sentence.
 */
int canary_load(struct canary *canary, struct pool *pool, unsigned slots, struct error *error);

/*
 * On every slot: as the hostile program's own tenant, as another, and thoroughly. False with a
 * sentence that says what is not as it must be.
 */
bool canary_sings(struct canary *canary, char *sentence, size_t size);

void canary_free(struct canary *canary);
