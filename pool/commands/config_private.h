// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/config_private.h: the table that drives every source, the printing and the reload.
 */
#pragma once

#include "pool/commands/config.h"

#include <stddef.h>

enum config_type {
	CONFIG_TYPE_PATH,     /* char[max + 1] */
	CONFIG_TYPE_MODULES,  /* char[max + 1] */
	CONFIG_TYPE_ADDRESS,  /* struct config_address */
	CONFIG_TYPE_COUNT,    /* unsigned */
	CONFIG_TYPE_COUNT_OR_NONE, /* unsigned, 0: "none" */
	CONFIG_TYPE_BYTES,    /* uint64_t */
	CONFIG_TYPE_DURATION, /* uint64_t, nanoseconds */
	CONFIG_TYPE_LIMIT,    /* limits.values[]; unit, standard, min and max: limit_types */
	CONFIG_TYPE_LEVEL,    /* enum log_level */
	CONFIG_TYPE_WITHOUT,  /* bool: "none" or "bpf" */
	CONFIG_TYPE_RESET,    /* enum reset_policy */
	CONFIG_TYPE_SWITCH,   /* bool: "off" or "on"; its flag takes nothing and is "on" */
};

struct config_key {
	const char *section, *name;
	const char *flag;        /* without "--" */
	const char *environment;
	enum config_type type;
	size_t offset;           /* in struct config */
	const char *standard;    /* as it would stand in a file */
	uint64_t min, max;       /* of a number, or of a text's bytes */
	bool changes_at_run_time; /* SIGHUP can change it */
	const char *help;
};

extern const struct config_key config_keys[CONFIG_COUNT];
extern const char *const config_level_names[LOG_LEVEL_ERROR + 1];
extern const char *const config_switch_names[2];

/*
 * Reads `text` and sets the value, unless a higher source has set it; `origin` begins the sentence.
 * 0 or -EINVAL.
 */
int config_set(struct config *config, enum config_value value, enum config_source source,
	const char *origin, const char *text, struct error *error);

/* config_load_file() behind its reading. `bytes` ends with a NUL that `size` does not count. */
int config_load_text(struct config *config, const char *path, const char *bytes, size_t size,
	struct error *error);

/* UTF-8 without control characters: can be shown, and stand in a line. */
bool config_text_is_plain(const char *text);

/* Exactly, in the largest unit of which it is a whole number: "90s", "2M"; returns `buffer`. */
const char *config_print_bytes(uint64_t bytes, char *buffer, size_t size);
const char *config_print_duration(uint64_t nsec, char *buffer, size_t size);

/* The value as it stands in a file, in `buffer` of CONFIG_LINE_BYTES_MAX; returns `buffer`. */
const char *config_print_value(const struct config *config, enum config_value value, char *buffer);
