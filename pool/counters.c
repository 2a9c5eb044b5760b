// SPDX-License-Identifier: Apache-2.0
/*
 * pool/counters.c: an execution is counted when it begins and when it is answered.
 */
#include "pool/counters.h"

static uint64_t load(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void count(atomic_ullong *counter, uint64_t more)
{
	atomic_store_explicit(counter, load(counter) + more, memory_order_relaxed);
}

void counters_init(struct shard_counters *counters, unsigned slots)
{
	*counters = (struct shard_counters){ .layers = ~0u, .resetting = slots, .unborn = slots };
	histogram_init(&counters->waits);
	histogram_init(&counters->durations);
	histogram_init(&counters->rewind_durations);
	histogram_init(&counters->rewind_pages);
}

void counters_began(struct shard_counters *counters, const struct execution *execution)
{
	count(&counters->executions, 1);
	histogram_add(&counters->waits, execution->started_nsec - execution->submitted_nsec);
}

void counters_ended(struct shard_counters *counters, const struct execution *execution)
{
	const struct result *result = &execution->result;

	count(&counters->verdicts[result->verdict], 1);
	if (result->limit != RESULT_NO_LIMIT)
		count(&counters->limits[result->limit], 1);
	count(&counters->output_bytes, result->usage.output_bytes);
	count(&counters->dropped_bytes, result->usage.dropped_bytes);
	count(&counters->cpu_usec, result->usage.cpu_usec);
	count(&counters->system_calls, result->usage.system_calls);
	count(&counters->page_faults, result->usage.page_faults);
	count(&counters->processes, result->usage.processes);
	histogram_add(&counters->durations, result->ended_nsec - execution->started_nsec);
}

void counters_refused(struct shard_counters *counters, enum verdict verdict)
{
	count(&counters->verdicts[verdict], 1);
}

void counters_answers_add(struct answers *into, const struct shard_counters *from)
{
	for (int i = 0; i < VERDICT_COUNT; i++)
		into->verdicts[i] += load(&from->verdicts[i]);
	for (int i = 0; i < LIMIT_COUNT; i++)
		into->limits[i] += load(&from->limits[i]);
	into->output_bytes += load(&from->output_bytes);
	into->dropped_bytes += load(&from->dropped_bytes);
	into->cpu_usec += load(&from->cpu_usec);
	into->system_calls += load(&from->system_calls);
	into->page_faults += load(&from->page_faults);
	into->processes += load(&from->processes);
}
