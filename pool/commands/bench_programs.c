// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/bench_programs.c: the programs of a bench, and what is expected of each.
 *
 * A program's first line says how it ends, and under which limits it is to be run:
 *	# expect: verdict=timeout limits=timeout:500ms,pids:16
 * One without such a line is expected to end well.
 */
#include "base/file.h"
#include "base/own.h"
#include "pool/commands/bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CODE_BYTES_MAX (1u << 20)
#define EXPECTATION "# expect: "

static int limit_apply(struct bench_program *program, char *setting, struct error *error)
{
	char *colon = strchr(setting, ':');
	bool clamped;

	for (int i = 0; colon && i < LIMIT_COUNT; i++)
		if (strlen(limit_types[i].name) == (size_t)(colon - setting) &&
		    strncmp(limit_types[i].name, setting, (size_t)(colon - setting)) == 0)
			return limits_parse(&program->limits, i, colon + 1, &clamped, error);
	return error_set(error, -EINVAL, "%s: its first line names no limit in '%s'", program->name,
		setting);
}

static int expectation_read(struct bench_program *program, struct error *error)
{
	char line[256], *rest = line;
	size_t size = strcspn(program->code, "\n");
	int result = 0;

	snprintf(program->expected, sizeof(program->expected), "ok");
	if (size >= sizeof(line) || strncmp(program->code, EXPECTATION, strlen(EXPECTATION)) != 0)
		return 0;
	memcpy(line, program->code, size);
	line[size] = '\0';
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (strncmp(word, "verdict=", 8) == 0)
			snprintf(program->expected, sizeof(program->expected), "%.31s", word + 8);
		if (strncmp(word, "limits=", 7) != 0)
			continue;
		char *settings = word + 7;

		for (char *one = strsep(&settings, ","); one && result == 0;
			one = strsep(&settings, ","))
			result = limit_apply(program, one, error);
	}
	return result;
}

static int program_add(
	struct bench *bench, const char *name, char *code, size_t code_bytes, struct error *error)
{
	struct bench_program *program = &bench->programs[bench->program_count++];

	snprintf(program->name, sizeof(program->name), "%.63s", name);
	program->code = code;
	program->code_bytes = code_bytes;
	program->limits = bench->options.config.limits;
	return expectation_read(program, error);
}

static int file_add(struct bench *bench, int dir, const char *name, struct error *error)
{
	char *code = malloc(CODE_BYTES_MAX);
	int n = code ? file_read(dir, name, code, CODE_BYTES_MAX) : -ENOMEM;

	if (n < 0) {
		free(code);
		return error_set(error, n, "cannot read %s/%s: %s", bench->options.programs, name,
			error_text(n));
	}
	return program_add(bench, name, code, (size_t)n, error);
}

static int name_is_program(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".py") == 0;
}

static int folder_add(struct bench *bench, struct error *error)
{
	const char *path = bench->options.programs;
	struct dirent **entries;
	AUTO_FD dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int count = dir < 0 ? -1 : scandir(path, &entries, name_is_program, alphasort);
	int result = 0;

	if (count < 0)
		return error_set(
			error, -errno, "cannot read the folder %s: %s", path, error_text(errno));
	for (int i = 0; i < count; i++) {
		if (result == 0 && bench->program_count < BENCH_PROGRAMS_MAX)
			result = file_add(bench, dir, entries[i]->d_name, error);
		free(entries[i]);
	}
	free(entries);
	if (result == 0 && !bench->program_count)
		result = error_set(error, -ENOENT, "there is no *.py in the folder %s", path);
	return result;
}

int bench_programs_load(struct bench *bench, struct error *error)
{
	bench->programs = calloc(BENCH_PROGRAMS_MAX, sizeof(*bench->programs));
	if (!bench->programs)
		return error_set(error, -ENOMEM, "no memory for programs");
	if (bench->options.programs)
		return folder_add(bench, error);
	return program_add(
		bench, "code", strdup(bench->options.code), strlen(bench->options.code), error);
}
