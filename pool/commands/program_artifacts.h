// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/program_artifacts.h: the files that a command line wants from its program.
 */
#pragma once

#include "pool/artifacts.h"
#include "pool/commands/program.h"

/*
 * Takes an option's NAME=PATH. NULL, or what is wrong with it, in words that follow "--artifact
 * NAME=PATH ".
 */
const char *program_artifact_add(struct program *program, char *option);

/* The names alone ("name\0" each), as a request has them: in the program, as long as that is. */
int program_artifacts_name(
	struct program *program, struct artifacts *artifacts, struct error *error);

/*
 * Writes a file that came back, by its place among the options, to its PATH; `bytes` NULL: it did
 * not. 0 or a negative errno with the sentence, which is no reason not to write the others.
 */
int program_artifact_write(const struct program *program, unsigned index, const void *bytes,
	size_t size, struct error *error);
