// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_entrance.c: how a newborn comes into its slot's groups.
 *
 * Linked into small programs, and run between clone and exec by a process that is still root: it
 * holds nothing, allocates nothing, and asks only base/file.c. The groups exist already; a slot
 * without them is an error here, never made on the way.
 */
#include "base/file.h"
#include "jail/cgroup_backend.h"

#include <errno.h>
#include <fcntl.h>

int cgroup_entrance_open(const struct cgroup_entrance *entrance, unsigned slot, int *ret_fd)
{
	char path[CGROUP_SLOT_PATH_BYTES];

	if (entrance->unified < 0)
		return -ENOENT;
	cgroup_slot_path(path, slot, "");

	int fd = openat(entrance->unified, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int cgroup_entrance_join_v1(const struct cgroup_entrance *entrance, unsigned slot)
{
	const int trees[] = { entrance->memory_v1, entrance->pids_v1, entrance->cpu_v1 };
	char path[CGROUP_SLOT_PATH_BYTES];

	cgroup_slot_path(path, slot, "tasks");
	for (unsigned i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		/* `tasks` and not `cgroup.procs`: the latter stops all forks of the machine. */
		int r = trees[i] < 0 ? 0 : file_write(trees[i], path, "0");

		if (r < 0)
			return r;
	}
	return 0;
}
