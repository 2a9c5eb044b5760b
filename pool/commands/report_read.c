// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/report_read.c: a result out of a report, each field only if it has its type.
 *
 * The daemon is believed to mean well, since only it could open the socket, but not to be of our
 * version: fields that are new are passed over, those that are missing are told.
 */
#include "pool/commands/report_read.h"

#include "base/encode.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong(const char *name, const char *form, struct error *error)
{
	return error_set(error, -EBADMSG,
		"cannot read the daemon's answer: its %s is not %s; is it of another version?",
		name, form);
}

static int text_read(const cJSON *document, const char *name, const char **ret_text,
	struct error *error)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(document, name);

	if (!cJSON_IsString(item))
		return wrong(name, "a string", error);
	*ret_text = item->valuestring;
	return 0;
}

static int verdict_read(const cJSON *document, struct result *result, struct error *error)
{
	const char *name = "";
	int failed = text_read(document, "verdict", &name, error);

	if (failed)
		return failed;
	return verdict_parse(name, result) == 0 ? 0
						: wrong("verdict", "one that we know", error);
}

/* Of the verdicts that have it; else null. */
static int number_read(
	const cJSON *document, const char *name, bool has_it, int *ret_number, struct error *error)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(document, name);

	if (!has_it)
		return 0;
	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 255)
		return wrong(name, "a number from 0 to 255", error);
	*ret_number = item->valueint;
	return 0;
}

static int stream_read(const cJSON *document, const char *name, struct report_stream *stream,
	struct error *error)
{
	char name_base64[32];
	const cJSON *base64;
	int result = text_read(document, name, &stream->bytes, error);

	if (result < 0)
		return result;
	stream->size = strlen(stream->bytes);
	snprintf(name_base64, sizeof(name_base64), "%s_base64", name);
	base64 = cJSON_GetObjectItemCaseSensitive(document, name_base64);
	if (!base64)
		return 0;
	if (!cJSON_IsString(base64))
		return wrong(name_base64, "a string", error);
	result = base64_decode(base64->valuestring, &stream->decoded, &stream->size);
	if (result == -EINVAL)
		return wrong(name_base64, "base64", error);
	if (result < 0)
		return error_set(error, result, "there is no memory for the program's output");
	stream->bytes = stream->decoded;
	return 0;
}

static int document_read(struct report *report, struct error *error)
{
	const cJSON *document = report->document;
	struct result *result = &report->result;
	int failed = verdict_read(document, result, error);

	if (!failed)
		failed = number_read(document, "exit_code", result->verdict == VERDICT_EXIT,
			&result->exit_code, error);
	if (!failed)
		failed = number_read(document, "signal", result->verdict == VERDICT_SIGNAL,
			&result->signal, error);
	if (!failed)
		failed = text_read(document, "reason", &report->reason, error);
	if (!failed)
		failed = stream_read(document, "stdout", &report->out, error);
	if (!failed)
		failed = stream_read(document, "stderr", &report->err, error);
	report->notes = cJSON_GetObjectItemCaseSensitive(document, "notes");
	report->artifacts = cJSON_GetObjectItemCaseSensitive(document, "artifacts");
	return failed;
}

int report_read(const char *text, size_t size, struct report *ret_report, struct error *error)
{
	struct report report = { .document = cJSON_ParseWithLength(text, size) };
	int result;

	if (!cJSON_IsObject(report.document)) {
		cJSON_Delete(report.document);
		return error_set(error, -EBADMSG,
			"cannot read the daemon's answer: it is no JSON object");
	}
	result = document_read(&report, error);
	if (result < 0)
		report_clear(&report);
	else
		*ret_report = report;
	return result;
}

void report_clear(struct report *report)
{
	cJSON_Delete(report->document);
	free(report->out.decoded);
	free(report->err.decoded);
	*report = (struct report){ 0 };
}
