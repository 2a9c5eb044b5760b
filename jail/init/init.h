// SPDX-License-Identifier: Apache-2.0
/*
 * jail/init/init.h: the three parts of corral-init.
 *
 * corral-init is two things in one small static program. Started by the daemon it is the nursery:
 * it builds the file view that all cells share, once, and then clones cells on request. Each clone
 * finishes its own cell and stays in it as PID 1, powerless.
 */
#pragma once

#include "jail/cell.h"

/*
 * Leaves the host's mount tree for one of our own: read-only system directories, a minimal /dev,
 * a few files in /etc, and empty places for what each cell mounts itself. In a mount namespace of
 * the nursery's own. `uid_first` and `uid_count` are the ids that /etc/passwd knows.
 * 0 or a negative errno; *ret_path then names what failed.
 */
int view_build(uint32_t uid_first, uint32_t uid_count, const char **ret_path);

/* In the new cell, as its PID 1: the private mounts. 0 or a negative errno. */
int view_mount_files(const struct cell_request *request);
int view_mount_proc(void);

/*
 * Clones the cell and returns its pid, or a negative errno. In the clone: finishes the cell,
 * reports on the nursery's socket and lives as PID 1, never returning.
 */
int cell_clone(const struct cell_request *request, int network_fd);
