// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_commands_config_fixture.h: a configuration, and a real file in a directory of
 * its own.
 */
#pragma once

#include "base/own.h"
#include "pool/commands/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char directory[] = "/tmp/pool_config.XXXXXX";
static char path[64];
static struct config config;
static struct error error;

static void make_directory(void)
{
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/corral.conf", directory);
	config_init(&config);
}

static void remove_directory(void)
{
	unlink(path);
	rmdir(directory);
}

static void write_bytes(const char *bytes, size_t size)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
}

static int load(const char *text)
{
	error.sentence[0] = '\0';
	write_bytes(text, strlen(text));
	return config_load_file(&config, path, true, &error);
}

/* Without the directory, so that it begins with "corral.conf:". */
static const char *without_directory(const char *text)
{
	size_t size = strlen(directory);

	return strncmp(text, directory, size) == 0 ? text + size + 1 : text;
}

static void expect_refused(const char *text, const char *wanted)
{
	static struct config before;

	before = config;
	cr_expect_eq(load(text), -EINVAL, "%s", text);
	cr_expect_str_eq(without_directory(error.sentence), wanted);
	cr_expect_eq(memcmp(&before, &config, sizeof(config)), 0, "changed by: %s", text);
}

static inline void expect_origin(enum config_value value, const char *wanted)
{
	cr_expect_str_eq(without_directory(config.origins[value].name), wanted);
}
