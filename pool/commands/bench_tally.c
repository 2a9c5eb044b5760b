// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench_tally.c: what came back, counted by program.
 *
 * Each thread that counts has a lane of its own, and nobody reads before the load is over: counting
 * costs the load nothing that another thread could notice.
 */
#include "pool/commands/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bench_tally *tally_of(const struct bench *bench, unsigned lane, unsigned program)
{
	return &bench->tallies[lane * bench->program_count + program];
}

const char *bench_verdict_name(unsigned place, char *buffer, size_t size)
{
	struct result result = {
		.verdict = place < VERDICT_COUNT ? (enum verdict)place : VERDICT_LIMIT,
		.limit = place < VERDICT_COUNT ? RESULT_NO_LIMIT
					       : (enum limit)(place - VERDICT_COUNT),
	};

	return verdict_name(&result, buffer, size);
}

unsigned bench_verdict_place(const char *name, size_t size)
{
	char one[32];
	unsigned place = 0;

	while (place < BENCH_VERDICTS &&
		(strlen(bench_verdict_name(place, one, sizeof(one))) != size ||
			memcmp(one, name, size) != 0))
		place++;
	return place;
}

int bench_tallies_make(struct bench *bench, unsigned lanes, struct error *error)
{
	bench->tallies = calloc((size_t)lanes * bench->program_count, sizeof(*bench->tallies));
	if (!bench->tallies)
		return error_set(error, -ENOMEM, "no memory to count %u programs",
			bench->program_count);
	bench->lanes = lanes;
	for (unsigned i = 0; i < lanes * bench->program_count; i++)
		histogram_init(&bench->tallies[i].latency);
	return 0;
}

void bench_tally_add(struct bench *bench, unsigned lane, unsigned program, unsigned place,
	bool was_rewound, uint64_t nsec)
{
	struct bench_tally *tally = tally_of(bench, lane, program);
	char name[32];

	tally->executions++;
	tally->rewound += was_rewound;
	tally->verdicts[place]++;
	histogram_add(&tally->latency, nsec);
	bench_verdict_name(place, name, sizeof(name));
	if (strcmp(name, bench->programs[program].expected) != 0)
		tally->errors++;
}

void bench_tally_sum(const struct bench *bench, int program, struct bench_tally *ret_tally)
{
	memset(ret_tally, 0, sizeof(*ret_tally));
	histogram_init(&ret_tally->latency);
	for (unsigned lane = 0; lane < bench->lanes; lane++) {
		for (unsigned i = 0; i < bench->program_count; i++) {
			const struct bench_tally *tally = tally_of(bench, lane, i);

			if (program >= 0 && i != (unsigned)program)
				continue;
			histogram_merge(&ret_tally->latency, &tally->latency);
			ret_tally->executions += tally->executions;
			ret_tally->errors += tally->errors;
			ret_tally->rewound += tally->rewound;
			for (unsigned v = 0; v < BENCH_VERDICTS; v++)
				ret_tally->verdicts[v] += tally->verdicts[v];
		}
	}
}
