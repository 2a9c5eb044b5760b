// SPDX-License-Identifier: Apache-2.0
/*
 * base/error.c: sentences for people.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
	if (error) {
		va_list list;

		va_start(list, format);
		vsnprintf(error->sentence, sizeof(error->sentence), format, list);
		va_end(list);
	}
	return code;
}

const char *error_text(int code)
{
	const char *text = strerrordesc_np(code < 0 ? -code : code);

	return text ? text : "unknown error";
}
