// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/stub.h: the part of a worker that is ours, whatever language it runs.
 *
 * A runtime program (corral-python, later corral-r and bash's builtin) fills in a struct runtime
 * and calls stub_main(), which never returns. The stub warms and seals the template, forks newborns
 * into cells, waits at the safe point, receives one dispatch, lets the runtime run the code and
 * writes the end record. The runtime knows nothing of cells, rings or sockets.
 */
#pragma once

#include "base/error.h"
#include "ring/output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One execution, as the runtime sees it: private copies, NUL-terminated, valid in execute(). */
struct runtime_job {
	const char *code;
	size_t code_bytes;
	char *const *environment; /* "NAME=value", NULL at the end; added to the template's */
	char *const *arguments;   /* what the code sees behind its own name, NULL at the end */
	uint64_t seed[4];         /* fresh randomness from the daemon; all zero: go on as it is */
	bool want_result;         /* write OUTPUT_RESULT_* for the last expression's value */
	bool session;             /* the program lives on: threads go on, no exit callbacks */
};

struct runtime {
	const char *name; /* "python" */

	/* In the template, once: start the interpreter and import the modules that `imports` names
	 * (comma-separated; NULL: the runtime's usual ones). */
	int (*warm)(const char *imports, struct error *error);

	/* In the template, once, behind the seal: set memory aside that nobody has touched, for
	 * what small programs allocate beside the C library's heap. */
	void (*make_room)(void);

	/* Around the raw clone3 that makes a newborn: before, after in template, after in child. */
	void (*fork_before)(void);
	void (*fork_parent)(void);
	void (*fork_child)(void);

	/* A small program, as many are: tried once, to learn which pages every newborn will need.
	 */
	const char *sample;

	/* In the worker: run the code, write its records with stub_write(), say how it ended.
	 * Everything that the program buffered has been written when this returns. */
	void (*execute)(const struct runtime_job *job, struct output_end *ret_end);
};

int stub_main(const struct runtime *runtime, int argc, char **argv) __attribute__((noreturn));

/*
 * Writes bytes of a stream or a record of the result. Until stub_forked() was called, stdout and
 * stderr go into the output ring; from then on through descriptors 1 and 2, so that they stay in
 * order with what child processes write there. Other kinds always go into the ring, and in a
 * forked child of the worker nowhere.
 */
void stub_write(enum output_kind kind, const void *bytes, size_t size);

/* The program is about to have a child process: see stub_write(). Cheap, may be called often. */
void stub_forked(void);
