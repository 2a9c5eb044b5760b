// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/oracle.c: counts what the kernel says of this process and of the host.
 *
 * Other daemons and other tests may run on the same host: so it counts what is a descendant of
 * this process or bears the uid of a worker, never what is merely new.
 */
#include "tests/attack/oracle.h"

#include "base/file.h"
#include "base/own.h"
#include "tests/harness/census.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESSES_MAX 16384u
#define MEMORY_GROWTH_KIB_MAX 12288ul /* a flood and what it brings take 9 MiB, once */

/* pool/pool.c gives its workers these. */
#define WORKER_UID_FIRST 0x70000000ul
#define WORKER_UID_LAST 0x7ffffffful

static const char *const names[ORACLE_COUNT] = {
	[ORACLE_SOCKETS] = "sockets of the daemon",
	[ORACLE_PIPES] = "pipes of the daemon",
	[ORACLE_NAMESPACES] = "namespaces held by the daemon",
	[ORACLE_MEMORY_FILES] = "memfds of the daemon",
	[ORACLE_OTHER_DESCRIPTORS] = "other descriptors of the daemon",
	[ORACLE_THREADS] = "threads of the daemon",
	[ORACLE_DESCENDANTS] = "descendants of the daemon",
	[ORACLE_MOUNTS] = "mounts of the host",
	[ORACLE_FOREIGN_FILES] = "files of workers on the host",
	[ORACLE_FOREIGN_IPC] = "System V objects of workers on the host",
	[ORACLE_FOREIGN_KEYS] = "keys of workers on the host",
};

static bool is_worker_uid(unsigned long uid)
{
	return uid >= WORKER_UID_FIRST && uid <= WORKER_UID_LAST;
}

static enum oracle_figure descriptor_kind(const char *name)
{
	if (strncmp(name, "socket:", 7) == 0)
		return ORACLE_SOCKETS;
	if (strncmp(name, "pipe:", 5) == 0)
		return ORACLE_PIPES;
	if (strncmp(name, "net:", 4) == 0)
		return ORACLE_NAMESPACES;
	return strncmp(name, "/memfd:", 7) == 0 ? ORACLE_MEMORY_FILES : ORACLE_OTHER_DESCRIPTORS;
}

static void descriptors_count(struct oracle *oracle)
{
	static struct census census;

	census_descriptors(&census);
	for (unsigned i = 0; i < census.count; i++)
		oracle->figures[descriptor_kind(census.items[i].name)]++;
	census_mounts(&census);
	oracle->figures[ORACLE_MOUNTS] = census.count;
}

static unsigned processes_read(int pids[PROCESSES_MAX], int parents[PROCESSES_MAX])
{
	DIR *directory = opendir("/proc");
	unsigned count = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char path[300], text[512], *end;

		snprintf(path, sizeof(path), "%s/stat", entry->d_name);
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || count == PROCESSES_MAX ||
		    file_read(dirfd(directory), path, text, sizeof(text)) <= 0)
			continue;
		/* The command's name stands in parentheses and may hold anything. */
		end = strrchr(text, ')');
		if (end && sscanf(end + 1, " %*c %d", &parents[count]) == 1)
			pids[count++] = (int)strtol(entry->d_name, NULL, 10);
	}
	if (directory)
		closedir(directory);
	return count;
}

static unsigned long descendants_count(void)
{
	static int pids[PROCESSES_MAX], parents[PROCESSES_MAX];
	static bool ours[PROCESSES_MAX];
	unsigned count = processes_read(pids, parents);
	unsigned long found = 0, before;

	memset(ours, 0, sizeof(ours));
	do {
		before = found;
		for (unsigned i = 0; i < count; i++) {
			bool is_ours = parents[i] == getpid();

			for (unsigned k = 0; k < count && !is_ours; k++)
				is_ours = ours[k] && pids[k] == parents[i];
			found += is_ours && !ours[i];
			ours[i] |= is_ours;
		}
	} while (found != before);
	return found;
}

static unsigned long foreign_files(const char *path)
{
	DIR *directory = opendir(path);
	unsigned long found = 0;
	struct stat status;

	for (struct dirent *entry; directory && (entry = readdir(directory));)
		if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			found += is_worker_uid(status.st_uid);
	if (directory)
		closedir(directory);
	return found;
}

/* Lines of a table of the kernel in which the word at `place` is a worker's uid. */
static unsigned long foreign_lines(const char *path, int place)
{
	FILE *file = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	unsigned long found = 0;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		char *rest, *word = strtok_r(line, " \t", &rest);

		for (int i = 0; word && i < place; i++)
			word = strtok_r(NULL, " \t", &rest);
		found += word && is_worker_uid(strtoul(word, NULL, 10));
	}
	if (file)
		fclose(file);
	return found;
}

/* Of files (programs, libraries) the kernel takes pages away and gives them back as it likes. */
static unsigned long own_memory_kib(const char *status)
{
	static const char *const lines[] = { "\nRssAnon:", "\nRssShmem:" };
	unsigned long sum = 0, kib;

	for (unsigned i = 0; i < 2; i++) {
		const char *line = strstr(status, lines[i]);

		if (line && sscanf(line + strlen(lines[i]), " %lu kB", &kib) == 1)
			sum += kib;
	}
	return sum;
}

void oracle_look(struct oracle *ret_oracle)
{
	char text[4096], *threads;

	*ret_oracle = (struct oracle){ 0 };
	malloc_trim(0);
	descriptors_count(ret_oracle);
	ret_oracle->figures[ORACLE_DESCENDANTS] = descendants_count();
	ret_oracle->figures[ORACLE_FOREIGN_FILES] =
		foreign_files("/tmp") + foreign_files("/var/tmp") + foreign_files("/dev/shm");
	ret_oracle->figures[ORACLE_FOREIGN_IPC] = foreign_lines("/proc/sysvipc/shm", 7) +
		foreign_lines("/proc/sysvipc/msg", 7) + foreign_lines("/proc/sysvipc/sem", 4);
	ret_oracle->figures[ORACLE_FOREIGN_KEYS] = foreign_lines("/proc/keys", 5);
	threads = file_read(AT_FDCWD, "/proc/self/status", text, sizeof(text)) > 0
		? strstr(text, "\nThreads:") : NULL;
	if (threads) {
		sscanf(threads, " Threads: %lu", &ret_oracle->figures[ORACLE_THREADS]);
		ret_oracle->memory_kib = own_memory_kib(text);
	}
	if (file_read(AT_FDCWD, "/proc/self/autogroup", text, sizeof(text)) > 0)
		sscanf(text, "/autogroup-%*d nice %d", &ret_oracle->autogroup_nice);
}

bool oracle_is_content(const struct oracle *before, const struct oracle *after, char *sentence,
	size_t size)
{
	for (int i = 0; i < ORACLE_COUNT; i++) {
		if (before->figures[i] == after->figures[i])
			continue;
		snprintf(sentence, size, "%s: %lu before, %lu after", names[i], before->figures[i],
			after->figures[i]);
		return false;
	}
	if (after->memory_kib > before->memory_kib + MEMORY_GROWTH_KIB_MAX) {
		snprintf(sentence, size, "the daemon grew from %lu KiB to %lu KiB",
			before->memory_kib, after->memory_kib);
		return false;
	}
	if (after->autogroup_nice != before->autogroup_nice) {
		snprintf(sentence, size, "the daemon's session went from nice %d to nice %d",
			before->autogroup_nice, after->autogroup_nice);
		return false;
	}
	return true;
}

/* nftw(3) passes nothing to its callback. */
static char prefix[32];
static unsigned cgroups_found;

static int visit_cgroup(const char *path, const struct stat *info, int type, struct FTW *place)
{
	if (type != FTW_D || strncmp(path + place->base, prefix, strlen(prefix)) != 0)
		return FTW_CONTINUE;
	cgroups_found++;
	return FTW_SKIP_SUBTREE;
}

unsigned oracle_cgroups(void)
{
	snprintf(prefix, sizeof(prefix), "corral.%d.", (int)getpid());
	cgroups_found = 0;
	nftw("/sys/fs/cgroup", visit_cgroup, 16, FTW_PHYS | FTW_ACTIONRETVAL);
	return cgroups_found;
}
