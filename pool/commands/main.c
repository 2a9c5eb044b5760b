// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/main.c: the table of contents of the command line.
 */
#include "base/log.h"
#include "pool/commands/command.h"
#include "pool/slot.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{ "run", command_run, "run a program in a sandbox, here and now" },
	{ "serve", command_serve, "run the daemon: executions over HTTP" },
	{ "exec", command_exec, "run a program through the daemon" },
	{ "status", command_status, "show what the daemon is doing" },
	{ "drain", command_drain, "end the daemon, after what runs is answered" },
	{ "bench", command_bench, "measure the pool with a program or a folder of them" },
	{ "doctor", command_doctor, "try what this machine can enforce, and say what to mend" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out, int code)
{
	fprintf(out,
		"corral: runs untrusted code, thousands of times a second, "
		"each in its own sandbox\n\n"
		"usage: corral COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n'corral COMMAND --help' lists a command's options.\n");
	return code;
}

/* A mistake in the options is told in the command's own name, with the exit code of all mistakes.
 */
static int command_start(const struct command *command, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "corral %s", command->name);
	argv[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	return command->run(argc, argv);
}

/*
 * Who is started with descriptor 0, 1 or 2 closed would find the next thing that it opens there,
 * and read its own event descriptor as standard input.
 */
static void streams_ensure(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			_exit(EXIT_OURS);
}

int main(int argc, char **argv)
{
	streams_ensure();
	/* Readers of our output may go away at any time; every write says so itself. */
	signal(SIGPIPE, SIG_IGN);
	log_open(LOG_LEVEL_ERROR);
	if (argc < 2)
		return usage(stderr, EXIT_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout, 0);
	if (strcmp(argv[1], "--version") == 0) {
		printf("corral %s\n", CORRAL_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--states") == 0) {
		slot_states_print();
		return 0;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return command_start(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "corral: there is no command '%s'\n\n", argv[1]);
	return usage(stderr, EXIT_USAGE);
}
