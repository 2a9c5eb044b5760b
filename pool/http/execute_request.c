// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/execute_request.c: each field has a row that says its types and who takes it.
 *
 * json_check() decides what is JSON; cJSON then only builds. What a sentence repeats of the
 * client's text is cut, without control characters: sentences go into logs and answers.
 */
#include "pool/http/execute_request.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "base/quantity.h"
#include "pool/artifacts.h"
#include "ring/channel.h"
#include "ring/parcel.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHOWN_BYTES_MAX 40 /* of the client's text in a sentence */
#define NAMES_BYTES 128
#define BASE64_FORM "give it as RFC 4648 has it, with its padding and nothing between"

typedef const char *(*name_of)(size_t index);

struct shown {
	char text[SHOWN_BYTES_MAX + sizeof("...")];
};

struct field {
	const char *name;
	int types; /* cJSON's bits */
	const char *form;
	int (*take)(struct request *request, cJSON *value, struct error *error);
};

/* --- Words ----------------------------------------------------------------------------------- */

/* Returns shown->text. What is short and printable is shown as it is. */
static const char *show(struct shown *shown, const char *text)
{
	size_t size = strnlen(text, SHOWN_BYTES_MAX + 1);
	bool is_cut = size > SHOWN_BYTES_MAX;

	if (is_cut)
		size = utf8_valid_size(text, SHOWN_BYTES_MAX); /* to the last whole character */
	for (size_t i = 0; i < size; i++)
		shown->text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	snprintf(shown->text + size, sizeof(shown->text) - size, "%s", is_cut ? "..." : "");
	return shown->text;
}

static const char *type_name(const cJSON *value)
{
	switch (value->type & 0xff) {
	case cJSON_False:
	case cJSON_True:
		return "true or false";
	case cJSON_Number:
		return "a number";
	case cJSON_String:
		return "a string";
	case cJSON_Array:
		return "a list";
	case cJSON_Object:
		return "an object";
	}
	return "null";
}

/* "a, b or c" into `buffer`, which is returned. */
static const char *names_join(name_of name, size_t count, char buffer[static NAMES_BYTES])
{
	size_t used = 0;

	for (size_t i = 0; i < count && used < NAMES_BYTES; i++)
		used += (size_t)snprintf(buffer + used, NAMES_BYTES - used, "%s%s",
			i == 0 ? "" : i + 1 < count ? ", " : " or ", name(i));
	return buffer;
}

static const char *limit_name(size_t index)
{
	return limit_types[index].name;
}

/* --- Texts and lists ------------------------------------------------------------------------- */

/* The string itself, out of the tree; memory_free() releases it. */
static char *text_take(cJSON *value, size_t *ret_size)
{
	char *text = value->valuestring;

	value->valuestring = NULL;
	*ret_size = strlen(text);
	return text;
}

static int runtime_take(struct request *request, cJSON *value, struct error *error)
{
	struct shown shown;

	if (strcmp(value->valuestring, request->runtime) != 0)
		return error_set(error, -EINVAL, "runtime cannot be '%s': give %s, or leave it out",
			show(&shown, value->valuestring), request->runtime);
	return 0;
}

static int code_take(struct request *request, cJSON *value, struct error *error)
{
	request->code = text_take(value, &request->code_bytes);
	return 0;
}

static int stdin_take(struct request *request, cJSON *value, struct error *error)
{
	if (request->stdin_text)
		return error_set(error, -EINVAL,
			"stdin and stdin_base64 cannot both be given: give one of them");
	request->stdin_text = text_take(value, &request->stdin_bytes);
	if (strcmp(value->string, "stdin_base64") == 0 &&
		base64_decode_here(request->stdin_text, &request->stdin_bytes) < 0)
		return error_set(error, -EINVAL, "stdin_base64 is no base64: " BASE64_FORM);
	if (request->stdin_bytes > REQUEST_STDIN_BYTES_MAX)
		return error_set(error, -E2BIG, "stdin cannot be %zu bytes: %u are the most",
			request->stdin_bytes, REQUEST_STDIN_BYTES_MAX);
	return 0;
}

/* The strings of `list`, each with its NUL, and with "NAME=" before it where they have names. */
static int strings_take(const cJSON *list, char **ret_bytes, size_t *ret_size, struct error *error)
{
	const cJSON *item;
	size_t size = 0;
	char *bytes, *end;

	cJSON_ArrayForEach(item, list)
		size += strlen(item->valuestring) + 1 +
			(item->string ? strlen(item->string) + 1 : 0);
	if (size == 0)
		return 0;
	bytes = end = memory_alloc(size);
	if (!bytes)
		return error_set(error, -ENOMEM, "cannot take the request: out of memory");
	cJSON_ArrayForEach(item, list) {
		if (item->string) {
			end = mempcpy(end, item->string, strlen(item->string));
			*end++ = '=';
		}
		end = mempcpy(end, item->valuestring, strlen(item->valuestring) + 1);
	}
	*ret_bytes = bytes;
	*ret_size = size;
	return 0;
}

static int env_take(struct request *request, cJSON *value, struct error *error)
{
	struct shown shown;
	const cJSON *item;

	cJSON_ArrayForEach(item, value) {
		if (item->string[0] == '\0' || strchr(item->string, '='))
			return error_set(error, -EINVAL,
				"env cannot name a variable '%s': give a name without =",
				show(&shown, item->string));
		if (!cJSON_IsString(item))
			return error_set(error, -EINVAL, "env.%s must be a string, not %s",
				show(&shown, item->string), type_name(item));
	}
	return strings_take(value, &request->environment, &request->environment_bytes, error);
}

static int args_take(struct request *request, cJSON *value, struct error *error)
{
	const cJSON *item;
	size_t index = 0;

	cJSON_ArrayForEach(item, value) {
		if (!cJSON_IsString(item))
			return error_set(error, -EINVAL, "args[%zu] must be a string, not %s",
				index, type_name(item));
		index++;
	}
	return strings_take(value, &request->arguments, &request->arguments_bytes, error);
}

static int directory_take(struct request *request, cJSON *value, struct error *error)
{
	size_t size;

	if (!value->valuestring[0] || strlen(value->valuestring) >= PATH_MAX)
		return error_set(error, -EINVAL,
			"cwd cannot be a path of %zu bytes: give one of 1 to %u, or leave it out",
			strlen(value->valuestring), PATH_MAX - 1);
	request->directory = text_take(value, &size);
	return 0;
}

/* --- Files ----------------------------------------------------------------------------------- */

/* Decodes the tree's texts in their places, and points at them there. */
static int files_decode(const cJSON *list, struct parcel_file *files, uint64_t *bytes,
	struct error *error)
{
	struct shown shown;
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		if (!cJSON_IsString(item))
			return error_set(error, -EINVAL, "files.%s must be a string, not %s",
				show(&shown, item->string), type_name(item));
		if (base64_decode_here(item->valuestring, &files->size) < 0)
			return error_set(error, -EINVAL, "files.%s is no base64: " BASE64_FORM,
				show(&shown, item->string));
		files->name = item->string;
		files->bytes = item->valuestring;
		*bytes += files++->size;
	}
	return 0;
}

static int files_take(struct request *request, cJSON *value, struct error *error)
{
	size_t count = (size_t)cJSON_GetArraySize(value), index;
	struct shown shown;
	int result;

	AUTO_MEMORY struct parcel_file *files = memory_alloc((count + 1) * sizeof(*files));

	if (!files)
		return error_set(error, -ENOMEM, "cannot take the request: out of memory");
	memset(files, 0, (count + 1) * sizeof(*files));
	result = files_decode(value, files, &request->files_bytes, error);
	if (result < 0 || count == 0)
		return result;
	const char *fault = parcel_fault(files, count, &index);

	if (fault)
		return error_set(error, -EINVAL, "files cannot name a file '%s': %s",
			show(&shown, files[index].name), fault);
	result = parcel_pack(files, count, &request->files_fd);
	if (result < 0)
		return error_set(error, -ENOMEM, "cannot take the files: %s", error_text(result));
	request->files_given = true;
	return 0;
}

static bool is_before(const cJSON *list, const cJSON *item)
{
	const cJSON *other;

	cJSON_ArrayForEach(other, list)
		if (other == item || strcmp(other->valuestring, item->valuestring) == 0)
			return other != item;
	return false;
}

static int artifacts_take(struct request *request, cJSON *value, struct error *error)
{
	struct shown shown;
	const cJSON *item;
	unsigned count = 0;

	cJSON_ArrayForEach(item, value) {
		const char *fault;

		if (!cJSON_IsString(item))
			return error_set(error, -EINVAL, "artifacts[%u] must be a string, not %s",
				count, type_name(item));
		fault = parcel_name_fault(item->valuestring);
		if (fault)
			return error_set(error, -EINVAL, "artifacts cannot name a file '%s': %s",
				show(&shown, item->valuestring), fault);
		if (is_before(value, item))
			return error_set(error, -EINVAL, "artifacts cannot name '%s' twice",
				show(&shown, item->valuestring));
		if (++count > ARTIFACTS_MAX)
			return error_set(error, -EINVAL,
				"artifacts cannot be more than %u files: bring more of them in one "
				"archive", ARTIFACTS_MAX);
	}
	return strings_take(value, &request->artifacts, &request->artifacts_bytes, error);
}

/* --- Limits, and the rest -------------------------------------------------------------------- */

static int limit_take(struct request *request, const cJSON *value, struct error *error)
{
	char names[NAMES_BYTES];
	struct error said;
	struct shown shown;
	enum limit limit = 0;
	bool clamped;
	int result;

	while (limit < LIMIT_COUNT && strcmp(limit_types[limit].name, value->string) != 0)
		limit++;
	if (limit == LIMIT_COUNT)
		return error_set(error, -EINVAL, "there is no limits.%s: give %s",
			show(&shown, value->string), names_join(limit_name, LIMIT_COUNT, names));
	if (cJSON_IsNumber(value))
		result = limits_parse_number(
			&request->limits, limit, value->valuedouble, &clamped, &said);
	else if (cJSON_IsString(value)) /* what is changed by being shown is no quantity */
		result = limits_parse(&request->limits, limit, show(&shown, value->valuestring),
			&clamped, &said);
	else
		return error_set(error, -EINVAL, "limits.%s must be a number or a string, not %s",
			value->string, type_name(value));
	if (result < 0)
		return error_set(error, result, "limits.%s", said.sentence);
	if (clamped)
		error_set(&request->notes[request->note_count++], 0, "limits.%s", said.sentence);
	return 0;
}

static int limits_take(struct request *request, cJSON *value, struct error *error)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, value) {
		int result = limit_take(request, item, error);

		if (result < 0)
			return result;
	}
	return 0;
}

static int stream_take(struct request *request, cJSON *value, struct error *error)
{
	request->stream = cJSON_IsTrue(value);
	return 0;
}

static int queue_timeout_take(struct request *request, cJSON *value, struct error *error)
{
	uint64_t nsec = 0;
	char number[32];
	struct shown shown;
	int result;

	if (cJSON_IsNumber(value)) {
		snprintf(number, sizeof(number), "%.15g", value->valuedouble);
		result = quantity_from_seconds(value->valuedouble, &nsec);
	} else {
		result = quantity_parse_duration(value->valuestring, &nsec);
	}
	if (result < 0 || nsec == 0 || nsec > REQUEST_QUEUE_NSEC_MAX)
		return error_set(error, -EINVAL,
			"queue_timeout cannot be '%s': give a duration such as 30s or 500ms above "
			"zero, 1h at most, or leave it out",
			cJSON_IsNumber(value) ? number : show(&shown, value->valuestring));
	request->queue_nsec_max = nsec;
	return 0;
}

static int reset_take(struct request *request, cJSON *value, struct error *error)
{
	struct shown shown;

	if (reset_policy_parse(value->valuestring, &request->reset) < 0)
		return error_set(error, -EINVAL,
			"reset cannot be '%s': give " RESET_POLICY_FORM ", or leave it out",
			show(&shown, value->valuestring));
	return 0;
}

/* --- The whole ------------------------------------------------------------------------------- */

static const struct field fields[] = {
	{ "runtime", cJSON_String, "a string", runtime_take },
	{ "code", cJSON_String, "a string", code_take },
	{ "stdin", cJSON_String, "a string", stdin_take },
	{ "stdin_base64", cJSON_String, "a string", stdin_take },
	{ "env", cJSON_Object, "an object", env_take },
	{ "args", cJSON_Array, "a list", args_take },
	{ "cwd", cJSON_String, "a string", directory_take },
	{ "files", cJSON_Object, "an object", files_take },
	{ "artifacts", cJSON_Array, "a list", artifacts_take },
	{ "limits", cJSON_Object, "an object", limits_take },
	{ "stream", cJSON_True | cJSON_False, "true or false", stream_take },
	{ "queue_timeout", cJSON_Number | cJSON_String, "a number or a string",
		queue_timeout_take },
	{ "reset", cJSON_String, "a string", reset_take },
};

static const char *field_name(size_t index)
{
	return fields[index].name;
}

static int field_take(struct request *request, cJSON *value, struct error *error)
{
	char names[NAMES_BYTES];
	struct shown shown;
	size_t i = 0;

	while (i < COUNT(fields) && strcmp(fields[i].name, value->string) != 0)
		i++;
	if (i == COUNT(fields))
		return error_set(error, -EINVAL, "there is no field '%s' in a request: give %s",
			show(&shown, value->string), names_join(field_name, COUNT(fields), names));
	if (!(value->type & fields[i].types))
		return error_set(error, -EINVAL, "%s must be %s, not %s", fields[i].name,
			fields[i].form, type_name(value));
	return fields[i].take(request, value, error);
}

static int fields_take(struct request *request, const cJSON *body, struct error *error)
{
	cJSON *value;
	size_t mail;

	if (!cJSON_IsObject(body))
		return error_set(error, -EINVAL, "the request must be an object, not %s",
			type_name(body));
	cJSON_ArrayForEach(value, body) {
		int result = field_take(request, value, error);

		if (result < 0)
			return result;
	}
	if (!request->code)
		return error_set(error, -EINVAL, "code is missing: give the program as a string");
	mail = request->code_bytes + request->environment_bytes + request->arguments_bytes;
	if (mail > CHANNEL_MAILBOX_BYTES)
		return error_set(error, -E2BIG,
			"code, env and args cannot be %zu bytes together: %u are the most; bring "
			"data through stdin or files",
			mail, CHANNEL_MAILBOX_BYTES);
	if (request->files_bytes > request->limits.values[LIMIT_FILES])
		return error_set(error, -E2BIG,
			"files cannot be %llu bytes together: limits.files is %llu",
			(unsigned long long)request->files_bytes,
			(unsigned long long)request->limits.values[LIMIT_FILES]);
	return 0;
}

int request_parse(const char *body, size_t size, const struct limits *standard,
	struct request *ret_request, struct error *error)
{
	struct request request = {
		.runtime = "python", .limits = *standard, .reset = RESET_REWIND
	};
	int result = json_check(body, size, error);
	cJSON *tree;

	if (result < 0)
		return result;
	tree = cJSON_ParseWithLength(body, size);
	if (tree)
		result = fields_take(&request, tree, error);
	else
		result = error_set(error, -ENOMEM, "cannot take the request: out of memory");
	cJSON_Delete(tree);
	if (result < 0)
		request_free(&request);
	else
		*ret_request = request;
	return result;
}

void request_free(struct request *request)
{
	memory_free(request->code);
	memory_free(request->stdin_text);
	memory_free(request->environment);
	memory_free(request->arguments);
	memory_free(request->directory);
	memory_free(request->artifacts);
	if (request->files_given)
		fd_close(&request->files_fd);
	*request = (struct request){ 0 };
}
