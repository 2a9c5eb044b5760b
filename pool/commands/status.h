// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/status.h: private to corral status: its table, and the watch that shows it again
 * and again (pool/commands/watch.c).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct cJSON;

/* What GET /v1/pool said, for people. */
void status_print(FILE *out, const struct cJSON *pool, const char *socket);

/* "12 idle, 3 busy, 1 resetting, 0 dead, 4 waiting", of all runtimes together. */
void status_line_print(FILE *out, const struct cJSON *pool);

struct watch_options {
	const char *socket;
	double seconds; /* between two looks */
	bool json;
};

/*
 * Shows the table with rates until Ctrl-C (exit code 0) or until nobody reads. On a terminal in
 * place, else a line or a document each time. A daemon that cannot be reached is told and waited
 * for. The exit code, where it returns.
 */
int watch_run(const struct watch_options *options);
