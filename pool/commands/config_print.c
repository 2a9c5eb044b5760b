// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/config_print.c: the configuration as a file that can be read back.
 *
 * Amounts are printed exactly: quantity_print_*() is for people and cuts at two decimals, which
 * here would be another value.
 */
#include "base/clock.h"
#include "pool/commands/config_private.h"

#include <inttypes.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t size;
};

/* Largest first, down to one. */
static const struct unit byte_units[] = { { "G", UINT64_C(1) << 30 }, { "M", UINT64_C(1) << 20 },
	{ "K", UINT64_C(1) << 10 }, { "", 1 } };

static const struct unit duration_units[] = { { "h", 3600 * NSEC_PER_SEC },
	{ "m", 60 * NSEC_PER_SEC }, { "s", NSEC_PER_SEC }, { "ms", NSEC_PER_MSEC },
	{ "us", NSEC_PER_USEC }, { "ns", 1 } };

static const char *print(uint64_t amount, const struct unit *unit, char *buffer, size_t size)
{
	while (amount % unit->size)
		unit++;
	if (amount)
		snprintf(buffer, size, "%" PRIu64 "%s", amount / unit->size, unit->name);
	else
		snprintf(buffer, size, "0");
	return buffer;
}

const char *config_print_bytes(uint64_t bytes, char *buffer, size_t size)
{
	return print(bytes, byte_units, buffer, size);
}

const char *config_print_duration(uint64_t nsec, char *buffer, size_t size)
{
	return print(nsec, duration_units, buffer, size);
}

static const char *print_limit(uint64_t amount, enum limit limit, char *buffer, size_t size)
{
	switch (limit_types[limit].unit) {
	case LIMIT_UNIT_NSEC:
		return config_print_duration(amount, buffer, size);
	case LIMIT_UNIT_BYTES:
		return config_print_bytes(amount, buffer, size);
	case LIMIT_UNIT_COUNT:
		break;
	}
	snprintf(buffer, size, "%" PRIu64, amount);
	return buffer;
}

const char *config_print_value(const struct config *config, enum config_value value, char *buffer)
{
	const struct config_key *key = &config_keys[value];
	const void *member = (const char *)config + key->offset;
	const size_t size = CONFIG_LINE_BYTES_MAX;
	const char *text = member;

	switch (key->type) {
	case CONFIG_TYPE_BYTES:
		return config_print_bytes(*(const uint64_t *)member, buffer, size);
	case CONFIG_TYPE_DURATION:
		return config_print_duration(*(const uint64_t *)member, buffer, size);
	case CONFIG_TYPE_LIMIT:
		return print_limit(*(const uint64_t *)member,
			(enum limit)(value - CONFIG_TIMEOUT), buffer, size);
	case CONFIG_TYPE_COUNT_OR_NONE:
		if (!*(const unsigned *)member) {
			text = "none";
			break;
		}
		/* fallthrough */
	case CONFIG_TYPE_COUNT:
		snprintf(buffer, size, "%u", *(const unsigned *)member);
		return buffer;
	case CONFIG_TYPE_LEVEL:
		text = config_level_names[*(const enum log_level *)member];
		break;
	case CONFIG_TYPE_RESET:
		text = reset_policy_names[*(const enum reset_policy *)member];
		break;
	case CONFIG_TYPE_SWITCH:
		text = config_switch_names[*(const bool *)member];
		break;
	case CONFIG_TYPE_WITHOUT:
		text = *(const bool *)member ? "bpf" : "none";
		break;
	case CONFIG_TYPE_ADDRESS:
		text = ((const struct config_address *)member)->text;
		break;
	case CONFIG_TYPE_PATH:
	case CONFIG_TYPE_MODULES:
		break;
	}
	snprintf(buffer, size, "%s", text);
	return buffer;
}

void config_print(const struct config *config, FILE *out)
{
	const char *section = "";
	char text[CONFIG_LINE_BYTES_MAX];

	for (enum config_value value = 0; value < CONFIG_COUNT; value++) {
		const struct config_key *key = &config_keys[value];
		const struct config_origin *origin = &config->origins[value];

		if (strcmp(key->section, section) != 0)
			fprintf(out, "%s[%s]\n", value ? "\n" : "", key->section);
		section = key->section;
		fprintf(out, "# %s%s%s\n%s = %s\n", origin->name, origin->note[0] ? ": " : "",
			origin->note, key->name, config_print_value(config, value, text));
	}
}
