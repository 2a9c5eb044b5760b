// SPDX-License-Identifier: Apache-2.0
/*
 * jail/residue.c: a few questions to the kernel, each answered from outside the cell.
 */
#include "jail/residue.h"

#include "base/fault.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

/* Those of jail/init/view.c. The first shows the whole file system's figures, as the others do. */
static const char *const places[RESIDUE_PLACES] = { "workspace", "tmp", "dev/shm" };

static int place_read(pid_t init_pid, int root, unsigned place, struct residue_files *files)
{
	struct statx status;
	char path[48];
	ssize_t attributes_bytes;

	/* ACLs are among them; listxattrat() is of Linux 6.13. */
	snprintf(path, sizeof(path), "/proc/%d/root/%s", (int)init_pid, places[place]);
	attributes_bytes = listxattr(path, NULL, 0);
	if (attributes_bytes < 0 || statx(root, places[place], AT_SYMLINK_NOFOLLOW,
					    STATX_BASIC_STATS, &status) < 0)
		return -errno;
	files->places[place].changed_sec = status.stx_ctime.tv_sec;
	files->places[place].changed_nsec = status.stx_ctime.tv_nsec;
	files->places[place].modified_sec = status.stx_mtime.tv_sec;
	files->places[place].modified_nsec = status.stx_mtime.tv_nsec;
	files->places[place].accessed_sec = status.stx_atime.tv_sec;
	files->places[place].accessed_nsec = status.stx_atime.tv_nsec;
	files->places[place].mode = status.stx_mode;
	files->places[place].owner = (uint64_t)status.stx_uid << 32 | status.stx_gid;
	files->places[place].flags = status.stx_attributes;
	files->places[place].attributes_bytes = (uint64_t)attributes_bytes;
	return 0;
}

int residue_files_read(pid_t init_pid, struct residue_files *ret_files)
{
	struct residue_files files = { 0 };
	struct statfs status;
	char path[32];
	int result = 0;

	if (fault("residue.files"))
		return -EIO;
	/* The mounts are ours; their places in a read-only root cannot be changed from inside. */
	snprintf(path, sizeof(path), "/proc/%d/root", (int)init_pid);
	AUTO_FD root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -errno;
	AUTO_FD shown = openat(root, places[0], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (shown < 0 || fstatfs(shown, &status) < 0)
		return -errno;
	files.blocks_used = status.f_blocks - status.f_bfree;
	files.inodes_used = status.f_files - status.f_ffree;
	for (unsigned i = 0; i < RESIDUE_PLACES && result == 0; i++)
		result = place_read(init_pid, root, i, &files);
	if (result == 0)
		*ret_files = files;
	return result;
}

bool residue_is_none(struct cgroups *cgroups, unsigned slot, const struct netns_pool *networks,
	pid_t init_pid, const struct residue_files *at_birth, uint32_t leaves)
{
	struct residue_files now;

	if (leaves & LEAVES_CELL)
		return false;
	if (leaves & LEAVES_PROCESSES && cgroups_slot_tasks(cgroups, slot) != 0)
		return false;
	if (leaves & LEAVES_SOCKETS && !netns_of_is_empty(networks, init_pid))
		return false;
	return !(leaves & LEAVES_FILES) ||
	       (residue_files_read(init_pid, &now) == 0 &&
		       memcmp(&now, at_birth, sizeof(now)) == 0);
}
