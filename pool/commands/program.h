// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/program.h: the program that a command line names: its code, environment,
 * arguments, limits.
 *
 * Shared by the commands that run one program, here or through the daemon.
 */
#pragma once

#include "base/error.h"
#include "pool/artifacts.h"
#include "pool/limits.h"
#include "ring/parcel.h"

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define PROGRAM_CODE_BYTES_MAX (1u << 20)
#define PROGRAM_LISTS_BYTES_MAX (64u * 1024u)

struct program_list {
	char bytes[PROGRAM_LISTS_BYTES_MAX]; /* "item\0" each */
	size_t used;
};

/* NAME=PATH, taken apart: the PATH stays the command line's. */
struct program_artifacts {
	struct program_list names;
	const char *paths[ARTIFACTS_MAX];
	unsigned count;
};

struct program {
	const char *file;    /* or "-"; NULL: code is given */
	const char *code;
	const char *runtime; /* as it stands before; NULL or a name */
	bool json;
	struct limits limits; /* as they stand before, but for those that are given */
	struct program_list environment, arguments;
	const char *files[PARCEL_FILES_MAX]; /* "NAME=PATH", as they were given */
	size_t file_count;
	struct program_artifacts artifacts;
	const char *directory; /* to begin in; NULL: not given */
};

/* Its options and arguments, as an argp child: its `input` is a struct program. */
extern const struct argp program_argp;

/* How the program ended as an exit code, in words for --help. */
#define PROGRAM_EXIT_CODES \
	"Exit code: 0 ok, 1 the program raised, N it exited with N, 128+N it died of signal N, " \
	"124 timeout, 137 memory or pids, 152 CPU time, 153 output or files, 130 it was " \
	"interrupted, 125 denied or corral itself failed, 2 the command line is wrong."

/* The program came from our standard input: nothing is left there for it. */
bool program_is_stdin(const struct program *program);

/* The code itself: new bytes of the caller's. 0 or a negative errno with the sentence. */
int program_code_read(const struct program *program, char **ret_code, size_t *ret_size,
	struct error *error);

/*
 * All of `fd`, at most `size_max` bytes: new bytes of the caller's. 0 or a negative errno with a
 * sentence, in which it is called `name`, and -EFBIG reads "…, the most that `holder`", as in
 * "a program may be".
 */
int program_bytes_read(int fd, const char *name, const char *holder, size_t size_max,
	char **ret_bytes, size_t *ret_size, struct error *error);
