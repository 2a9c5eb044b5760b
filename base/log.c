// SPDX-License-Identifier: Apache-2.0
/*
 * base/log.c: a line of log is one write(2), whatever stands in it.
 *
 * Messages hold names that strangers chose (a path, a header). So nothing in a message can end the
 * line or speak to a terminal: control characters are written out as \xNN or \u00NN, and in JSON
 * what is no UTF-8 becomes U+FFFD, so that a reader of the log never meets a line it cannot parse.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX 1024
/* The longest that one byte of a message becomes is "\u00NN"; the rest is for time and level. */
#define LINE_BYTES_MAX (MESSAGE_BYTES_MAX * 6 + 128)

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_ERROR] = "error",
};

/* Set before threads start; read by all. */
static enum log_level level_min = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_PLAIN;

void log_open(enum log_level level)
{
	level_min = level;
	line_format = isatty(STDERR_FILENO) ? LOG_FORMAT_PLAIN : LOG_FORMAT_JSON;
}

void log_set_format(enum log_format format)
{
	line_format = format;
}

/*
 * The bytes of the UTF-8 character at `text`; 0 if there is none: a stray or missing continuation,
 * an overlong form, a surrogate, or beyond U+10FFFF (RFC 3629).
 */
static size_t character_bytes(const unsigned char *text)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t bytes;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	bytes = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (text[0] == 0xe0)
		low = 0xa0;
	else if (text[0] == 0xed)
		high = 0x9f;
	else if (text[0] == 0xf0)
		low = 0x90;
	else if (text[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < bytes; i++, low = 0x80, high = 0xbf)
		if (text[i] < low || text[i] > high)
			return 0;
	return bytes;
}

/* C0, DEL, and C1, which is 0xc2 and then 0x80 to 0x9f. */
static bool is_control(const unsigned char *text, size_t bytes)
{
	return (bytes == 1 && (text[0] < 0x20 || text[0] == 0x7f)) ||
	       (bytes == 2 && text[0] == 0xc2 && text[1] < 0xa0);
}

/* Returns the bytes written to `line`, which has room for six times the message. */
static size_t message_escape(const char *message, enum log_format format, char *line)
{
	const unsigned char *text = (const unsigned char *)message;
	bool json = format == LOG_FORMAT_JSON;
	char *at = line;

	while (*text) {
		size_t bytes = character_bytes(text);

		if (bytes == 0 && json) {
			at = stpcpy(at, "\\ufffd");
		} else if (bytes == 0 || is_control(text, bytes)) {
			at += snprintf(at, sizeof("\\u00ff"), json ? "\\u%04x" : "\\x%02x",
				text[bytes == 2]);
		} else {
			if (json && (*text == '"' || *text == '\\'))
				*at++ = '\\';
			memcpy(at, text, bytes);
			at += bytes;
		}
		text += bytes ? bytes : 1;
	}
	return (size_t)(at - line);
}

void log_write(enum log_level level, const char *format, ...)
{
	char message[MESSAGE_BYTES_MAX], line[LINE_BYTES_MAX], when[32];
	enum log_format shape = line_format;
	int saved = errno;
	struct timespec now;
	struct tm parts;
	va_list list;

	if (level < level_min)
		return;
	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);

	/* The one use of the clock that people can set: it is people who read it. */
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &parts);

	int used = snprintf(line, sizeof(line),
		shape == LOG_FORMAT_JSON ? "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\""
					 : "%s.%03ldZ %s: ",
		when, now.tv_nsec / 1000000, level_names[level]);
	char *end = line + used;

	end += message_escape(message, shape, end);
	end = stpcpy(end, shape == LOG_FORMAT_JSON ? "\"}\n" : "\n");

	/* A log that cannot be written has nowhere to say so. */
	(void)!write(STDERR_FILENO, line, (size_t)(end - line));
	errno = saved;
}
