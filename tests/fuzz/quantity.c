// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/quantity.c: any text is read or refused, and what is printed never says more.
 */
// sources: base/quantity.c
#include "base/quantity.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const char *text, int (*parse)(const char *, uint64_t *),
	const char *(*print)(uint64_t, char *, size_t))
{
	uint64_t amount, printed;
	char buffer[32];

	if (parse(text, &amount) < 0)
		return;
	/* Two decimals of a small unit may be no whole number; then it is refused, as it should. */
	if (parse(print(amount, buffer, sizeof(buffer)), &printed) == 0 && printed > amount)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, bytes, size);
	text[size] = '\0';
	check(text, quantity_parse_bytes, quantity_print_bytes);
	check(text, quantity_parse_duration, quantity_print_duration);
	free(text);
	return 0;
}
