// SPDX-License-Identifier: Apache-2.0
/*
 * pool/limits.c: the table of limits, and its reading.
 */
#include "pool/limits.h"

#include "base/clock.h"
#include "base/quantity.h"
#include "jail/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

const struct limit_type limit_types[LIMIT_COUNT] = {
	[LIMIT_TIMEOUT] = { "timeout", "wall-clock time", LIMIT_UNIT_NSEC, 30 * NSEC_PER_SEC,
		NSEC_PER_MSEC, 3600 * NSEC_PER_SEC },
	[LIMIT_CPU_TIME] = { "cpu_time", "CPU time of all its processes", LIMIT_UNIT_NSEC,
		10 * NSEC_PER_SEC, NSEC_PER_MSEC, 3600 * NSEC_PER_SEC },
	[LIMIT_MEMORY] = { "memory", "memory of all its processes and files", LIMIT_UNIT_BYTES,
		256 * MIB, 8 * MIB, 64 * GIB },
	[LIMIT_PIDS] = { "pids", "processes and threads at one time", LIMIT_UNIT_COUNT, 32, 1,
		IDENTITY_PIDS_MAX },
	[LIMIT_OUTPUT] = { "output", "bytes of stdout and stderr together", LIMIT_UNIT_BYTES, MIB,
		1, 4 * GIB },
	[LIMIT_FILES] = { "files", "bytes in /tmp, /workspace and /dev/shm", LIMIT_UNIT_BYTES,
		64 * MIB, 64 * 1024, IDENTITY_FILE_BYTES_MAX },
	[LIMIT_OPEN_FILES] = { "open_files", "open descriptors of a process", LIMIT_UNIT_COUNT, 256,
		16, IDENTITY_OPEN_FILES_MAX },
	[LIMIT_SYSCALLS] = { "syscalls", "system calls of all its processes", LIMIT_UNIT_COUNT,
		LIMIT_SYSCALLS_NONE, 1, LIMIT_SYSCALLS_NONE },
};

void limits_init(struct limits *limits)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		limits->values[i] = limit_types[i].standard;
}

bool limits_set(struct limits *limits, enum limit limit, uint64_t value)
{
	const struct limit_type *type = &limit_types[limit];
	uint64_t bounded = value < type->min ? type->min : value > type->max ? type->max : value;

	limits->values[limit] = bounded;
	return bounded != value;
}

static int value_parse(enum limit_unit unit, const char *text, uint64_t *ret_value)
{
	switch (unit) {
	case LIMIT_UNIT_NSEC:
		return quantity_parse_duration(text, ret_value);
	case LIMIT_UNIT_BYTES:
		return quantity_parse_bytes(text, ret_value);
	case LIMIT_UNIT_COUNT:
		return quantity_parse_count(text, ret_value);
	}
	return -EINVAL;
}

const char *limits_print(const struct limits *limits, enum limit limit, char *buffer, size_t size)
{
	switch (limit_types[limit].unit) {
	case LIMIT_UNIT_NSEC:
		return quantity_print_duration(limits->values[limit], buffer, size);
	case LIMIT_UNIT_BYTES:
		return quantity_print_bytes(limits->values[limit], buffer, size);
	case LIMIT_UNIT_COUNT:
		break;
	}
	snprintf(buffer, size, "%" PRIu64, limits->values[limit]);
	return buffer;
}

/* Takes what came of reading `text`: `value`, or the errno in `result`. */
static int value_take(struct limits *limits, enum limit limit, const char *text, int result,
	uint64_t value, bool *ret_clamped, struct error *error)
{
	static const char *const forms[] = { "a duration such as 30s or 500ms",
		"a size such as 256M", "a whole number" };
	const struct limit_type *type = &limit_types[limit];
	char bounded[32];

	if (result == -ERANGE) {
		value = UINT64_MAX;
		result = 0;
	}
	if (result < 0 || value == 0)
		return error_set(error, -EINVAL, "%s cannot be '%s': give %s above zero",
			type->name, text, forms[type->unit]);
	*ret_clamped = limits_set(limits, limit, value);
	if (*ret_clamped)
		error_set(error, 0, "%s %s is outside what this pool allows; using %s", type->name,
			text, limits_print(limits, limit, bounded, sizeof(bounded)));
	return 0;
}

int limits_parse(struct limits *limits, enum limit limit, const char *text, bool *ret_clamped,
	struct error *error)
{
	uint64_t value = 0;
	int result = value_parse(limit_types[limit].unit, text, &value);

	return value_take(limits, limit, text, result, value, ret_clamped, error);
}

int limits_parse_number(struct limits *limits, enum limit limit, double number, bool *ret_clamped,
	struct error *error)
{
	uint64_t value = 0;
	char text[32];
	int result = limit_types[limit].unit == LIMIT_UNIT_NSEC
		? quantity_from_seconds(number, &value)
		: quantity_from_number(number, &value);

	snprintf(text, sizeof(text), "%.15g", number);
	return value_take(limits, limit, text, result, value, ret_clamped, error);
}
