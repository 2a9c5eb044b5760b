// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/check.c: the questions that a start asks, each asked although another was answered
 * with no.
 *
 * They are the start's own functions or stand beside them, so that the two cannot part ways. Of the
 * file the first mistake is told: what stands behind it may be due to it.
 */
#include "pool/commands/check.h"

#include "base/log.h"
#include "pool/commands/config.h"
#include "pool/http/listen.h"
#include "pool/http/token.h"
#include "pool/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the sentence does not name it, `place` does: what gave the value. */
static unsigned problem(int result, const char *place, const struct error *error)
{
	if (result >= 0)
		return 0;
	fprintf(stderr, "corral serve: %s%s%s\n", place ? place : "", place ? ": " : "",
		error->sentence);
	return 1;
}

static const char *place_of(const struct config *config, enum config_value value)
{
	return config->origins[value].name;
}

static unsigned values_check(struct config *config)
{
	struct error error;
	unsigned problems = problem(config_load_file(config, config->file ? config->file
						: CONFIG_FILE_STANDARD, config->file, &error),
		NULL, &error);

	problems += problem(config_load_environment(config, environ, &error), NULL, &error);
	problems += problem(config_check(config, &error), NULL, &error);
	return problems;
}

/* Its standard folder is made by a start. */
static int socket_check(const struct config *config, struct error *error)
{
	struct stat status;

	if (strncmp(config->socket, CONFIG_RUN_FOLDER "/", sizeof(CONFIG_RUN_FOLDER)) == 0 &&
	    stat(CONFIG_RUN_FOLDER, &status) < 0 && errno == ENOENT && access("/run", W_OK) == 0)
		return 0;
	return listen_unix_check(config->socket, error);
}

static int state_check(const struct config *config, struct error *error)
{
	struct stat status;

	if (stat(config->state_dir, &status) < 0)
		return errno == ENOENT ? 0 : error_set(error, -errno,
			"cannot use the state directory %s: %s", config->state_dir,
			error_text(errno));
	if (!S_ISDIR(status.st_mode))
		return error_set(error, -ENOTDIR,
			"the state directory %s is no directory; remove it, or give another",
			config->state_dir);
	if (access(config->state_dir, W_OK | X_OK) < 0)
		return error_set(error, -errno, "cannot write to the state directory %s: %s",
			config->state_dir, error_text(errno));
	return 0;
}

static unsigned tcp_check(const struct config *config)
{
	const struct config_address *listen = &config->listen;
	struct error error;

	if (!listen->bytes)
		return 0;
	return problem(listen_tcp_check((const struct sockaddr *)&listen->address, listen->bytes,
			       listen->text, &error),
		       place_of(config, CONFIG_LISTEN), &error) +
	       problem(tokens_check(config->token_file, &error),
		       place_of(config, CONFIG_TOKEN_FILE), &error);
}

static int programs_check(const struct config *config, struct error *error)
{
	struct pool_config pool;

	pool_config_init(&pool);
	pool.workers = config->workers;
	return pool_check(&pool, error);
}

int check_run(struct config *config)
{
	struct error error;
	unsigned problems = values_check(config);

	log_open(config->log_level);
	config_log(config);
	problems += problem(socket_check(config, &error), place_of(config, CONFIG_SOCKET), &error);
	problems += problem(state_check(config, &error), place_of(config, CONFIG_STATE_DIR),
		&error);
	problems += tcp_check(config);
	problems += problem(programs_check(config, &error), NULL, &error);
	return problems ? 1 : 0;
}
