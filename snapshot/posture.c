// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/posture.c: reads /proc/PID, file by file, below a descriptor of that directory, which
 * goes on to mean this process and no later one of its number.
 *
 * What a process can write into these files is its name alone, and that is copied as bytes.
 */
#include "snapshot/posture.h"

#include "base/file.h"
#include "base/own.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TEXT_BYTES 8192u

static const char *const namespaces[] = {
	"ns/cgroup", "ns/ipc", "ns/mnt", "ns/net", "ns/pid", "ns/time", "ns/user", "ns/uts",
};

/* Fields of /proc/PID/stat (proc_pid_stat(5)), counted behind the name in parentheses. */
enum {
	STAT_STATE = 3,
	STAT_GROUP = 5,
	STAT_SESSION = 6,
	STAT_NICE = 19,
	STAT_CODE_START = 26,
	STAT_CODE_END = 27,
	STAT_STACK = 28,
	STAT_RT_PRIORITY = 40,
	STAT_POLICY = 41,
	STAT_DATA_START = 45, /* then: data end, break, arguments and environment, start and end */
	STAT_FIELDS = 52,
};

struct reader {
	int dir;
	char text[TEXT_BYTES];
	int result; /* the first failure: the rest is skipped */
};

static bool file_take(struct reader *reader, const char *path)
{
	int n;

	if (reader->result < 0)
		return false;
	n = file_read(reader->dir, path, reader->text, sizeof(reader->text));
	if (n < 0)
		reader->result = n == -ENOENT ? -ESRCH : n;
	return n >= 0;
}

/* `count` numbers that follow the label in the text. */
static void numbers_take(
	struct reader *reader, const char *label, int base, uint64_t *ret_numbers, unsigned count)
{
	const char *at = reader->result < 0 ? NULL : strstr(reader->text, label);
	char *end;

	if (reader->result < 0)
		return;
	if (!at) {
		reader->result = -EPROTO;
		return;
	}
	at += strlen(label);
	for (unsigned i = 0; i < count; i++) {
		ret_numbers[i] = strtoull(at, &end, base);
		if (end == at)
			reader->result = -EPROTO;
		at = end;
	}
}

static void status_read(struct reader *reader, struct posture *posture)
{
	static const char *const sets[] = {
		"\nCapInh:", "\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapAmb:",
	};
	uint64_t pending[2] = { 0, 0 };

	if (!file_take(reader, "status"))
		return;
	numbers_take(reader, "\nUmask:", 8, &posture->umask, 1);
	numbers_take(reader, "\nUid:", 10, posture->uids, 4);
	numbers_take(reader, "\nGid:", 10, posture->gids, 4);
	numbers_take(reader, "\nVmLck:", 10, &posture->locked_bytes, 1);
	posture->locked_bytes *= 1024;
	numbers_take(reader, "\nThreads:", 10, &posture->threads, 1);
	numbers_take(reader, "\nSigPnd:", 16, &pending[0], 1);
	numbers_take(reader, "\nShdPnd:", 16, &pending[1], 1);
	posture->pending = pending[0] | pending[1];
	numbers_take(reader, "\nSigIgn:", 16, &posture->ignored, 1);
	numbers_take(reader, "\nSigCgt:", 16, &posture->caught, 1);
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		numbers_take(reader, sets[i], 16, &posture->capabilities[i], 1);
	numbers_take(reader, "\nNoNewPrivs:", 10, &posture->security[0], 1);
	numbers_take(reader, "\nSeccomp:", 10, &posture->security[1], 1);
	numbers_take(reader, "\nSeccomp_filters:", 10, &posture->security[2], 1);
}

static void stat_read(struct reader *reader, struct posture *posture)
{
	uint64_t fields[STAT_FIELDS] = { 0 };
	char *at, *end;

	if (!file_take(reader, "stat"))
		return;
	/* The name may hold anything, parentheses too. */
	at = strrchr(reader->text, ')');
	if (!at || strlen(at) < 4) {
		reader->result = -EPROTO;
		return;
	}
	at += 3;
	for (unsigned i = STAT_STATE + 1; i < STAT_FIELDS; i++, at = end) {
		fields[i] = strtoull(at + (i == STAT_STATE + 1), &end, 10);
		if (end == at)
			reader->result = -EPROTO;
	}
	posture->groups[0] = fields[STAT_GROUP];
	posture->groups[1] = fields[STAT_SESSION];
	posture->scheduling[0] = fields[STAT_NICE];
	posture->scheduling[1] = fields[STAT_POLICY];
	posture->scheduling[2] = fields[STAT_RT_PRIORITY];
	for (unsigned i = 0; i < 3; i++)
		posture->layout[i] = fields[STAT_CODE_START + i];
	for (unsigned i = 0; i < 7; i++)
		posture->layout[3 + i] = fields[STAT_DATA_START + i];
}

static void limits_read(struct reader *reader, struct posture *posture)
{
	const char *line = reader->text;

	if (!file_take(reader, "limits"))
		return;
	for (unsigned i = 0; i < POSTURE_LIMITS; i++) {
		char words[2][24];

		line = strchr(line, '\n');
		/* A name of 25 columns, then soft and hard. */
		if (!line || strnlen(++line, 26) < 26 ||
			sscanf(line + 26, "%23s %23s", words[0], words[1]) != 2) {
			reader->result = -EPROTO;
			return;
		}
		for (unsigned j = 0; j < 2; j++)
			posture->limits[i][j] = words[j][0] == 'u' ? UINT64_MAX
								   : strtoull(words[j], NULL, 10);
	}
}

static void small_files_read(struct reader *reader, struct posture *posture)
{
	if (file_take(reader, "timers"))
		for (const char *at = reader->text; (at = strstr(at, "ID: ")); at += 4)
			posture->timers++;
	if (file_take(reader, "timerslack_ns"))
		posture->timer_slack_nsec = strtoull(reader->text, NULL, 10);
	if (file_take(reader, "personality"))
		posture->personality = strtoull(reader->text, NULL, 16);
	if (file_take(reader, "oom_score_adj"))
		posture->oom_score_adj = (uint64_t)strtoll(reader->text, NULL, 10);
	if (file_take(reader, "comm"))
		memcpy(posture->name, reader->text, strnlen(reader->text, sizeof(posture->name)));
}

/* Follows the link that /proc makes for it. */
static void file_identify(struct reader *reader, const char *path, struct posture_file *ret_file)
{
	struct stat status;

	if (reader->result < 0)
		return;
	if (fstatat(reader->dir, path, &status, 0) < 0)
		reader->result = errno == ENOENT ? -ESRCH : -errno;
	else
		*ret_file = (struct posture_file){ status.st_dev, status.st_ino };
}

static int descriptor_order(const void *a, const void *b)
{
	const struct posture_descriptor *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static void descriptor_read(struct reader *reader, struct posture *posture, const char *number)
{
	struct posture_descriptor *descriptor;
	char path[32];

	if (posture->descriptor_count == POSTURE_DESCRIPTORS_MAX) {
		reader->result = -E2BIG;
		return;
	}
	descriptor = &posture->descriptors[posture->descriptor_count++];
	descriptor->number = strtoull(number, NULL, 10);
	snprintf(path, sizeof(path), "fd/%.16s", number);
	file_identify(reader, path, &descriptor->file);
	snprintf(path, sizeof(path), "fdinfo/%.16s", number);
	if (file_take(reader, path))
		numbers_take(reader, "flags:", 8, &descriptor->flags, 1);
}

static void descriptors_read(struct reader *reader, struct posture *posture)
{
	int fd = openat(reader->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory) {
		reader->result = errno == ENOENT ? -ESRCH : -errno;
		fd_close(&fd);
		return;
	}
	for (struct dirent *entry; reader->result == 0 && (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			descriptor_read(reader, posture, entry->d_name);
	closedir(directory);
	qsort(posture->descriptors, posture->descriptor_count, sizeof(posture->descriptors[0]),
		descriptor_order);
}

static void calls_read(struct reader *reader, pid_t pid, struct posture *posture)
{
	struct __ptrace_rseq_configuration rseq = { .rseq_abi_pointer = 0 };
	size_t size;
	void *head = NULL;

	/* A kernel without rseq knows no such request, and nothing to compare. */
	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, pid, sizeof(rseq), &rseq) > 0)
		posture->rseq = rseq.rseq_abi_pointer;
	if (syscall(SYS_get_robust_list, pid, &head, &size) < 0 ||
		sched_getaffinity(pid, sizeof(posture->cpus), (cpu_set_t *)posture->cpus) < 0)
		reader->result = -errno;
	posture->robust_list = (uint64_t)(uintptr_t)head;
}

int posture_read(const struct tracee *tracee, struct posture *ret_posture)
{
	char path[32];
	struct reader reader = { .result = 0 };
	struct posture_file file = { .inode = 0 };

	snprintf(path, sizeof(path), "/proc/%d", tracee->pid);

	AUTO_FD dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	reader.dir = dir;
	*ret_posture = (struct posture){ .pending = 0 };
	status_read(&reader, ret_posture);
	stat_read(&reader, ret_posture);
	limits_read(&reader, ret_posture);
	small_files_read(&reader, ret_posture);
	file_identify(&reader, "cwd", &ret_posture->directory);
	file_identify(&reader, "root", &ret_posture->root);
	for (unsigned i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		file_identify(&reader, namespaces[i], &file);
		ret_posture->namespaces[i] = file.inode;
	}
	if (reader.result == 0)
		descriptors_read(&reader, ret_posture);
	if (reader.result == 0)
		calls_read(&reader, tracee->pid, ret_posture);
	return reader.result;
}

#define PART(what, member) \
	{ what, offsetof(struct posture, member), sizeof(((struct posture *)0)->member) }

static const struct {
	const char *what;
	size_t offset, size;
} parts[] = {
	PART("pending signals", pending),
	PART("ignored signals", ignored),
	PART("caught signals", caught),
	PART("umask", umask),
	PART("working directory", directory),
	PART("root directory", root),
	PART("limits", limits),
	PART("timers", timers),
	PART("timer slack", timer_slack_nsec),
	PART("user ids", uids),
	PART("group ids", gids),
	PART("capabilities", capabilities),
	PART("seccomp or no_new_privs", security),
	PART("locked memory", locked_bytes),
	PART("threads", threads),
	PART("process group or session", groups),
	PART("scheduling", scheduling),
	PART("CPUs", cpus),
	PART("namespaces", namespaces),
	PART("personality", personality),
	PART("oom_score_adj", oom_score_adj),
	PART("addresses of the program's parts", layout),
	PART("robust list", robust_list),
	PART("rseq", rseq),
	PART("name", name),
	PART("number of descriptors", descriptor_count),
	PART("descriptors", descriptors),
};

const char *posture_compare(const struct posture *wanted, const struct posture *now)
{
	size_t compared = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (memcmp((const char *)wanted + parts[i].offset,
			    (const char *)now + parts[i].offset, parts[i].size) != 0)
			return parts[i].what;
		compared += parts[i].size;
	}
	assert(compared == sizeof(*wanted)); /* each member has its row */
	return NULL;
}
