// SPDX-License-Identifier: Apache-2.0
/*
 * pool/report.c: what happened, as JSON.
 */
#include "pool/report.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/json_writer.h"

#include <cjson/cJSON.h>
#include <stdio.h>

static void bytes_add(
	struct json_writer *writer, const char *name, const struct capture_part *part)
{
	char name_base64[32];

	json_bytes(writer, name, part->bytes, part->used);
	if (utf8_is_valid(part->bytes, part->used))
		return;
	snprintf(name_base64, sizeof(name_base64), "%s_base64", name);
	json_base64(writer, name_base64, part->bytes, part->used);
}

/* Taken only if it is JSON, since the worker wrote it. */
static void json_add(struct json_writer *writer, const char *name, const struct capture_part *part)
{
	if (part->used && json_is_valid(part->bytes, part->used))
		json_value(writer, name, part->bytes, part->used);
	else
		json_null(writer, name);
}

/* The runtime's word for a value. */
static void value_add(struct json_writer *writer, const struct capture *capture)
{
	const struct capture_part *text = &capture->parts[OUTPUT_RESULT_TEXT];
	const struct capture_part *json = &capture->parts[OUTPUT_RESULT_JSON];
	const struct capture_part *mime = &capture->parts[OUTPUT_RESULT_MIME];

	json_open(writer, "result", '{');
	if (text->used)
		bytes_add(writer, "text", text);
	else
		json_null(writer, "text");
	json_add(writer, "json", json);
	/* Most values have no other form, and then it is not there. */
	if (mime->used && mime->bytes[0] == '{')
		json_add(writer, "mime", mime);
	json_close(writer, '}');
}

static void number_or_null_add(
	struct json_writer *writer, const char *name, bool known, int value)
{
	if (known)
		json_number(writer, name, (uint64_t)value);
	else
		json_null(writer, name);
}

static void limit_add(struct json_writer *writer, const struct result *result)
{
	if (result->limit == RESULT_NO_LIMIT) {
		json_null(writer, "limit");
		return;
	}
	json_open(writer, "limit", '{');
	json_string(writer, "name", limit_types[result->limit].name);
	/* Times in seconds, as requests give them. */
	if (limit_types[result->limit].unit == LIMIT_UNIT_NSEC)
		json_fraction(writer, "value", (double)result->limit_value / 1e9);
	else
		json_number(writer, "value", result->limit_value);
	json_close(writer, '}');
}

static void error_add(struct json_writer *writer, const struct capture *capture)
{
	if (!capture->parts[OUTPUT_ERROR_NAME].used) {
		json_null(writer, "error");
		return;
	}
	json_open(writer, "error", '{');
	bytes_add(writer, "name", &capture->parts[OUTPUT_ERROR_NAME]);
	bytes_add(writer, "message", &capture->parts[OUTPUT_ERROR_MESSAGE]);
	bytes_add(writer, "traceback", &capture->parts[OUTPUT_ERROR_TRACEBACK]);
	json_close(writer, '}');
}

static void usage_add(struct json_writer *writer, const struct usage *usage)
{
	json_open(writer, "usage", '{');
	json_number(writer, "wall_usec", usage->wall_usec);
	json_number(writer, "cpu_usec", usage->cpu_usec);
	json_number(writer, "queue_usec", usage->queue_usec);
	json_number(writer, "memory_peak_bytes", usage->memory_peak_bytes);
	json_number(writer, "output_bytes", usage->output_bytes);
	number_or_null_add(writer, "processes", usage->traced, usage->processes);
	number_or_null_add(writer, "system_calls", usage->traced, usage->system_calls);
	number_or_null_add(writer, "page_faults", usage->traced, usage->page_faults);
	json_close(writer, '}');
}

static void notes_add(struct json_writer *writer, const struct report_labels *labels)
{
	json_open(writer, "notes", '[');
	for (unsigned i = 0; i < labels->note_count; i++)
		json_string(writer, NULL, labels->notes[i].sentence);
	json_close(writer, ']');
}

/* Not there where nobody asked for any. */
static void artifacts_add(struct json_writer *writer, const struct artifacts *artifacts)
{
	if (!artifacts || !artifacts->count)
		return;
	json_open(writer, "artifacts", '{');
	for (unsigned i = 0; i < artifacts->count; i++) {
		const struct artifact *artifact = &artifacts->list[i];

		if (artifact->bytes)
			json_base64(writer, artifact->name, artifact->bytes, artifact->size);
		else
			json_null(writer, artifact->name);
	}
	json_close(writer, '}');
}

static void verdict_add(struct json_writer *writer, const struct result *result)
{
	bool ended_itself = result->verdict == VERDICT_OK || result->verdict == VERDICT_ERROR ||
		result->verdict == VERDICT_EXIT;
	char name[32], reason[256];

	json_string(writer, "verdict", verdict_name(result, name, sizeof(name)));
	number_or_null_add(writer, "exit_code", ended_itself, result->exit_code);
	number_or_null_add(
		writer, "signal", result->verdict == VERDICT_SIGNAL, result->signal);
	limit_add(writer, result);
	json_string(writer, "reason", verdict_sentence(result, reason, sizeof(reason)));
}

char *report_result(
	const struct report_labels *labels, const struct result *result,
	const struct capture *capture)
{
	struct json_writer writer = { .text = NULL };

	json_open(&writer, NULL, '{');
	if (labels)
		json_string(&writer, "id", labels->id);
	verdict_add(&writer, result);
	bytes_add(&writer, "stdout", &capture->parts[OUTPUT_STDOUT]);
	bytes_add(&writer, "stderr", &capture->parts[OUTPUT_STDERR]);
	json_number(&writer, "dropped_bytes", result->usage.dropped_bytes);
	value_add(&writer, capture);
	error_add(&writer, capture);
	usage_add(&writer, &result->usage);
	json_string(&writer, "reset", result->reset);
	if (labels)
		artifacts_add(&writer, labels->artifacts);
	if (labels)
		notes_add(&writer, labels);
	json_close(&writer, '}');
	return json_written(&writer);
}

void report_layers(struct cJSON *object, const struct pool_status *status)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		cJSON_AddStringToObject(
			object, layer_name(i), layer_state_name(status->layers[i].state));
}
