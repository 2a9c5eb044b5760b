// SPDX-License-Identifier: Apache-2.0
/*
 * base/json_writer.h: a JSON document, written from its begin to its end into one growing block.
 *
 * What goes through here can be megabytes of a worker's bytes, so nothing is built and copied
 * first. Commas are put where they belong. Without memory the rest is left out, and json_written()
 * says so.
 *
 *	struct json_writer writer = { 0 };
 *	json_open(&writer, NULL, '{');
 *	json_number(&writer, "exit_code", 0);
 *	json_close(&writer, '}');
 *	text = json_written(&writer);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
	char *text; /* of base/memory.h */
	size_t used, size;
	bool needs_comma, is_short;
	bool is_fixed; /* `text` is the caller's and does not grow */
};

/* A name is NULL for an element of a list and for the document itself. */
void json_open(struct json_writer *writer, const char *name, char bracket);
void json_close(struct json_writer *writer, char bracket);
void json_null(struct json_writer *writer, const char *name);
void json_number(struct json_writer *writer, const char *name, uint64_t value);
void json_fraction(struct json_writer *writer, const char *name, double value);
void json_string(struct json_writer *writer, const char *name, const char *text);

/* The same of bytes, each of which that is no UTF-8, or is NUL, becomes U+FFFD. */
void json_bytes(struct json_writer *writer, const char *name, const void *bytes, size_t size);
void json_base64(struct json_writer *writer, const char *name, const void *bytes, size_t size);

/* What the caller knows to be JSON, as it stands but for the whitespace between its parts. */
void json_value(struct json_writer *writer, const char *name, const void *bytes, size_t size);

/* The document, the caller's, for memory_free() unless it is fixed; NULL: too little memory. */
char *json_written(struct json_writer *writer);
