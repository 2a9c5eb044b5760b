// SPDX-License-Identifier: Apache-2.0
/*
 * pool/report.c: what happened, as JSON.
 */
#include "pool/report.h"

#include "base/encode.h"
#include "base/own.h"

#include <cjson/cJSON.h>
#include <stdio.h>

static void bytes_add(cJSON *object, const char *name, const struct capture_part *part)
{
	char name_base64[32];

	AUTO_FREE char *text = utf8_repair(part->bytes, part->used);

	cJSON_AddStringToObject(object, name, text ? text : "");
	if (utf8_is_valid(part->bytes, part->used))
		return;
	AUTO_FREE char *base64 = base64_encode(part->bytes, part->used);

	snprintf(name_base64, sizeof(name_base64), "%s_base64", name);
	cJSON_AddStringToObject(object, name_base64, base64 ? base64 : "");
}

static void value_add(cJSON *object, const char *name, const struct capture_part *part)
{
	if (part->used)
		bytes_add(object, name, part);
	else
		cJSON_AddNullToObject(object, name);
}

/* The runtime's word for a value; taken only if it parses, since the worker wrote it. */
static void json_add(cJSON *object, const char *name, const struct capture_part *part)
{
	cJSON *value = NULL;
	const char *end = NULL;

	if (part->used && utf8_is_valid(part->bytes, part->used))
		value = cJSON_ParseWithLengthOpts(part->bytes, part->used, &end, false);
	/* cJSON takes the first value of several. */
	if (value && end != part->bytes + part->used) {
		cJSON_Delete(value);
		value = NULL;
	}
	cJSON_AddItemToObject(object, name, value ? value : cJSON_CreateNull());
}

static void number_or_null_add(cJSON *object, const char *name, bool known, double value)
{
	cJSON_AddItemToObject(object, name, known ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static void limit_add(cJSON *object, const struct result *result)
{
	if (result->limit == RESULT_NO_LIMIT) {
		cJSON_AddNullToObject(object, "limit");
		return;
	}
	cJSON *limit = cJSON_AddObjectToObject(object, "limit");
	bool is_time = limit_types[result->limit].unit == LIMIT_UNIT_NSEC;

	cJSON_AddStringToObject(limit, "name", limit_types[result->limit].name);
	/* Times in seconds, as requests give them. */
	cJSON_AddNumberToObject(limit, "value", (double)result->limit_value / (is_time ? 1e9 : 1));
}

static void usage_add(cJSON *object, const struct usage *usage)
{
	cJSON *figures = cJSON_AddObjectToObject(object, "usage");

	cJSON_AddNumberToObject(figures, "wall_usec", (double)usage->wall_usec);
	cJSON_AddNumberToObject(figures, "cpu_usec", (double)usage->cpu_usec);
	cJSON_AddNumberToObject(figures, "queue_usec", (double)usage->queue_usec);
	cJSON_AddNumberToObject(figures, "memory_peak_bytes", (double)usage->memory_peak_bytes);
	cJSON_AddNumberToObject(figures, "output_bytes", (double)usage->output_bytes);
}

static void notes_add(cJSON *object, const struct report_labels *labels)
{
	cJSON *notes = cJSON_AddArrayToObject(object, "notes");

	for (unsigned i = 0; i < labels->note_count; i++)
		cJSON_AddItemToArray(notes, cJSON_CreateString(labels->notes[i].sentence));
}

char *report_result(
	const struct report_labels *labels, const struct result *result,
	const struct capture *capture)
{
	const struct capture_part *parts = capture->parts;
	cJSON *object = cJSON_CreateObject();
	char name[32], reason[256];
	char *text;

	if (labels)
		cJSON_AddStringToObject(object, "id", labels->id);
	cJSON_AddStringToObject(object, "verdict", verdict_name(result, name, sizeof(name)));
	number_or_null_add(object, "exit_code",
		result->verdict == VERDICT_OK || result->verdict == VERDICT_ERROR ||
			result->verdict == VERDICT_EXIT,
		result->exit_code);
	number_or_null_add(object, "signal", result->verdict == VERDICT_SIGNAL, result->signal);
	limit_add(object, result);
	cJSON_AddStringToObject(object, "reason", verdict_sentence(result, reason, sizeof(reason)));
	bytes_add(object, "stdout", &parts[OUTPUT_STDOUT]);
	bytes_add(object, "stderr", &parts[OUTPUT_STDERR]);
	cJSON_AddNumberToObject(object, "dropped_bytes", (double)result->usage.dropped_bytes);

	cJSON *value = cJSON_AddObjectToObject(object, "result");

	value_add(value, "text", &parts[OUTPUT_RESULT_TEXT]);
	json_add(value, "json", &parts[OUTPUT_RESULT_JSON]);
	if (parts[OUTPUT_ERROR_NAME].used) {
		cJSON *error = cJSON_AddObjectToObject(object, "error");

		bytes_add(error, "name", &parts[OUTPUT_ERROR_NAME]);
		bytes_add(error, "message", &parts[OUTPUT_ERROR_MESSAGE]);
		bytes_add(error, "traceback", &parts[OUTPUT_ERROR_TRACEBACK]);
	} else {
		cJSON_AddNullToObject(object, "error");
	}
	usage_add(object, &result->usage);
	cJSON_AddStringToObject(object, "reset", result->reset);
	if (labels)
		notes_add(object, labels);
	text = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	return text;
}

void report_layers(struct cJSON *object, const struct pool_status *status)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		cJSON_AddStringToObject(
			object, layer_name(i), layer_state_name(status->layers[i].state));
}
