// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/report_read.h: the document of report.h, read back where it arrives.
 */
#pragma once

#include "pool/verdict.h"

#include <stddef.h>

struct cJSON;

struct report_stream {
	const char *bytes; /* as the program wrote them */
	size_t size;
	char *decoded;     /* the same, where they were no text; else NULL */
};

struct report {
	/* verdict, exit_code, signal and the limit of a "limit:…"; the rest is not read. */
	struct result result;
	struct report_stream out, err;
	const char *reason;        /* "" where the verdict says it all */
	const struct cJSON *notes; /* a list of strings; NULL: none */
	const struct cJSON *artifacts; /* by name base64 or null; NULL: none */
	struct cJSON *document;    /* owns all that is pointed to above */
};

/* 0, and the caller clears the report; or -EBADMSG or -ENOMEM with the sentence. */
int report_read(const char *text, size_t size, struct report *ret_report, struct error *error);

/* What the report owns; not the report itself. */
void report_clear(struct report *report);
