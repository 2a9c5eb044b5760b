// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/command.c: what several subcommands have in common.
 */
#include "pool/commands/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LIMIT_KEY 0x1000

static const struct argp_option limits_options[] = {
	{ 0, 0, 0, 0, "Limits of an execution:", 2 },
	{ "timeout", LIMIT_KEY + LIMIT_TIMEOUT, "TIME", 0, "Wall-clock time (30s)", 0 },
	{ "cpu-time", LIMIT_KEY + LIMIT_CPU_TIME, "TIME", 0, "CPU time of all its processes (10s)",
		0 },
	{ "memory", LIMIT_KEY + LIMIT_MEMORY, "SIZE", 0,
		"Memory of all its processes and files (256M)", 0 },
	{ "pids", LIMIT_KEY + LIMIT_PIDS, "N", 0, "Processes and threads at one time (32)", 0 },
	{ "output", LIMIT_KEY + LIMIT_OUTPUT, "SIZE", 0, "stdout and stderr together (1M)", 0 },
	{ "files", LIMIT_KEY + LIMIT_FILES, "SIZE", 0,
		"/tmp, /workspace and /dev/shm together (64M)", 0 },
	{ "open-files", LIMIT_KEY + LIMIT_OPEN_FILES, "N", 0, "Open descriptors of a process (256)",
		0 },
	{ "syscalls", LIMIT_KEY + LIMIT_SYSCALLS, "N", 0,
		"System calls of all its processes (no limit)", 0 },
	{ 0 },
};

static error_t limits_option(int key, char *argument, struct argp_state *state)
{
	struct error error;
	bool clamped;
	enum limit limit = (enum limit)(key - LIMIT_KEY);

	if (key < LIMIT_KEY || key >= LIMIT_KEY + LIMIT_COUNT)
		return ARGP_ERR_UNKNOWN;
	if (limits_parse(state->input, limit, argument, &clamped, &error) < 0)
		argp_error(state, "%s", error.sentence);
	else if (clamped)
		fprintf(stderr, "corral: %s\n", error.sentence);
	return 0;
}

const struct argp limits_argp = { .options = limits_options, .parser = limits_option };

int command_failed(const char *command, const char *sentence)
{
	fprintf(stderr, "corral %s: %s\n", command, sentence);
	return EXIT_OURS;
}

int command_write(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}
