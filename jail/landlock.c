// SPDX-License-Identifier: Apache-2.0
/*
 * jail/landlock.c: one table of places and what may be done below them.
 *
 * Everything that the kernel's ABI can refuse is handled, so what no row grants is refused: TCP
 * both ways has no row at all. A row for a place that is not there is skipped; the cell's file
 * view has them all, a probe outside of a cell may not.
 *
 * Landlock looks when a file is opened. What the newborn holds already (its control socket, its
 * channel) goes on working.
 */
#include "jail/landlock.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * linux/landlock.h of Linux 6.15. Debian 12 has that of 6.1, ABI 2, whose attributes end behind
 * handled_access_fs: the kernel takes the longer struct from ABI 4 (net) and 6 (scoped) on.
 */
struct ruleset_attributes {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4, Linux 6.7 */
	uint64_t scoped;             /* ABI 6, Linux 6.12 */
};

#define ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3, Linux 6.2 */
#define ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5, Linux 6.10 */
#define ACCESS_NET_BIND_TCP (UINT64_C(1) << 0)
#define ACCESS_NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define RESTRICT_SELF_LOG_SAME_EXEC_OFF (1u << 0) /* ABI 7, Linux 6.15 */

#define READING                                                                                 \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE)
#define MAKING                                                                                  \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                       \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                     \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                   \
		LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK) /* nowhere */

static const struct place {
	const char *path;
	uint64_t access;
} places[] = {
	{ "/", READING },
	{ "/tmp", WRITING | MAKING },
	{ "/workspace", WRITING | MAKING },
	{ "/dev/shm", WRITING | MAKING },
	/* With ioctl, so that isatty() gets the usual ENOTTY. */
	{ "/dev/null", WRITING | ACCESS_FS_IOCTL_DEV },
	{ "/dev/zero", WRITING | ACCESS_FS_IOCTL_DEV },
	{ "/dev/full", WRITING | ACCESS_FS_IOCTL_DEV },
	{ "/dev/random", WRITING | ACCESS_FS_IOCTL_DEV },
	{ "/dev/urandom", WRITING | ACCESS_FS_IOCTL_DEV },
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

static int ruleset_create(int abi, uint64_t handled_access_fs)
{
	const struct ruleset_attributes attributes = {
		.handled_access_fs = handled_access_fs,
		.handled_access_net = ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP,
		.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
	};
	size_t size = abi >= 6 ? sizeof(attributes)
		: abi >= 4 ? offsetof(struct ruleset_attributes, scoped)
			   : offsetof(struct ruleset_attributes, handled_access_net);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);

	return fd < 0 ? -errno : fd; /* close-on-exec by itself */
}

static int place_add(int ruleset, const struct place *place, uint64_t handled)
{
	AUTO_FD fd = open(place->path, O_PATH | O_CLOEXEC);
	const struct landlock_path_beneath_attr beneath = {
		.allowed_access = place->access & handled,
		.parent_fd = fd,
	};

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0))
		return -errno;
	return 0;
}

int landlock_enter(int abi)
{
	uint64_t handled = READING | WRITING | MAKING | DEVICES | ACCESS_FS_IOCTL_DEV;

	if (abi < 1)
		return -EOPNOTSUPP;
	if (abi < 2)
		handled &= ~LANDLOCK_ACCESS_FS_REFER;
	if (abi < 3)
		handled &= ~ACCESS_FS_TRUNCATE;
	if (abi < 5)
		handled &= ~ACCESS_FS_IOCTL_DEV;

	AUTO_FD ruleset = ruleset_create(abi, handled);

	if (ruleset < 0)
		return ruleset;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int r = place_add(ruleset, &places[i], handled);

		if (r)
			return r;
	}
	/* Refusals are not logged: a worker could fill the host's audit log with them. */
	if (syscall(SYS_landlock_restrict_self, ruleset,
		abi >= 7 ? RESTRICT_SELF_LOG_SAME_EXEC_OFF : 0))
		return -errno;
	return 0;
}
