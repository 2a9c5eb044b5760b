// SPDX-License-Identifier: Apache-2.0
/*
 * bench/census.h: what this process, and the kernel for it, hold at a moment.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct census {
	uint64_t descriptors, rss_bytes, mounts;
	uint64_t children;      /* processes whose parent is one of our threads */
	uint64_t groups;        /* directories of ours below /sys/fs/cgroup */
	uint64_t memory_groups; /* of the whole machine, dead ones that still own a page included */
	uint64_t dying_groups;  /* of the v2 tree */
};

struct census census_take(void);

/* `,"NAME":{…}` */
void census_print(const char *name, const struct census *census);

/* Nothing has grown, but for what the kernel frees in its own time. */
bool census_is_flat(const struct census *before, const struct census *after);
