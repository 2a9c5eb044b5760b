// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/activation.c: systemd's protocol for sockets is three variables and the descriptors
 * from 3 on: no library is needed.
 *
 * The descriptors were inherited open, so until they have close-on-exec nothing may be executed.
 * LISTEN_PID is what tells them from the remains of a parent that was started this way.
 */
#include "pool/commands/activation.h"

#include "base/own.h"
#include "base/quantity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const variables[] = { "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };

/* "first:second", as many as there are; the rest have none. */
static void names_take(struct activation *activation, const char *names)
{
	for (unsigned i = 0; i < activation->count && names; i++) {
		size_t size = strcspn(names, ":");

		snprintf(activation->sockets[i].name, sizeof(activation->sockets[i].name), "%.*s",
			size < 63 ? (int)size : 63, names);
		names = names[size] ? names + size + 1 : NULL;
	}
}

static int count_read(const char *text, unsigned *ret_count, struct error *error)
{
	uint64_t count;

	if (quantity_parse_count(text, &count) < 0)
		return error_set(error, -EINVAL,
			"LISTEN_FDS cannot be '%.32s': it is how many sockets were given", text);
	if (count > SERVER_GIVEN_MAX)
		return error_set(error, -E2BIG,
			"%" PRIu64 " sockets were given (LISTEN_FDS): give at most %u", count,
			SERVER_GIVEN_MAX);
	*ret_count = (unsigned)count;
	return 0;
}

static int read_all(int first, struct activation *activation, struct error *error)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t meant;
	int result;

	if (!count || !pid)
		return 0;
	if (quantity_parse_count(pid, &meant) < 0)
		return error_set(error, -EINVAL,
			"LISTEN_PID cannot be '%.32s': it is the process that sockets are for",
			pid);
	if (meant != (uint64_t)getpid())
		return 0;
	result = count_read(count, &activation->count, error);
	if (result < 0)
		return result;
	for (unsigned i = 0; i < activation->count; i++) {
		activation->sockets[i].fd = first + (int)i;
		if (fcntl(activation->sockets[i].fd, F_GETFD) < 0)
			return error_set(error, -EBADF,
				"LISTEN_FDS says that %u sockets were given, but descriptor %d is"
				" not open", activation->count, activation->sockets[i].fd);
	}
	names_take(activation, getenv("LISTEN_FDNAMES"));
	return 0;
}

int activation_take(int first, struct activation *ret_activation, struct error *error)
{
	struct activation activation = { .count = 0 };
	int result = read_all(first, &activation, error);

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	if (result < 0)
		return result;
	for (unsigned i = 0; i < activation.count; i++)
		fcntl(activation.sockets[i].fd, F_SETFD, FD_CLOEXEC);
	*ret_activation = activation;
	return 0;
}
