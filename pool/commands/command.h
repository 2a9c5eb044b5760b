// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/command.h: the subcommands of corral, a file each, and what their options share.
 */
#pragma once

#include "pool/pool.h"

#include <argp.h>

/* Exit codes of ours; a run's own verdict has the rest (verdict_exit_code). */
#define EXIT_OURS 125
#define EXIT_USAGE 2

/* Each takes its own name as argv[0] and returns the exit code. */
int command_run(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_status(int argc, char **argv);
int command_drain(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_doctor(int argc, char **argv);

/* The options that set a limit, as an argp child: its `input` is a struct limits. */
extern const struct argp limits_argp;

/* "corral run: SENTENCE" on stderr; returns EXIT_OURS. */
int command_failed(const char *command, const char *sentence);

/* All of `bytes` into a descriptor of ours, 1 or 2. 0 or a negative errno. */
int command_write(int fd, const char *bytes, size_t size);
