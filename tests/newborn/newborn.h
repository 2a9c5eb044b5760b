// SPDX-License-Identifier: Apache-2.0
/*
 * tests/newborn/newborn.h: a runtime under test, without a daemon.
 *
 * Takes the stub's place: workers are made by the raw clone3 that the real one uses, and what the
 * runtime writes is kept in memory that they share with the test.
 */
#pragma once

#include "runtime/stub.h"

#define OUTCOME_BYTES (16u << 20)

/* What came of the last job, or of the last jobs of one worker together. */
struct outcome {
	struct output_end end;
	bool returned;   /* execute() came back */
	unsigned forked; /* calls of stub_forked() */
	unsigned writes[OUTPUT_KIND_COUNT];
	size_t size[OUTPUT_KIND_COUNT];
	char text[OUTPUT_KIND_COUNT][OUTCOME_BYTES]; /* NUL-terminated */
};

extern struct outcome *outcome;

/* Makes this process the runtime's template, with the usual imports. */
void newborn_warm(const struct runtime *runtime);

/* A job with a seed that wants its result. */
struct runtime_job job_of(const char *code);

/* Runs the jobs, one after the other, in one newborn. Returns its wait status. */
int run_jobs(const struct runtime_job *jobs, size_t count, const char *input);
int run_job(struct runtime_job job);
int run(const char *code);

const char *text(enum output_kind kind);
