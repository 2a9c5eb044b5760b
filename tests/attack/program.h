// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/program.h: one hostile program and what its first lines say must come of it.
 *
 *	# expect: verdict=ok|timeout limits=timeout:500ms,pids:8 stdout=held
 *	# stops: seccomp, namespaces	the layers that stop it, the primary one first
 *	# proof: …		how it is known that the test can fail (tests/attack/control)
 *
 * One run for each `expect`; those with variant=NAME have ATTACK_VARIANT=NAME in the environment.
 * Keys of `expect` beside these: code= and signal= of the verdict, hit= the limit that was met,
 * first= how stdout begins, wall_max= cpu_max= memory_max= bounds of the figures, repeat= trials,
 * and for the second of a pair `unlike` (its two runs differ), `unchanged` (it says the same
 * before and after the first); `beside` in a first part: it still runs when the second does;
 * `stream`: its output is brought while it is written. A first part with several variants is a pair
 * with each of them.
 *
 *	# uses: native		tests/attack/native.py is put in front of it as well
 */
#pragma once

#include "base/error.h"
#include "pool/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_EXPECTATIONS_MAX 32
#define PROGRAM_WORD_BYTES 96

struct expectation {
	char variant[32];
	char verdicts[PROGRAM_WORD_BYTES]; /* "ok|timeout" */
	char hit[16];                      /* "": whatever */
	char first[PROGRAM_WORD_BYTES], last[PROGRAM_WORD_BYTES];
	int code, signal;                  /* -1: whatever */
	unsigned repeat;
	bool unlike, unchanged, beside, stream;
	struct limits limits;
	uint64_t wall_nsec_max, cpu_nsec_max, memory_bytes_max; /* UINT64_MAX: whatever */
};

struct program {
	char name[64];    /* "100_io_uring" */
	char stops[PROGRAM_WORD_BYTES];
	bool is_native;   /* it uses native.py */
	char part;        /* 'a' or 'b' of a pair, else 0 */
	char *code;       /* what the worker runs */
	size_t code_bytes;
	char carried[512]; /* .sh and .c: the file that the code reads from stdin; else "" */
	unsigned expectation_count;
	struct expectation expectations[PROGRAM_EXPECTATIONS_MAX];
};

/* Reads tests/attack/NNN_name.{py,sh,c}; native ones are found in `natives`. 0 or -errno. */
int program_load(struct program *program, const char *path, const char *natives,
	struct error *error);

void program_free(struct program *program);
