// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/program.c: reads programs and their first lines.
 *
 * A mistake in a first line is an error, not an expectation that holds whatever happens.
 */
#include "tests/attack/program.h"

#include "base/own.h"
#include "base/quantity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER_LINES_MAX 50
#define PYTHON_LIBRARY "tests/attack/library.py"
#define NATIVE_LIBRARY "tests/attack/native.py"
#define CARRIER "tests/attack/carry.py"
#define FILE_BYTES_MAX (1u << 20)

static int text_load(const char *path, char **text, size_t *used, struct error *error)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return error_set(error, -errno, "cannot open %s: %s", path, error_text(errno));
	if (!*text)
		*text = calloc(1, 2 * FILE_BYTES_MAX);
	if (*text)
		*used += fread(*text + *used, 1, FILE_BYTES_MAX - 1, file);
	fclose(file);
	if (!*text)
		return error_set(error, -ENOMEM, "no memory for %s", path);
	(*text)[*used] = '\0';
	return 0;
}

static int word_set(char *word, size_t size, const char *value)
{
	return (size_t)snprintf(word, size, "%s", value) < size ? 0 : -E2BIG;
}

static int number_set(int *number, const char *value)
{
	uint64_t count = 0;
	int result = strcmp(value, "0") == 0 ? 0 : quantity_parse_count(value, &count);

	*number = (int)count;
	return result;
}

/* "timeout:500ms,pids:8" */
static int limits_set_all(struct limits *limits, char *list, struct error *error)
{
	char *rest;

	for (char *item = strtok_r(list, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		char *colon = strchr(item, ':');
		bool clamped;
		int limit = 0;

		if (!colon)
			return -EINVAL;
		*colon = '\0';
		while (limit < LIMIT_COUNT && strcmp(limit_types[limit].name, item) != 0)
			limit++;
		if (limit == LIMIT_COUNT)
			return -EINVAL;
		int result = limits_parse(limits, (enum limit)limit, colon + 1, &clamped, error);

		if (result < 0)
			return result;
	}
	return 0;
}

static int pair_read(struct expectation *expectation, const char *key, char *value)
{
	struct error error;
	int trials = 0, result;

	if (strcmp(key, "variant") == 0)
		return word_set(expectation->variant, sizeof(expectation->variant), value);
	if (strcmp(key, "verdict") == 0)
		return word_set(expectation->verdicts, sizeof(expectation->verdicts), value);
	if (strcmp(key, "hit") == 0)
		return word_set(expectation->hit, sizeof(expectation->hit), value);
	if (strcmp(key, "first") == 0)
		return word_set(expectation->first, sizeof(expectation->first), value);
	if (strcmp(key, "stdout") == 0)
		return word_set(expectation->last, sizeof(expectation->last), value);
	if (strcmp(key, "code") == 0)
		return number_set(&expectation->code, value);
	if (strcmp(key, "signal") == 0)
		return number_set(&expectation->signal, value);
	if (strcmp(key, "limits") == 0)
		return limits_set_all(&expectation->limits, value, &error);
	if (strcmp(key, "wall_max") == 0)
		return quantity_parse_duration(value, &expectation->wall_nsec_max);
	if (strcmp(key, "cpu_max") == 0)
		return quantity_parse_duration(value, &expectation->cpu_nsec_max);
	if (strcmp(key, "memory_max") == 0)
		return quantity_parse_bytes(value, &expectation->memory_bytes_max);
	if (strcmp(key, "repeat") == 0) {
		result = number_set(&trials, value);
		expectation->repeat = (unsigned)trials;
		return result;
	}
	return -EINVAL;
}

static int flag_read(struct expectation *expectation, const char *flag)
{
	if (strcmp(flag, "unlike") == 0)
		expectation->unlike = true;
	else if (strcmp(flag, "unchanged") == 0)
		expectation->unchanged = true;
	else if (strcmp(flag, "beside") == 0)
		expectation->beside = true;
	else if (strcmp(flag, "stream") == 0)
		expectation->stream = true;
	else
		return -EINVAL;
	return 0;
}

static int expectation_read(struct program *program, char *text)
{
	struct expectation *expectation;
	char *rest;

	if (program->expectation_count == PROGRAM_EXPECTATIONS_MAX)
		return -EINVAL;
	expectation = &program->expectations[program->expectation_count++];
	*expectation = (struct expectation){
		.code = -1, .signal = -1, .repeat = 1,
		.wall_nsec_max = UINT64_MAX, .cpu_nsec_max = UINT64_MAX,
		.memory_bytes_max = UINT64_MAX,
	};
	limits_init(&expectation->limits);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		char *equals = strchr(word, '=');
		int result;

		if (equals)
			*equals = '\0';
		result = equals ? pair_read(expectation, word, equals + 1)
				: flag_read(expectation, word);
		if (result < 0)
			return result;
	}
	return expectation->verdicts[0] ? 0 : -EINVAL;
}

static int header_read(struct program *program, const char *path, struct error *error)
{
	FILE *file = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int result = file ? 0 : -errno;

	for (int i = 0; file && result == 0 && i < HEADER_LINES_MAX; i++) {
		if (getline(&line, &size, file) < 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		char *text = line + strspn(line, " #*/");

		if (strncmp(text, "expect: ", 8) == 0)
			result = expectation_read(program, text + 8);
		else if (strncmp(text, "stops: ", 7) == 0)
			result = word_set(program->stops, sizeof(program->stops), text + 7);
		else if (strcmp(text, "uses: native") == 0)
			program->is_native = true;
	}
	if (file)
		fclose(file);
	if (result == 0 && (!program->expectation_count || !program->stops[0]))
		result = -EINVAL;
	if (result < 0)
		error_set(error, result, "%s: its lines `expect` and `stops` cannot be read: %s",
			path, error_text(result));
	return result;
}

int program_load(struct program *program, const char *path, const char *natives,
	struct error *error)
{
	const char *base = strrchr(path, '/');
	char *dot;
	int result;

	*program = (struct program){ .part = 0 };
	snprintf(program->name, sizeof(program->name), "%s", base ? base + 1 : path);
	dot = strrchr(program->name, '.');
	if (!dot)
		return error_set(error, -EINVAL, "%s: what language is that?", path);
	*dot = '\0';
	if (dot - program->name > 2 && dot[-2] == '_' && (dot[-1] == 'a' || dot[-1] == 'b'))
		program->part = dot[-1];
	result = header_read(program, path, error);
	if (result < 0)
		return result;
	/* What is no Python is carried in by a program that reads it from stdin and becomes it. */
	if (strcmp(dot + 1, "c") == 0)
		snprintf(program->carried, sizeof(program->carried), "%s/%s", natives,
			program->name);
	else if (strcmp(dot + 1, "sh") == 0)
		snprintf(program->carried, sizeof(program->carried), "%s", path);
	if (program->carried[0])
		return text_load(CARRIER, &program->code, &program->code_bytes, error);
	result = text_load(PYTHON_LIBRARY, &program->code, &program->code_bytes, error);
	if (result == 0 && program->is_native)
		result = text_load(NATIVE_LIBRARY, &program->code, &program->code_bytes, error);
	return result < 0 ? result : text_load(path, &program->code, &program->code_bytes, error);
}

void program_free(struct program *program)
{
	free(program->code);
}
