// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/job.h: one execution of a hostile program, waited for by the driver's thread.
 */
#pragma once

#include "pool/capture.h"
#include "pool/pool.h"
#include "tests/attack/program.h"

#include <pthread.h>

struct job {
	struct execution execution;
	struct capture capture;
	char environment[64];
	char sentence[512]; /* why it is not as expected */
	int slot;           /* where it ran, once it wrote anything; -1 */
	unsigned digest;    /* of the output, for the matrix */
	unsigned done;      /* calls of the done callback */
	bool spoke, never_ended;
	int stdin_writer;   /* the other end of its stdin, or -1 */
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

/*
 * Starts it, for this tenant. With `open_stdin` the program reads until job_close_stdin(). 0 or
 * -errno.
 */
int job_start(struct job *job, struct pool *pool, const struct program *program,
	const struct expectation *expectation, uint64_t tenant, bool open_stdin);

void job_close_stdin(struct job *job);

/* Waits until it wrote something or ended. False after ten seconds without either. */
bool job_wait_spoken(struct job *job);

/*
 * Waits for the verdict. Where there is none a second and more after the deadline, it cancels and
 * notes that; false when even that did not bring one.
 */
bool job_wait(struct job *job, struct pool *pool);

/* True when everything is as expected; else job->sentence says what is not. */
bool job_is_as_expected(struct job *job, const struct expectation *expectation);

/* Keeps a hash of the output alone, so that its memory is not taken for the daemon's. */
void job_forget_output(struct job *job);

/* Why it ended badly, in its own words or the daemon's; lives as long as the job. */
const char *job_error(struct job *job);

/* What it wrote to stdout, NUL-terminated; lives as long as the job. */
const char *job_stdout(struct job *job);

void job_free(struct job *job);
