// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/exec.c: corral exec: one execution through the daemon, told as corral run tells it.
 *
 * The daemon answers when the program has ended, so standard input is read whole before, and output
 * comes whole behind: stdout, then stderr. A request is JSON and carries text; standard input that
 * is no UTF-8 travels as base64, as files do, and what else is none is refused here, with the name
 * of what it is. Limits that are not given are the daemon's to choose.
 *
 * There is nothing to do for a signal: it ends us, the daemon sees us go, and cancels.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/own.h"
#include "base/quantity.h"
#include "pool/commands/client.h"
#include "pool/commands/command.h"
#include "pool/commands/config.h"
#include "pool/commands/program.h"
#include "pool/commands/program_artifacts.h"
#include "pool/commands/program_files.h"
#include "pool/commands/report_read.h"
#include "pool/http/execute_request.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Beyond every character, and away from the keys of limits_argp. */
#define OPTION_SOCKET 0x2000
#define OPTION_QUEUE_TIMEOUT 0x2001
#define OPTION_RESET 0x2002
/* For what is neither waiting nor running: a request and an answer on their way, an end. */
#define ANSWER_NSEC_SPARE (60 * NSEC_PER_SEC)

struct text {
	char *bytes;
	size_t size;
};

struct exec {
	struct program program; /* a limit of 0 is not given */
	const char *socket;
	uint64_t queue_nsec_max; /* 0: not given */
	const char *reset;       /* NULL: not given */
	struct text code, input;
	struct program_files files;
};

/* --- The command line ------------------------------------------------------------------------ */

static error_t exec_option(int key, char *argument, struct argp_state *state)
{
	struct exec *exec = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &exec->program;
		return 0;
	case OPTION_SOCKET:
		exec->socket = argument;
		return 0;
	case OPTION_QUEUE_TIMEOUT:
		if (quantity_parse_duration(argument, &exec->queue_nsec_max) < 0 ||
		    exec->queue_nsec_max == 0 || exec->queue_nsec_max > REQUEST_QUEUE_NSEC_MAX)
			argp_error(state,
				"--queue-timeout wants a duration such as 30s above zero, 1h at "
				"most, not '%s'",
				argument);
		return 0;
	case OPTION_RESET:
		if (reset_policy_parse(argument, &(enum reset_policy){ 0 }) < 0)
			argp_error(state, "--reset %s: give " RESET_POLICY_FORM, argument);
		exec->reset = argument;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option exec_options[] = {
	{ "socket", OPTION_SOCKET, "PATH", 0,
		"The daemon's socket ($CORRAL_SOCKET, else " CLIENT_SOCKET_STANDARD ")", 1 },
	{ "queue-timeout", OPTION_QUEUE_TIMEOUT, "TIME", 0,
		"Give up when no worker was free for so long", 1 },
	{ "reset", OPTION_RESET, "HOW", 0,
		"Of its worker, where the daemon is less strict: replace, it runs nothing else; "
		"auto, nothing of other tenants; rewind", 1 },
	{ 0 },
};

static const struct argp_child exec_children[] = { { &program_argp, 0, NULL, 0 }, { 0 } };

static const struct argp exec_argp = {
	.options = exec_options,
	.parser = exec_option,
	.doc = "Runs one program through the daemon (corral serve). " PROGRAM_EXIT_CODES
	       "\vStandard input is passed on, up to 16 MiB, unless it is a terminal. The "
	       "limits in brackets hold unless the daemon is configured with others.",
	.children = exec_children,
};

/* --- The request ----------------------------------------------------------------------------- */

/* Code, files, and standard input where it is ours to give. */
static int texts_read(struct exec *exec, struct error *error)
{
	int result = program_code_read(&exec->program, &exec->code.bytes, &exec->code.size, error);
	size_t files = (size_t)exec->program.limits.values[LIMIT_FILES];
	struct artifacts named = { .list = NULL };

	if (result == 0) /* a limit that is not given may be anything; a body is no larger */
		result = program_files_read(&exec->program, files ? files : CONFIG_BODY_BYTES_MAX,
			&exec->files, error);
	if (result == 0)
		result = program_artifacts_name(&exec->program, &named, error);
	artifacts_clear(&named);
	if (result < 0 || program_is_stdin(&exec->program) || isatty(0))
		return result;
	return program_bytes_read(0, "standard input", "a request carries",
		REQUEST_STDIN_BYTES_MAX, &exec->input.bytes, &exec->input.size, error);
}

static int text_add(cJSON *object, const char *field, const char *name, const struct text *text,
	struct error *error)
{
	size_t valid = utf8_valid_size(text->bytes, text->size);
	AUTO_FREE char *string = strndup(text->bytes, text->size);

	if (valid < text->size)
		return error_set(error, -EILSEQ,
			"%s is no UTF-8 text at byte %zu, and a request carries nothing else; "
			"'corral run' takes any bytes",
			name, valid);
	cJSON_AddStringToObject(object, field, string ? string : "");
	return 0;
}

/* Of a name that stands there twice the last counts, as for corral run. */
static int environment_add(cJSON *request, const struct program_list *list, struct error *error)
{
	cJSON *object = list->used ? cJSON_AddObjectToObject(request, "env") : NULL;
	size_t size;

	for (size_t at = 0; at < list->used; at += size + 1) {
		const char *item = list->bytes + at;
		size_t name_size = strcspn(item, "=");
		char name[64];

		size = strlen(item);
		AUTO_FREE char *key = strndup(item, name_size);
		const struct text value = { .bytes = (char *)item + name_size + 1,
			.size = size - name_size - 1 };

		if (!key)
			return error_set(error, -ENOMEM, "cannot ask the daemon: out of memory");
		if (!utf8_is_valid(key, name_size))
			return error_set(
				error, -EILSEQ, "a name given with --env is no UTF-8 text");
		snprintf(name, sizeof(name), "the value of --env %s", key);
		cJSON_DeleteItemFromObjectCaseSensitive(object, key);
		int result = text_add(object, key, name, &value, error);

		if (result < 0)
			return result;
	}
	return 0;
}

static int arguments_add(cJSON *request, const struct program_list *list, struct error *error)
{
	cJSON *array = list->used ? cJSON_AddArrayToObject(request, "args") : NULL;
	unsigned number = 1;
	size_t size;

	for (size_t at = 0; at < list->used; at += size + 1, number++) {
		const char *item = list->bytes + at;

		size = strlen(item);
		if (!utf8_is_valid(item, size))
			return error_set(error, -EILSEQ,
				"argument %u of the program is no UTF-8 text, and a request "
				"carries nothing else",
				number);
		cJSON_AddItemToArray(array, cJSON_CreateString(item));
	}
	return 0;
}

/* Bytes as they are, where a string of JSON can hold them. */
static int bytes_add(cJSON *object, const char *name, const void *bytes, size_t size,
	struct error *error)
{
	AUTO_FREE char *base64 = base64_encode(bytes, size);

	if (!base64 || !cJSON_AddStringToObject(object, name, base64))
		return error_set(error, -ENOMEM, "cannot ask the daemon: out of memory");
	return 0;
}

static int input_add(cJSON *request, const struct text *input, struct error *error)
{
	if (utf8_is_valid(input->bytes, input->size))
		return text_add(request, "stdin", "standard input", input, error);
	return bytes_add(request, "stdin_base64", input->bytes, input->size, error);
}

static int files_add(cJSON *request, const struct program_files *files, struct error *error)
{
	cJSON *object = files->count ? cJSON_AddObjectToObject(request, "files") : NULL;
	int result = 0;

	for (size_t i = 0; i < files->count && result == 0; i++) {
		const struct parcel_file *file = &files->list[i];

		if (!utf8_is_valid(file->name, strlen(file->name)))
			return error_set(error, -EILSEQ,
				"a name given with --file is no UTF-8 text");
		result = bytes_add(object, file->name, file->bytes, file->size, error);
	}
	return result;
}

static int artifacts_add(cJSON *request, const struct program_artifacts *artifacts,
	struct error *error)
{
	cJSON *array = artifacts->count ? cJSON_AddArrayToObject(request, "artifacts") : NULL;
	const char *name = artifacts->names.bytes;

	for (unsigned i = 0; i < artifacts->count; i++, name += strlen(name) + 1) {
		if (!utf8_is_valid(name, strlen(name)))
			return error_set(error, -EILSEQ,
				"a name given with --artifact is no UTF-8 text");
		cJSON_AddItemToArray(array, cJSON_CreateString(name));
	}
	return 0;
}

static int directory_add(cJSON *request, const char *directory, struct error *error)
{
	const struct text text = { (char *)directory, directory ? strlen(directory) : 0 };

	return directory ? text_add(request, "cwd", "the directory of --cwd", &text, error) : 0;
}

static int fields_add(cJSON *request, const struct exec *exec, struct error *error)
{
	const struct program *program = &exec->program;
	int result = text_add(request, "code", program->code ? "CODE" : program->file, &exec->code,
		error);

	if (result == 0 && exec->input.size)
		result = input_add(request, &exec->input, error);
	if (result == 0)
		result = files_add(request, &exec->files, error);
	if (result == 0)
		result = environment_add(request, &program->environment, error);
	if (result == 0)
		result = arguments_add(request, &program->arguments, error);
	if (result == 0)
		result = artifacts_add(request, &program->artifacts, error);
	if (result == 0)
		result = directory_add(request, program->directory, error);
	if (program->runtime)
		cJSON_AddStringToObject(request, "runtime", program->runtime);
	if (exec->queue_nsec_max)
		cJSON_AddNumberToObject(
			request, "queue_timeout", (double)exec->queue_nsec_max / 1e9);
	if (exec->reset)
		cJSON_AddStringToObject(request, "reset", exec->reset);
	client_limits_add(request, &program->limits);
	return result;
}

/* The request's body, the caller's. */
static int request_print(const struct exec *exec, char **ret_body, struct error *error)
{
	cJSON *request = cJSON_CreateObject();
	int result = fields_add(request, exec, error);

	if (result == 0) {
		*ret_body = cJSON_PrintUnformatted(request);
		if (!*ret_body)
			result = error_set(
				error, -ENOMEM, "cannot ask the daemon: out of memory");
	}
	cJSON_Delete(request);
	return result;
}

static int daemon_ask(const struct exec *exec, struct text *ret_answer, struct error *error)
{
	uint64_t timeout = exec->program.limits.values[LIMIT_TIMEOUT];
	uint64_t queue = exec->queue_nsec_max ? exec->queue_nsec_max : REQUEST_QUEUE_NSEC_MAX;

	AUTO_FREE char *body = NULL;
	int result = request_print(exec, &body, error);

	if (result < 0)
		return result;
	const struct client_request request = {
		.socket_path = client_socket_path(exec->socket),
		.method = "POST",
		.target = "/v1/execute",
		.body = body,
		.body_bytes = strlen(body),
		.answer_nsec_max = queue + (timeout ? timeout : limit_types[LIMIT_TIMEOUT].max) +
			ANSWER_NSEC_SPARE,
	};

	return client_ask(&request, &ret_answer->bytes, &ret_answer->size, error);
}

/* --- The answer ------------------------------------------------------------------------------ */

/* That our reader has gone is no failure of ours, and nobody is left to be told. */
static int stream_write(int fd, const char *bytes, size_t size, struct error *error)
{
	int result = command_write(fd, bytes, size);

	if (result == 0 || result == -EPIPE)
		return 0;
	return error_set(error, result, "cannot write the program's output: %s",
		error_text(result));
}

/* Returns the exit code, or a negative errno with the sentence. */
static int report_tell(const struct report *report, struct error *error)
{
	const cJSON *note;
	int result = stream_write(1, report->out.bytes, report->out.size, error);

	if (result == 0)
		result = stream_write(2, report->err.bytes, report->err.size, error);
	if (result < 0)
		return result;
	cJSON_ArrayForEach(note, report->notes)
		if (cJSON_IsString(note))
			fprintf(stderr, "corral exec: %s\n", note->valuestring);
	if (report->reason[0])
		fprintf(stderr, "corral exec: %s\n", report->reason);
	return verdict_exit_code(&report->result);
}

/* What is missing is said; the exit code stays the program's. */
static void artifacts_write(const struct program *program, const struct report *report)
{
	const char *name = program->artifacts.names.bytes;
	struct error error;

	for (unsigned i = 0; i < program->artifacts.count; i++, name += strlen(name) + 1) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(report->artifacts, name);
		AUTO_FREE char *bytes = NULL;
		size_t size = 0;

		if (cJSON_IsString(item))
			base64_decode(item->valuestring, &bytes, &size);
		if (program_artifact_write(program, i, bytes, size, &error) < 0)
			fprintf(stderr, "corral exec: %s\n", error.sentence);
	}
}

static int document_print(const struct text *answer, struct error *error)
{
	int result = stream_write(1, answer->bytes, answer->size, error);

	return result < 0 ? result : stream_write(1, "\n", 1, error);
}

static int answer_tell(const struct exec *exec, const struct text *answer, struct error *error)
{
	struct report report;
	int result = report_read(answer->bytes, answer->size, &report, error);

	if (result < 0)
		return result;
	if (exec->program.json)
		result = document_print(answer, error);
	if (result == 0)
		result = exec->program.json ? verdict_exit_code(&report.result)
					    : report_tell(&report, error);
	artifacts_write(&exec->program, &report);
	report_clear(&report);
	return result;
}

int command_exec(int argc, char **argv)
{
	static struct exec exec;
	struct error error = { .sentence = "" };
	struct text answer = { .bytes = NULL };
	int result;

	argp_parse(&exec_argp, argc, argv, ARGP_IN_ORDER, NULL, &exec);
	result = texts_read(&exec, &error);
	if (result == 0)
		result = daemon_ask(&exec, &answer, &error);
	if (result == 0)
		result = answer_tell(&exec, &answer, &error);
	free(exec.code.bytes);
	free(exec.input.bytes);
	program_files_free(&exec.files);
	free(answer.bytes);
	return result < 0 ? command_failed("exec", error.sentence) : result;
}
