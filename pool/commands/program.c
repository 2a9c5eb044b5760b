// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/program.c: a program's options, and its code read from where they say.
 */
#include "pool/commands/program.h"

#include "base/own.h"
#include "pool/commands/command.h"
#include "pool/commands/program_artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Beyond every character, and away from the keys of limits_argp and of commands. */
#define OPTION_FILE 0x3000
#define OPTION_ARTIFACT 0x3001
#define OPTION_CWD 0x3002

/* --- The command line ------------------------------------------------------------------------ */

static void list_add(struct program_list *list, const char *item, struct argp_state *state)
{
	size_t size = strlen(item) + 1;

	if (size > sizeof(list->bytes) - list->used)
		argp_error(state, "environment and arguments are longer than %u bytes",
			PROGRAM_LISTS_BYTES_MAX);
	memcpy(list->bytes + list->used, item, size);
	list->used += size;
}

static void file_add(struct program *program, const char *argument, struct argp_state *state)
{
	if (!strchr(argument, '=') || argument[0] == '=')
		argp_error(state, "--file wants NAME=PATH, not '%s'", argument);
	if (program->file_count == PARCEL_FILES_MAX)
		argp_error(state, "--file can be given at most %u times; bring one archive",
			PARCEL_FILES_MAX);
	program->files[program->file_count++] = argument;
}

static void artifact_add(struct program *program, char *argument, struct argp_state *state)
{
	const char *fault = program_artifact_add(program, argument);

	if (fault)
		argp_error(state, "--artifact '%s' %s", argument, fault);
}

static void argument_take(struct program *program, char *argument, struct argp_state *state)
{
	if (program->code || program->file) {
		list_add(&program->arguments, argument, state);
		return;
	}
	program->file = argument;
	/* What follows the file is the program's own. */
	for (int i = state->next; i < state->argc; i++)
		list_add(&program->arguments, state->argv[i], state);
	state->next = state->argc;
}

static error_t program_option(int key, char *argument, struct argp_state *state)
{
	struct program *program = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &program->limits;
		return 0;
	case 'e':
		program->code = argument;
		return 0;
	case 'r':
		program->runtime = argument;
		return 0;
	case 'E':
		if (!strchr(argument, '=') || argument[0] == '=')
			argp_error(state, "--env wants NAME=VALUE, not '%s'", argument);
		list_add(&program->environment, argument, state);
		return 0;
	case OPTION_FILE:
		file_add(program, argument, state);
		return 0;
	case OPTION_ARTIFACT:
		artifact_add(program, argument, state);
		return 0;
	case OPTION_CWD:
		if (!argument[0])
			argp_error(state, "--cwd wants a directory");
		program->directory = argument;
		return 0;
	case 'j':
		program->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argument_take(program, argument, state);
		return 0;
	case ARGP_KEY_END:
		if (!program->code && !program->file)
			argp_error(state, "give a FILE, '-' for standard input, or -e CODE");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option program_options[] = {
	{ "eval", 'e', "CODE", 0, "Run CODE", 1 },
	{ "runtime", 'r', "NAME", 0, "What runs it (python)", 1 },
	{ "env", 'E', "NAME=VALUE", 0, "Add to the program's environment", 1 },
	{ "file", OPTION_FILE, "NAME=PATH", 0,
		"Put a copy of PATH into the program's /workspace as NAME, such as data/a.csv", 1 },
	{ "artifact", OPTION_ARTIFACT, "NAME=PATH", 0,
		"Write the file NAME of the program's /workspace to PATH when it has ended", 1 },
	{ "cwd", OPTION_CWD, "DIR", 0, "Begin in DIR, below /workspace unless absolute", 1 },
	{ "json", 'j', 0, 0, "Print the whole result as one JSON document", 1 },
	{ 0 },
};

static const struct argp_child program_children[] = { { &limits_argp, 0, NULL, 2 }, { 0 } };

const struct argp program_argp = {
	.options = program_options,
	.parser = program_option,
	.args_doc = "FILE [ARG...]\n-e CODE [ARG...]\n-",
	.children = program_children,
};

/* --- The code -------------------------------------------------------------------------------- */

bool program_is_stdin(const struct program *program)
{
	return !program->code && strcmp(program->file, "-") == 0;
}

int program_bytes_read(int fd, const char *name, const char *holder, size_t size_max,
	char **ret_bytes, size_t *ret_size, struct error *error)
{
	size_t used = 0;

	AUTO_FREE char *bytes = malloc(size_max + 1);

	if (!bytes)
		return error_set(error, -ENOMEM, "cannot read %s: %s", name, error_text(ENOMEM));
	while (used <= size_max) {
		ssize_t n = read(fd, bytes + used, size_max + 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(
				error, -errno, "cannot read %s: %s", name, error_text(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	if (used > size_max)
		return error_set(error, -EFBIG,
			"%s is longer than %zu bytes, the most that %s", name, size_max,
			holder);
	*ret_bytes = bytes;
	*ret_size = used;
	bytes = NULL;
	return 0;
}

int program_code_read(const struct program *program, char **ret_code, size_t *ret_size,
	struct error *error)
{
	const char *path = program->file;

	if (program->code) {
		*ret_code = strdup(program->code);
		*ret_size = strlen(program->code);
		return *ret_code ? 0 : error_set(error, -ENOMEM, "cannot take CODE: out of memory");
	}
	AUTO_FD fd = program_is_stdin(program) ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(error, -errno, "cannot open %s: %s", path, error_text(errno));
	return program_bytes_read(
		fd, path, "a program may be", PROGRAM_CODE_BYTES_MAX, ret_code, ret_size, error);
}
