// SPDX-License-Identifier: Apache-2.0
/*
 * pool/metrics.h: a pool's figures for Prometheus, under names that begin with corral_.
 *
 * Labels are few and bounded: states, verdicts, limits, layers, the runtime. Every series is there
 * from the start, with 0, so that a rate over it knows when it began to grow.
 */
#pragma once

#include "pool/pool.h"
#include "stats/metrics.h"

/* Room for all that pool_metrics_print() can say, however large the numbers. */
#define POOL_METRICS_BYTES_MAX (16u * 1024u)

/* Adds the pool's families to a text that has others; from any thread. */
void pool_metrics_write(struct pool *pool, struct metrics *metrics);

/*
 * The whole text: the pool's families and the process's own, in OpenMetrics 1.0 or in the text
 * format 0.0.4. Returns its length without the final NUL; it is whole only if that is below `size`.
 * From any thread; takes some 20 KiB of stack.
 */
size_t pool_metrics_print(struct pool *pool, bool openmetrics, char *buffer, size_t size);
