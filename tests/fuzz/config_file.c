// SPDX-License-Identifier: Apache-2.0
// sources: pool/commands/config.c pool/commands/config_table.c pool/commands/config_file.c
// sources: pool/commands/config_print.c pool/limits.c pool/policy.c
// sources: base/encode.c base/error.c base/file.c base/log.c base/own.c base/quantity.c
/*
 * tests/fuzz/config_file.c: any bytes as a configuration file.
 *
 * Refused, it names the file in one line and has changed nothing. Read, it prints as a file that
 * reads back as the same, whatever inih made of the bytes.
 */
#include "pool/commands/config_private.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back_check(const struct config *config)
{
	static char one[CONFIG_LINE_BYTES_MAX], other[CONFIG_LINE_BYTES_MAX];
	static struct config back;
	struct error error;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	config_print(config, out);
	fclose(out);
	config_init(&back);
	CHECK(config_load_text(&back, "printed", text, size, &error) == 0);
	for (enum config_value value = 0; value < CONFIG_COUNT; value++) {
		CHECK(strcmp(config_print_value(config, value, one),
			      config_print_value(&back, value, other)) == 0);
		CHECK(back.origins[value].source == CONFIG_FROM_FILE);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config, before;
	struct error error = { .sentence = "" };
	char *bytes = malloc(size + 1); /* on the heap, so that what lies behind it is poisoned */

	memcpy(bytes, data, size);
	bytes[size] = '\0';
	config_init(&config);
	before = config;
	if (config_load_text(&config, "fuzz.conf", bytes, size, &error) == 0) {
		read_back_check(&config);
	} else {
		CHECK(strncmp(error.sentence, "fuzz.conf:", 10) == 0);
		CHECK(!strchr(error.sentence, '\n'));
		CHECK(memcmp(&config, &before, sizeof(config)) == 0);
	}
	free(bytes);
	return 0;
}
