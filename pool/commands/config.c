// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/config.c: one value read, checked and set, whoever gave it; and what
 * concerns all together.
 *
 * config_set() is the only way in. What it lets through can be printed into a line of a file and
 * read back from it as the same: so a path has no blank, no ';' (which begins a comment) and no
 * control character, from whatever source. A value of the wrong kind is refused, never bent; only
 * limits are clamped to their caps, as everywhere in the pool, and the value keeps the sentence.
 */
#include "pool/commands/config.h"

#include "base/encode.h"
#include "base/quantity.h"
#include "pool/commands/config_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64 /* no number is longer; keeps sentences short */
#define ENVIRONMENT_PREFIX "CORRAL_"

/* Read by the test build and by the tests themselves (base/fault.h, tests/tests.mk). */
static const char *const environment_of_others[] = { "CORRAL_FAULT", "CORRAL_BUILD" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A value on its way from text to its member. */
struct parsed {
	const char *text;
	uint64_t number;
	struct config_address address;
	char note[CONFIG_NOTE_BYTES];
};

bool config_text_is_plain(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at < 0x20 || *at == 0x7f)
			return false;
	return utf8_is_valid(text, strlen(text));
}

/* --- Reading a value of each type ------------------------------------------------------------- */

static int refuse(const struct config_key *key, const char *text, const char *wanted,
	struct error *error)
{
	return error_set(error, -EINVAL, "%s cannot be '%.*s%s': give %s", key->name,
		NUMBER_BYTES_MAX, text, strlen(text) > NUMBER_BYTES_MAX ? "..." : "", wanted);
}

static int parse_text(const struct config_key *key, struct parsed *parsed, struct error *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *text = parsed->text;
	size_t size = strlen(text);

	if (size > key->max)
		return error_set(error, -EINVAL, "%s has %zu bytes: give at most %" PRIu64,
			key->name, size, key->max);
	if (key->type == CONFIG_TYPE_PATH) {
		if (size < key->min || text[0] != '/' || strpbrk(text, " ;"))
			return refuse(key, text,
				"a full path, beginning with /, without blanks and ';'", error);
		return 0;
	}
	for (const char *at = text; *at; at++)
		if (!strchr(letters, *at) && !strchr("0123456789_., ", *at))
			return refuse(key, text, "names of modules with commas between", error);
	/* A file's reader drops blanks at both ends. */
	if (text[0] == ' ' || (size && text[size - 1] == ' '))
		return refuse(key, text, "it without blanks at its ends", error);
	return 0;
}

static bool parse_port(const char *text, in_port_t *ret_port)
{
	uint64_t port;

	if (quantity_parse_count(text, &port) < 0 || port > UINT16_MAX)
		return false;
	*ret_port = htons((uint16_t)port);
	return true;
}

/* Numbers only: a name would have to be looked up, and may mean another machine tomorrow. */
static bool parse_socket_address(const char *text, struct config_address *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&address->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->address;
	const char *colon = strrchr(text, ':');
	char host[sizeof(address->text)];

	if (!colon || colon == text)
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (host[0] != '[') {
		four->sin_family = AF_INET;
		address->bytes = sizeof(*four);
		return inet_pton(AF_INET, host, &four->sin_addr) == 1 &&
		       parse_port(colon + 1, &four->sin_port);
	}
	if (colon[-1] != ']')
		return false;
	host[colon - text - 1] = '\0';
	six->sin6_family = AF_INET6;
	address->bytes = sizeof(*six);
	return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1 &&
	       parse_port(colon + 1, &six->sin6_port);
}

static int parse_address(const struct config_key *key, struct parsed *parsed, struct error *error)
{
	struct config_address *address = &parsed->address;
	size_t size = strlen(parsed->text);

	memset(address, 0, sizeof(*address));
	if (size >= sizeof(address->text) ||
		(strcmp(parsed->text, "none") != 0 &&
			!parse_socket_address(parsed->text, address)))
		return refuse(key, parsed->text,
			"an address and a port, such as 127.0.0.1:8080 or [::1]:8080, or none",
			error);
	memcpy(address->text, parsed->text, size + 1);
	return 0;
}

static int parse_number(const struct config_key *key, struct parsed *parsed, struct error *error)
{
	char min[32], max[32], wanted[96];
	uint64_t number;
	int result;

	switch (key->type) {
	case CONFIG_TYPE_BYTES:
		result = quantity_parse_bytes(parsed->text, &number);
		snprintf(wanted, sizeof(wanted), "a size from %s to %s",
			config_print_bytes(key->min, min, sizeof(min)),
			config_print_bytes(key->max, max, sizeof(max)));
		break;
	case CONFIG_TYPE_DURATION:
		result = quantity_parse_duration(parsed->text, &number);
		snprintf(wanted, sizeof(wanted), "a duration from %s to %s",
			config_print_duration(key->min, min, sizeof(min)),
			config_print_duration(key->max, max, sizeof(max)));
		break;
	default:
		result = quantity_parse_count(parsed->text, &number);
		snprintf(wanted, sizeof(wanted),
			"a whole number from %" PRIu64 " to %" PRIu64 "%s", key->min, key->max,
			key->type == CONFIG_TYPE_COUNT_OR_NONE ? ", or none" : "");
	}
	if (result < 0 || number < key->min || number > key->max)
		return refuse(key, parsed->text, wanted, error);
	parsed->number = number;
	return 0;
}

static int parse_choice(const struct config_key *key, struct parsed *parsed,
	const char *const *names, unsigned count, const char *wanted, struct error *error)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(parsed->text, names[i]) == 0) {
			parsed->number = i;
			return 0;
		}
	}
	return refuse(key, parsed->text, wanted, error);
}

static int parse_without(const struct config_key *key, struct parsed *parsed, struct error *error)
{
	parsed->number = strcmp(parsed->text, "bpf") == 0;
	if (!parsed->number && strcmp(parsed->text, "none") != 0)
		return refuse(key, parsed->text, "bpf or none: no other layer can be left out",
			error);
	return 0;
}

static int parse_limit(enum config_value value, struct parsed *parsed, struct error *error)
{
	enum limit limit = (enum limit)(value - CONFIG_TIMEOUT);
	struct limits limits;
	bool clamped;
	int result = limits_parse(&limits, limit, parsed->text, &clamped, error);

	if (result < 0)
		return result;
	if (clamped)
		snprintf(parsed->note, sizeof(parsed->note), "%.*s", CONFIG_NOTE_BYTES - 1,
			error->sentence);
	parsed->number = limits.values[limit];
	return 0;
}

static int parse(enum config_value value, struct parsed *parsed, struct error *error)
{
	const struct config_key *key = &config_keys[value];
	bool is_text = key->type == CONFIG_TYPE_PATH || key->type == CONFIG_TYPE_MODULES;

	if (!config_text_is_plain(parsed->text))
		return error_set(error, -EINVAL,
			"%s holds a control character or is no UTF-8: give it without", key->name);
	if (!is_text && strlen(parsed->text) > NUMBER_BYTES_MAX)
		return refuse(key, parsed->text, "a shorter value", error);
	switch (key->type) {
	case CONFIG_TYPE_PATH:
	case CONFIG_TYPE_MODULES:
		return parse_text(key, parsed, error);
	case CONFIG_TYPE_ADDRESS:
		return parse_address(key, parsed, error);
	case CONFIG_TYPE_LEVEL:
		return parse_choice(key, parsed, config_level_names, COUNT(config_level_names),
			"error, warning, info or debug", error);
	case CONFIG_TYPE_RESET:
		return parse_choice(key, parsed, reset_policy_names, RESET_POLICY_COUNT,
			RESET_POLICY_FORM, error);
	case CONFIG_TYPE_SWITCH:
		return parse_choice(key, parsed, config_switch_names, COUNT(config_switch_names),
			"on or off", error);
	case CONFIG_TYPE_WITHOUT:
		return parse_without(key, parsed, error);
	case CONFIG_TYPE_LIMIT:
		return parse_limit(value, parsed, error);
	case CONFIG_TYPE_COUNT_OR_NONE:
		if (strcmp(parsed->text, "none") == 0)
			return 0; /* which is its number too */
		break;
	case CONFIG_TYPE_COUNT:
	case CONFIG_TYPE_BYTES:
	case CONFIG_TYPE_DURATION:
		break;
	}
	return parse_number(key, parsed, error);
}

/* --- Setting ---------------------------------------------------------------------------------- */

static void store(struct config *config, const struct config_key *key, const struct parsed *parsed)
{
	void *member = (char *)config + key->offset;

	switch (key->type) {
	case CONFIG_TYPE_PATH:
	case CONFIG_TYPE_MODULES:
		memcpy(member, parsed->text, strlen(parsed->text) + 1);
		break;
	case CONFIG_TYPE_ADDRESS:
		*(struct config_address *)member = parsed->address;
		break;
	case CONFIG_TYPE_COUNT:
	case CONFIG_TYPE_COUNT_OR_NONE:
		*(unsigned *)member = (unsigned)parsed->number;
		break;
	case CONFIG_TYPE_LEVEL:
		*(enum log_level *)member = (enum log_level)parsed->number;
		break;
	case CONFIG_TYPE_RESET:
		*(enum reset_policy *)member = (enum reset_policy)parsed->number;
		break;
	case CONFIG_TYPE_SWITCH:
	case CONFIG_TYPE_WITHOUT:
		*(bool *)member = parsed->number != 0;
		break;
	case CONFIG_TYPE_BYTES:
	case CONFIG_TYPE_DURATION:
	case CONFIG_TYPE_LIMIT:
		*(uint64_t *)member = parsed->number;
		break;
	}
}

/* The token lies in the state directory until somebody says where it lies. */
static void token_file_follow(struct config *config)
{
	static_assert(sizeof(config->token_file) >= sizeof(config->state_dir) + sizeof("/token"),
		"what follows from the longest directory fits");

	if (config->origins[CONFIG_TOKEN_FILE].source == CONFIG_FROM_STANDARD)
		snprintf(config->token_file, sizeof(config->token_file), "%s/token",
			config->state_dir);
}

int config_set(struct config *config, enum config_value value, enum config_source source,
	const char *origin, const char *text, struct error *error)
{
	struct config_origin *place = &config->origins[value];
	struct parsed parsed = { .text = text };
	struct error sentence;
	int result = parse(value, &parsed, &sentence);

	if (result < 0)
		return error_set(error, result, "%s: %s", origin, sentence.sentence);
	if (source < place->source)
		return 0;
	store(config, &config_keys[value], &parsed);
	place->source = source;
	snprintf(place->name, sizeof(place->name), "%s", origin);
	snprintf(place->note, sizeof(place->note), "%s", parsed.note);
	token_file_follow(config);
	return 0;
}

void config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (enum config_value value = 0; value < CONFIG_COUNT; value++) {
		const char *text = config_keys[value].standard;
		char token_file[sizeof(config->token_file)];
		struct error error;

		if (value == CONFIG_TOKEN_FILE) {
			snprintf(token_file, sizeof(token_file), "%s/token", config->state_dir);
			text = token_file;
		}
		int result = config_set(
			config, value, CONFIG_FROM_STANDARD, "standard", text, &error);

		assert(result == 0);
		(void)result;
	}
}

/* --- The environment -------------------------------------------------------------------------- */

static bool is_of_others(const char *name, size_t size)
{
	for (size_t i = 0; i < COUNT(environment_of_others); i++)
		if (strlen(environment_of_others[i]) == size &&
			memcmp(environment_of_others[i], name, size) == 0)
			return true;
	return false;
}

static enum config_value find_variable(const char *name, size_t size)
{
	enum config_value value = 0;

	while (value < CONFIG_COUNT && (strlen(config_keys[value].environment) != size ||
					       memcmp(config_keys[value].environment, name, size)))
		value++;
	return value;
}

int config_load_environment(struct config *config, char *const *environ, struct error *error)
{
	struct config fresh = *config;
	bool seen[CONFIG_COUNT] = { false };

	for (; *environ; environ++) {
		const char *name = *environ, *equals = strchr(name, '=');
		size_t size = equals ? (size_t)(equals - name) : 0;

		if (strncmp(name, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) != 0 ||
			!equals || is_of_others(name, size))
			continue;
		enum config_value value = find_variable(name, size);

		if (value == CONFIG_COUNT)
			return error_set(error, -EINVAL,
				"%.*s in the environment means nothing to corral: unset it, or "
				"give a flag's name, as CORRAL_WORKERS for --workers",
				size < 100 ? (int)size : 100, name);
		if (seen[value])
			return error_set(error, -EINVAL,
				"%s stands in the environment twice: give it once",
				config_keys[value].environment);
		seen[value] = true;
		int result = config_set(&fresh, value, CONFIG_FROM_ENVIRONMENT,
			config_keys[value].environment, equals + 1, error);

		if (result < 0)
			return result;
	}
	*config = fresh;
	return 0;
}

/* --- All together ----------------------------------------------------------------------------- */

int config_check(const struct config *config, struct error *error)
{
	static const enum config_value paths[] = { CONFIG_SOCKET, CONFIG_STATE_DIR,
		CONFIG_TOKEN_FILE };

	if (config->shards > config->workers)
		return error_set(error, -EINVAL,
			"%u shards (%s) cannot share %u workers (%s): give each shard one at least",
			config->shards, config->origins[CONFIG_SHARDS].name, config->workers,
			config->origins[CONFIG_WORKERS].name);
	for (size_t i = 0; i < COUNT(paths); i++) {
		for (size_t k = i + 1; k < COUNT(paths); k++) {
			const struct config_key *a = &config_keys[paths[i]];
			const struct config_key *b = &config_keys[paths[k]];
			const char *path = (const char *)config + a->offset;

			if (strcmp(path, (const char *)config + b->offset) == 0)
				return error_set(error, -EINVAL,
					"%s (%.80s) and %s (%.80s) cannot both be %.100s: give "
					"each a path of its own",
					a->name, config->origins[paths[i]].name, b->name,
					config->origins[paths[k]].name, path);
		}
	}
	return 0;
}

int config_load(struct config *config, char *const *environ, struct error *error)
{
	struct config fresh = *config;
	int result = config_load_file(&fresh, config->file ? config->file : CONFIG_FILE_STANDARD,
		config->file, error);

	if (result == 0)
		result = config_load_environment(&fresh, environ, error);
	if (result == 0)
		result = config_check(&fresh, error);
	if (result == 0)
		*config = fresh;
	return result;
}

void config_log(const struct config *config)
{
	for (enum config_value value = 0; value < CONFIG_COUNT; value++)
		if (config->origins[value].note[0])
			log_warning("%s: %s", config->origins[value].name,
				config->origins[value].note);
}

/* Texts may have more behind their NUL, so values are compared as they are printed. */
static bool is_same(const struct config *a, const struct config *b, enum config_value value)
{
	char one[CONFIG_LINE_BYTES_MAX], other[CONFIG_LINE_BYTES_MAX];

	return strcmp(config_print_value(a, value, one), config_print_value(b, value, other)) == 0;
}

static void take_over(
	struct config *running, const struct config *fresh, enum config_value value)
{
	const struct config_key *key = &config_keys[value];
	size_t size = key->type == CONFIG_TYPE_LEVEL ? sizeof(enum log_level) : sizeof(uint64_t);

	assert(key->type == CONFIG_TYPE_LEVEL || key->type == CONFIG_TYPE_BYTES ||
		key->type == CONFIG_TYPE_DURATION || key->type == CONFIG_TYPE_LIMIT);
	memcpy((char *)running + key->offset, (const char *)fresh + key->offset, size);
	running->origins[value] = fresh->origins[value];
}

int config_reload(struct config *running, const struct config *fresh, struct error *note)
{
	char names[ERROR_SENTENCE_BYTES] = "";
	size_t used = 0;
	int count = 0;

	for (enum config_value value = 0; value < CONFIG_COUNT; value++) {
		if (config_keys[value].changes_at_run_time) {
			take_over(running, fresh, value);
		} else if (is_same(running, fresh, value)) {
			running->origins[value] = fresh->origins[value];
		} else {
			int n = snprintf(names + used, sizeof(names) - used, "%s%s",
				count++ ? ", " : "", config_keys[value].name);

			used += (size_t)n < sizeof(names) - used ? (size_t)n : 0;
		}
	}
	error_set(note, 0, "%s%s", count ? "a restart is needed for what changed in " : "", names);
	return count;
}
