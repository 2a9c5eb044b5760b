// SPDX-License-Identifier: Apache-2.0
/*
 * pool/metrics.c: which figures of a pool are told, and what each of them means.
 *
 * The names are an interface: dashboards and alerts are written against them. Units are whole
 * words, times are seconds, counters end in _total (stats/metrics.c adds it).
 */
#include "pool/metrics.h"

#include "base/clock.h"
#include "base/memory.h"
#include "pool/pool_private.h"
#include "stats/process.h"

#include <stddef.h>

static void number_family(struct metrics *metrics, enum metrics_type type, const char *name,
	const char *help, uint64_t value)
{
	metrics_family(metrics, type, name, help);
	metrics_number(metrics, NULL, value);
}

static void workers_write(
	struct metrics *metrics, const char *runtime, const struct pool_status *status)
{
	const struct {
		const char *state;
		unsigned count;
	} rows[] = {
		{ "idle", status->idle },
		{ "busy", status->busy },
		{ "resetting", status->resetting },
		{ "dead", status->dead },
	};

	metrics_family(metrics, METRICS_GAUGE, "corral_workers",
		"Workers by state; resetting: being ended, built or born; dead: quarantined.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metrics_number(metrics,
			METRICS_LABELS({ "state", rows[i].state }, { "runtime", runtime }),
			rows[i].count);
}

static void answers_write(
	struct metrics *metrics, const char *runtime, const struct answers *answers)
{
	metrics_family(metrics, METRICS_COUNTER, "corral_executions",
		"Executions that were answered, by verdict.");
	for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
		metrics_number(metrics,
			METRICS_LABELS({ "runtime", runtime },
				{ "verdict", verdict_word(verdict) }),
			answers->verdicts[verdict]);

	metrics_family(metrics, METRICS_COUNTER, "corral_limit_hits",
		"Executions that met a limit, by limit, whatever their verdict.");
	for (enum limit limit = 0; limit < LIMIT_COUNT; limit++) {
		/* Nobody learns of that one but the program. */
		if (limit != LIMIT_OPEN_FILES)
			metrics_number(metrics,
				METRICS_LABELS({ "limit", limit_types[limit].name }),
				answers->limits[limit]);
	}
	number_family(metrics, METRICS_COUNTER, "corral_output_bytes",
		"Bytes of stdout and stderr that were delivered.", answers->output_bytes);
	number_family(metrics, METRICS_COUNTER, "corral_output_dropped_bytes",
		"Bytes of stdout and stderr that passed the output limit and were not delivered.",
		answers->dropped_bytes);
}

/* 0 where there are no footprints, but for the time, which the cgroups know as well. */
static void footprints_write(struct metrics *metrics, const struct answers *answers)
{
	metrics_family(metrics, METRICS_COUNTER, "corral_cpu_seconds",
		"CPU time of executions that ended.");
	metrics_nsec(metrics, NULL, answers->cpu_usec * NSEC_PER_USEC);
	number_family(metrics, METRICS_COUNTER, "corral_system_calls",
		"System calls of executions that ended.", answers->system_calls);
	number_family(metrics, METRICS_COUNTER, "corral_page_faults",
		"Page faults of executions that ended.", answers->page_faults);
	number_family(metrics, METRICS_COUNTER, "corral_processes",
		"Processes of executions that ended, the worker included.", answers->processes);
}

static void resets_write(struct pool *pool, struct metrics *metrics)
{
	metrics_family(metrics, METRICS_COUNTER, "corral_resets",
		"Executions by what became of their worker: rewind, or replace and why.");
	for (enum reset reset = 0; reset < RESET_COUNT; reset++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < pool->shard_count; i++)
			sum += atomic_load(&pool->shards[i].counters.resets[reset]);
		metrics_number(metrics, METRICS_LABELS({ "reset", reset_names[reset] }), sum);
	}
}

static void births_write(struct metrics *metrics, const struct pool_status *status)
{
	number_family(metrics, METRICS_COUNTER, "corral_births",
		"Workers that were born and became idle.", status->births);
	number_family(metrics, METRICS_GAUGE, "corral_images",
		"Shards whose workers can be rewound; others replace each, and the log says why.",
		status->images);
	number_family(metrics, METRICS_COUNTER, "corral_rewinds",
		"Workers that were made again what they were at birth.", status->rewinds);
	number_family(metrics, METRICS_COUNTER, "corral_rewind_failures",
		"Workers that were to be rewound, could not be, and were replaced.",
		status->rewind_failures);
	number_family(metrics, METRICS_COUNTER, "corral_rewind_mismatches",
		"Rewound workers that were not what they had been, and were replaced; only with"
		" verify.", status->rewind_mismatches);
	number_family(metrics, METRICS_COUNTER, "corral_cells_built",
		"Cells that were built; a clean cell serves several workers.", status->cells);
	number_family(metrics, METRICS_COUNTER, "corral_birth_failures",
		"Cells that could not be built and workers that could not be born.",
		status->birth_failures);
	number_family(metrics, METRICS_COUNTER, "corral_template_restarts",
		"Templates that ended unasked and were started again.", status->template_restarts);
	number_family(metrics, METRICS_COUNTER, "corral_template_renewals",
		"Templates that took the place of an old one, at other addresses.",
		status->template_renewals);
	number_family(metrics, METRICS_COUNTER, "corral_quarantined",
		"Slots that could not be proved empty in time.", status->quarantined);
}

static void layers_write(struct metrics *metrics, const struct pool_status *status)
{
	metrics_family(metrics, METRICS_GAUGE, "corral_layer_enforced",
		"1 for a layer that stands in full around every worker, else 0.");
	for (enum layer layer = 0; layer < LAYER_COUNT; layer++)
		metrics_number(metrics, METRICS_LABELS({ "layer", layer_name(layer) }),
			status->layers[layer].state == LAYER_ENFORCED);
}

static void memory_write(struct metrics *metrics)
{
	struct memory_status memory;

	memory_status(&memory);
	number_family(metrics, METRICS_GAUGE, "corral_memory_bytes",
		"Memory reserved for requests and answers; 0 is the heap.", memory.bytes);
	number_family(metrics, METRICS_GAUGE, "corral_memory_used_bytes",
		"What of it requests and answers use.", memory.used);
	number_family(metrics, METRICS_GAUGE, "corral_memory_used_peak_bytes",
		"The most that they used.", memory.peak);
	number_family(metrics, METRICS_COUNTER, "corral_memory_refused",
		"Allocations that it had no room for.", memory.refused);
}

/* `offset` of a histogram in struct shard_counters. */
static void shards_sum(struct pool *pool, size_t offset, struct histogram *ret_sum)
{
	histogram_init(ret_sum);
	for (unsigned i = 0; i < pool->shard_count; i++) {
		const char *counters = (const char *)&pool->shards[i].counters;

		histogram_merge(ret_sum, (const struct histogram *)(counters + offset));
	}
}

static void histogram_write(struct pool *pool, struct metrics *metrics,
	const struct metrics_label *labels, size_t offset)
{
	struct histogram sum;

	shards_sum(pool, offset, &sum);
	metrics_histogram(metrics, labels, &sum);
}

static void rewinds_write(struct pool *pool, struct metrics *metrics)
{
	struct histogram pages;

	metrics_family(metrics, METRICS_HISTOGRAM, "corral_rewind_seconds",
		"How long a worker was held to be rewound.");
	histogram_write(pool, metrics, NULL, offsetof(struct shard_counters, rewind_durations));
	shards_sum(pool, offsetof(struct shard_counters, rewind_pages), &pages);
	metrics_family(metrics, METRICS_HISTOGRAM, "corral_rewind_pages",
		"Pages that were written to rewind a worker.");
	metrics_histogram_counts(metrics, NULL, &pages);
}

void pool_metrics_write(struct pool *pool, struct metrics *metrics)
{
	const char *runtime = pool->config.runtime;
	struct answers answers = { .output_bytes = 0 };
	struct pool_status status;

	pool_status(pool, &status);
	for (unsigned i = 0; i < pool->shard_count; i++)
		counters_answers_add(&answers, &pool->shards[i].counters);

	metrics_family(metrics, METRICS_INFO, "corral_build", "The version of Corral that runs.");
	metrics_info(metrics, METRICS_LABELS({ "version", CORRAL_VERSION }));
	workers_write(metrics, runtime, &status);
	number_family(metrics, METRICS_GAUGE, "corral_queue_depth",
		"Executions that wait for a worker.", status.queued);
	metrics_family(metrics, METRICS_HISTOGRAM, "corral_queue_wait_seconds",
		"How long executions waited, from submission until they began.");
	histogram_write(pool, metrics, NULL, offsetof(struct shard_counters, waits));
	metrics_family(metrics, METRICS_COUNTER, "corral_executions_started",
		"Executions that began in a worker.");
	metrics_number(metrics, METRICS_LABELS({ "runtime", runtime }), status.executions);
	answers_write(metrics, runtime, &answers);
	footprints_write(metrics, &answers);
	metrics_family(metrics, METRICS_HISTOGRAM, "corral_execution_duration_seconds",
		"How long executions took, from when they began until their end was known.");
	histogram_write(pool, metrics, METRICS_LABELS({ "runtime", runtime }),
		offsetof(struct shard_counters, durations));
	resets_write(pool, metrics);
	rewinds_write(pool, metrics);
	births_write(metrics, &status);
	layers_write(metrics, &status);
	memory_write(metrics);
}

size_t pool_metrics_print(struct pool *pool, bool openmetrics, char *buffer, size_t size)
{
	struct metrics metrics;

	metrics_init(&metrics, openmetrics, buffer, size);
	pool_metrics_write(pool, &metrics);
	process_metrics_write(&metrics);
	return metrics_finish(&metrics);
}
