// SPDX-License-Identifier: Apache-2.0
/*
 * tests/harness/census.c: counts from /proc and /sys/fs/cgroup.
 *
 * Only reads, so that counting leaves nothing behind itself. A descriptor is known by its number
 * and what it shows to (sockets and pipes by their inode), so one that was closed and replaced by
 * another is a finding too.
 */
#include "tests/harness/census.h"

#include "base/file.h"
#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SENTENCE_BYTES (CENSUS_NAME_BYTES + 100)

static void add(struct census *census, unsigned long long number, const char *name)
{
	if (census->count == CENSUS_MAX)
		return;
	struct census_item *item = &census->items[census->count++];

	item->number = number;
	snprintf(item->name, sizeof(item->name), "%s", name);
}

static const struct census_item *find_number(const struct census *census, unsigned long long number)
{
	for (unsigned i = 0; i < census->count; i++)
		if (census->items[i].number == number)
			return &census->items[i];
	return NULL;
}

static bool has(const struct census *census, const struct census_item *wanted)
{
	for (unsigned i = 0; i < census->count; i++)
		if (census->items[i].number == wanted->number &&
			strcmp(census->items[i].name, wanted->name) == 0)
			return true;
	return false;
}

void census_descriptors(struct census *ret_census)
{
	DIR *directory = opendir("/proc/self/fd");

	ret_census->count = 0;
	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		char target[CENSUS_NAME_BYTES];
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] == '.' || fd == dirfd(directory))
			continue;
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

		target[n < 0 ? 0 : n] = '\0';
		add(ret_census, (unsigned)fd, target);
	}
	closedir(directory);
}

void census_mounts(struct census *ret_census)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0;

	ret_census->count = 0;
	if (!file)
		return;
	while (getline(&line, &size, file) > 0) {
		unsigned long long id;
		char point[CENSUS_NAME_BYTES];

		if (sscanf(line, "%llu %*s %*s %*s %159s", &id, point) == 2)
			add(ret_census, id, point);
	}
	fclose(file);
}

/* nftw(3) passes nothing to its callback. */
static struct census *walking;

static int visit_cgroup(const char *path, const struct stat *info, int type, struct FTW *place)
{
	int pid;

	if (type != FTW_D || sscanf(path + place->base, "corral.%d.", &pid) != 1)
		return FTW_CONTINUE;
	if (kill(pid, 0) < 0 && errno == ESRCH)
		add(walking, 0, path);
	return FTW_SKIP_SUBTREE;
}

void census_cgroups(struct census *ret_census)
{
	ret_census->count = 0;
	walking = ret_census;
	nftw("/sys/fs/cgroup", visit_cgroup, 16, FTW_PHYS | FTW_ACTIONRETVAL);
}

unsigned census_compare_descriptors(
	const struct census *before, const struct census *after, census_leak leak)
{
	char sentence[SENTENCE_BYTES];
	unsigned leaks = 0;

	for (unsigned i = 0; i < after->count; i++) {
		const struct census_item *now = &after->items[i];

		if (has(before, now))
			continue;
		snprintf(sentence, sizeof(sentence), "leaks descriptor %llu, %s", now->number,
			now->name);
		leak(sentence);
		leaks++;
	}
	for (unsigned i = 0; i < before->count; i++) {
		const struct census_item *then = &before->items[i];

		if (find_number(after, then->number))
			continue;
		snprintf(sentence, sizeof(sentence),
			"closes descriptor %llu, %s, which it did not open", then->number,
			then->name);
		leak(sentence);
		leaks++;
	}
	return leaks;
}

unsigned census_compare_names(
	const struct census *before, const struct census *after, const char *what, census_leak leak)
{
	char sentence[SENTENCE_BYTES];
	unsigned leaks = 0;

	for (unsigned i = 0; i < after->count; i++) {
		if (has(before, &after->items[i]))
			continue;
		snprintf(sentence, sizeof(sentence), "leaves the %s %s behind", what,
			after->items[i].name);
		leak(sentence);
		leaks++;
	}
	return leaks;
}

unsigned census_children(census_leak leak)
{
	char sentence[SENTENCE_BYTES], list[SENTENCE_BYTES] = "";
	siginfo_t ended = { .si_pid = 0 };

	/* __WALL: children made by clone with another exit signal count as well. */
	if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
		return 0;
	if (ended.si_pid) {
		snprintf(sentence, sizeof(sentence), "leaves child %d, ended and not waited for",
			ended.si_pid);
	} else {
		file_read(AT_FDCWD, "/proc/thread-self/children", list, sizeof(list));
		snprintf(sentence, sizeof(sentence), "leaves a child running: %.200s",
			list[0] ? list : "of another thread");
	}
	leak(sentence);
	return 1;
}
