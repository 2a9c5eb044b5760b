// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/program_files.h: the files that a command line brings for its program.
 */
#pragma once

#include "base/error.h"
#include "pool/commands/program.h"
#include "ring/parcel.h"

/* Owns names and bytes. */
struct program_files {
	struct parcel_file *list;
	size_t count;
};

/*
 * Reads what each --file names, at most `bytes_max` together. 0, and the caller frees them; or a
 * negative errno with the sentence.
 */
int program_files_read(const struct program *program, size_t bytes_max,
	struct program_files *ret_files, struct error *error);

void program_files_free(struct program_files *files);
