// SPDX-License-Identifier: Apache-2.0
/*
 * bench/census.c: counts by /proc and /sys, where the kernel itself keeps the books.
 */
#include "bench/census.h"

#include "base/file.h"
#include "bench/harness.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RSS_SLACK_BYTES (UINT64_C(2) << 20)
#define GROUPS_SLACK 64u /* the kernel frees a dead group when it comes to it */

static uint64_t entries_of(const char *path)
{
	DIR *folder = opendir(path);
	uint64_t count = 0;

	if (!folder)
		err(1, "%s", path);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2; /* . and .. */
}

static uint64_t lines_of(const char *path)
{
	static char text[1 << 20];
	uint64_t lines = 0;

	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		errx(1, "%s cannot be read", path);
	for (const char *line = text; (line = strchr(line, '\n')); line++)
		lines++;
	return lines;
}

/* Processes whose parent is one of our threads. */
static uint64_t children_count(void)
{
	char path[300], text[65536];
	DIR *threads = opendir("/proc/self/task");
	uint64_t count = 0;

	for (struct dirent *thread; threads && (thread = readdir(threads));) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/children", thread->d_name);
		if (file_read(AT_FDCWD, path, text, sizeof(text)) > 0)
			for (const char *space = text; (space = strchr(space, ' ')); space++)
				count++;
	}
	closedir(threads);
	return count;
}

static uint64_t groups_found;
static char groups_name[32]; /* "corral.PID." */

static int group_visit(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	groups_found += type == FTW_D && strstr(path, groups_name) != NULL;
	return 0;
}

/* What the kernel holds in its memory hierarchy, dead groups that still own a page included. */
static void memory_groups_count(struct census *census)
{
	char text[4096];
	const char *line;
	unsigned long long alive;

	if (file_read(AT_FDCWD, "/proc/cgroups", text, sizeof(text)) > 0 &&
		(line = strstr(text, "\nmemory")) && sscanf(line + 7, " %*u %llu", &alive) == 1)
		census->memory_groups = alive;
	for (unsigned i = 0; i < 2; i++)
		if (file_read(AT_FDCWD,
			    i ? "/sys/fs/cgroup/cgroup.stat" : "/sys/fs/cgroup/unified/cgroup.stat",
			    text, sizeof(text)) > 0)
			text_find_number(text, "nr_dying_descendants", &census->dying_groups);
}

struct census census_take(void)
{
	struct census census = {
		.descriptors = entries_of("/proc/self/fd"),
		.rss_bytes = harness_rss_bytes(),
		.mounts = lines_of("/proc/self/mountinfo"),
		.children = children_count(),
	};

	groups_found = 0;
	snprintf(groups_name, sizeof(groups_name), "corral.%d.", (int)getpid());
	nftw("/sys/fs/cgroup", group_visit, 16, FTW_PHYS);
	census.groups = groups_found;
	memory_groups_count(&census);
	return census;
}

void census_print(const char *name, const struct census *census)
{
	printf(",\"%s\":{\"descriptors\":%llu,\"rss_kib\":%llu,\"mounts\":%llu,\"children\":%llu,"
	       "\"groups\":%llu,\"memory_groups\":%llu,\"dying_groups\":%llu}",
		name, (unsigned long long)census->descriptors,
		(unsigned long long)census->rss_bytes / 1024, (unsigned long long)census->mounts,
		(unsigned long long)census->children, (unsigned long long)census->groups,
		(unsigned long long)census->memory_groups,
		(unsigned long long)census->dying_groups);
}

bool census_is_flat(const struct census *before, const struct census *after)
{
	return after->descriptors <= before->descriptors && after->mounts <= before->mounts &&
		after->children <= before->children && after->groups <= before->groups &&
		after->rss_bytes <= before->rss_bytes + RSS_SLACK_BYTES &&
		after->memory_groups <= before->memory_groups + GROUPS_SLACK &&
		after->dying_groups <= before->dying_groups + GROUPS_SLACK;
}
