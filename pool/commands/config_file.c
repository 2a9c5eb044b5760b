// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/config_file.c: an INI file, read by inih, and refused where inih would guess.
 *
 * Left to itself, inih reads a line that is too long as two, drops what stands behind a section's
 * ']', cuts a section's name, and takes an indented line for more of the line before. So it gets
 * its lines from here, one a call, each without its indentation and only if it fits the room that
 * inih has; the headers of sections are checked before it sees them. One call a line also tells
 * the number of the line, which inih's handler is not told.
 *
 * Its own rules that stay: "key = value" or "key: value"; '#' or ';' begins a line of comment, and
 * a blank and ';' one behind a value.
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/own.h"
#include "pool/commands/config_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#define MARK "\xef\xbb\xbf" /* some editors begin UTF-8 with it */
#define NAME_SHOWN_BYTES 64 /* of a name that is not ours */

struct reading {
	struct config *config;
	const char *path, *rest;      /* of the file's text */
	unsigned line;                /* that inih has now */
	unsigned lines[CONFIG_COUNT]; /* that gave a value; 0: none yet */
	int result;                   /* the first failure */
	struct error *error;
};

__attribute__((format(printf, 2, 3))) static int refuse(
	struct reading *reading, const char *format, ...)
{
	struct error sentence;
	va_list list;

	va_start(list, format);
	vsnprintf(sentence.sentence, sizeof(sentence.sentence), format, list);
	va_end(list);
	reading->result = error_set(reading->error, -EINVAL, "%s:%u: %s", reading->path,
		reading->line, sentence.sentence);
	return reading->result;
}

/* --- What no line may hold -------------------------------------------------------------------- */

static const char *find_unwanted(const char *bytes, size_t size)
{
	for (const char *at = bytes; at < bytes + size; at++) {
		unsigned char c = (unsigned char)*at;
		bool is_end = c == '\n' || (c == '\r' && (at[1] == '\n' || at + 1 == bytes + size));

		if ((c < 0x20 && c != '\t' && !is_end) || c == 0x7f)
			return at;
	}
	return NULL;
}

/* Leaves the number of the line in the sentence. */
static int bytes_check(struct reading *reading, const char *bytes, size_t size)
{
	const char *unwanted = find_unwanted(bytes, size);
	const char *line = bytes, *end = bytes + size;

	reading->line = 1;
	if (unwanted) {
		for (; line < unwanted; line++)
			reading->line += *line == '\n';
		return refuse(reading,
			"there is a byte 0x%02x here, which no text has: take it out",
			(unsigned char)*unwanted);
	}
	for (; line < end; reading->line++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((newline ? newline : end) - line);

		if (!utf8_is_valid(line, length))
			return refuse(reading, "this is no UTF-8: save the file as UTF-8");
		line += length + 1;
	}
	reading->line = 0;
	return 0;
}

/* --- Sections and keys ------------------------------------------------------------------------ */

/* "workers, shards", or with NULL all sections. */
static const char *names_of(const char *section, char *buffer, size_t size)
{
	const char *last = "";
	size_t used = 0;

	buffer[0] = '\0';
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		const char *name = section ? key->name : key->section;

		if ((section && strcmp(key->section, section) != 0) || strcmp(name, last) == 0)
			continue;
		last = name;
		used += (size_t)snprintf(buffer + used, size - used, section ? "%s%s" : "%s[%s]",
			used ? ", " : "", name);
		assert(used < size);
	}
	return buffer;
}

static bool is_section(const char *name, size_t size)
{
	for (int i = 0; i < CONFIG_COUNT; i++)
		if (strlen(config_keys[i].section) == size &&
			memcmp(config_keys[i].section, name, size) == 0)
			return true;
	return false;
}

/* Of a line that begins with '['; `length` bytes of it. */
static int section_check(struct reading *reading, const char *line, size_t length)
{
	const char *close = memchr(line, ']', length);
	char names[96];

	if (!close)
		return refuse(reading, "there is no ']' to this '[': give [NAME]");
	size_t size = (size_t)(close - line) - 1;

	if (!is_section(line + 1, size))
		return refuse(reading, "there is no section [%.*s]: give one of %s",
			(int)(size < NAME_SHOWN_BYTES ? size : NAME_SHOWN_BYTES), line + 1,
			names_of(NULL, names, sizeof(names)));
	for (const char *at = close + 1; at < line + length && !strchr("#;", *at); at++)
		if (!strchr(" \t\r", *at))
			return refuse(reading,
				"something stands behind [%.*s]: put it on a line of its own",
				(int)size, line + 1);
	return 0;
}

static enum config_value find_key(const char *section, const char *name)
{
	enum config_value value = 0;

	while (value < CONFIG_COUNT && (strcmp(config_keys[value].section, section) != 0 ||
					       strcmp(config_keys[value].name, name) != 0))
		value++;
	return value;
}

/* --- inih's two sides ------------------------------------------------------------------------- */

/* As fgets(): the next line into `buffer`, or NULL at the end and where a line cannot stand. */
static char *line_give(char *buffer, int size, void *stream)
{
	struct reading *reading = stream;
	const char *line = reading->rest + strspn(reading->rest, " \t");
	size_t length = strcspn(line, "\n"), room = (size_t)size - 2;

	if (reading->result < 0 || !*reading->rest)
		return NULL;
	reading->line++;
	reading->rest = line + length + (line[length] == '\n');
	if (length > room) {
		refuse(reading, "the line is longer than %zu bytes: shorten it", room);
		return NULL;
	}
	if (line[0] == '[' && section_check(reading, line, length) < 0)
		return NULL;
	memcpy(buffer, line, length);
	memcpy(buffer + length, "\n", 2);
	return buffer;
}

/* Non-zero to go on, as inih wants it. */
static int value_take(void *user, const char *section, const char *name, const char *text)
{
	struct reading *reading = user;
	char origin[CONFIG_ORIGIN_BYTES], names[256];

	if (!*section) {
		refuse(reading, "%.*s stands before any section: begin with one of %s",
			NAME_SHOWN_BYTES, name, names_of(NULL, names, sizeof(names)));
		return 0;
	}
	enum config_value value = find_key(section, name);

	if (value == CONFIG_COUNT) {
		refuse(reading, "[%s] has no key '%.*s': give one of %s", section, NAME_SHOWN_BYTES,
			name, names_of(section, names, sizeof(names)));
		return 0;
	}
	if (reading->lines[value]) {
		refuse(reading, "%s is given again, first in line %u: give it once", name,
			reading->lines[value]);
		return 0;
	}
	reading->lines[value] = reading->line;
	snprintf(origin, sizeof(origin), "%s:%u", reading->path, reading->line);
	reading->result = config_set(
		reading->config, value, CONFIG_FROM_FILE, origin, text, reading->error);
	return reading->result == 0;
}

/* Debian's inih is told at run time what others are told when they are compiled. */
static void inih_prepare(void)
{
	ini_use_stack = false;
	ini_initial_alloc = ini_max_line = (int)CONFIG_LINE_BYTES_MAX;
	ini_stop_on_first_error = true;
}

int config_load_text(struct config *config, const char *path, const char *bytes, size_t size,
	struct error *error)
{
	struct config fresh = *config;
	struct reading reading = { .config = &fresh, .path = path, .error = error };

	assert(bytes[size] == '\0');
	if (bytes_check(&reading, bytes, size) < 0)
		return reading.result;
	reading.rest = bytes + (strncmp(bytes, MARK, strlen(MARK)) == 0 ? strlen(MARK) : 0);
	inih_prepare();
	int result = ini_parse_stream(line_give, &reading, value_take, &reading);

	if (reading.result < 0)
		return reading.result;
	if (result < 0)
		return error_set(error, -ENOMEM, "no memory to read %s", path);
	if (result > 0)
		return refuse(&reading, "there is no '=' here: give key = value");
	*config = fresh;
	return 0;
}

int config_load_file(struct config *config, const char *path, bool must_exist, struct error *error)
{
	AUTO_FREE char *bytes = NULL;
	int size;

	/* Its name stands in sentences, and in comments of what is printed. */
	if (strlen(path) > CONFIG_FILE_NAME_BYTES_MAX || !config_text_is_plain(path))
		return error_set(error, -ENAMETOOLONG,
			"the configuration's path is longer than %u bytes, holds a control "
			"character or is no UTF-8: give it another name",
			CONFIG_FILE_NAME_BYTES_MAX);
	bytes = malloc(CONFIG_FILE_BYTES_MAX + 2);
	if (!bytes)
		return error_set(error, -ENOMEM, "no memory to read %s", path);
	size = file_read(AT_FDCWD, path, bytes, CONFIG_FILE_BYTES_MAX + 2);
	if (size == -ENOENT && !must_exist)
		return 0;
	if (size < 0)
		return error_set(error, size,
			"cannot read the configuration %s: %s; give a file that can be read", path,
			error_text(size));
	if (size > (int)CONFIG_FILE_BYTES_MAX)
		return error_set(error, -EFBIG,
			"the configuration %s is larger than %u KiB: give a smaller one", path,
			CONFIG_FILE_BYTES_MAX >> 10);
	return config_load_text(config, path, bytes, (size_t)size, error);
}
