// SPDX-License-Identifier: Apache-2.0
/*
 * stats/process.h: what every Prometheus client says of its own process, under the usual names.
 */
#pragma once

#include "stats/metrics.h"

/*
 * Writes process_cpu_seconds, process_resident_memory_bytes, process_open_fds and
 * process_start_time_seconds. All are of the calling process alone, its children not included. A
 * figure that cannot be read is left out: no number is better than a wrong one.
 */
void process_metrics_write(struct metrics *metrics);
