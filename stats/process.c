// SPDX-License-Identifier: Apache-2.0
/*
 * stats/process.c: the process's own figures, from /proc/self and the clocks.
 *
 * The start is looked up once: a value that moved with the clock from one scrape to the next would
 * look like a restart to whoever watches it.
 */
#include "stats/process.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STAT_STARTTIME 22 /* its field in /proc/PID/stat (proc(5)), counted from 1 */

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static uint64_t start_nsec; /* since 1970; 0: not known */

static uint64_t timespec_nsec(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * NSEC_PER_SEC + (uint64_t)time->tv_nsec;
}

static void start_look_up(void)
{
	struct timespec now, up;
	long ticks_per_second = sysconf(_SC_CLK_TCK);
	char text[1024];

	if (file_read(AT_FDCWD, "/proc/self/stat", text, sizeof(text)) < 0 ||
	    clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return;
	/* The second field is the program's name in brackets, and may hold brackets and spaces. */
	char *at = strrchr(text, ')');

	for (int field = 2; at && field < STAT_STARTTIME; field++)
		at = strchr(at + 1, ' ');
	if (!at || ticks_per_second <= 0)
		return;
	start_nsec = timespec_nsec(&now) - timespec_nsec(&up) +
		strtoull(at, NULL, 10) * (NSEC_PER_SEC / (uint64_t)ticks_per_second);
}

/* 0 when it is not known. */
static uint64_t resident_bytes(void)
{
	char text[256];

	if (file_read(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) < 0)
		return 0;
	char *resident = strchr(text, ' ');

	return resident ? strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Since 6.2 the directory's size is their number; before, each of them is asked for by name. */
static uint64_t descriptors_count(void)
{
	struct stat status;

	if (!fault("process.stat") && stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
		return (uint64_t)status.st_size;
	DIR *directory = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!directory)
		return 0;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			count++;
	closedir(directory);
	return count - 1; /* the directory's own */
}

void process_metrics_write(struct metrics *metrics)
{
	uint64_t cpu = clock_process_cpu_nsec(getpid());
	uint64_t resident = resident_bytes(), descriptors = descriptors_count();

	pthread_once(&start_once, start_look_up);
	if (cpu) {
		metrics_family(metrics, METRICS_COUNTER, "process_cpu_seconds",
			"CPU time that the daemon itself used, without its cells.");
		metrics_nsec(metrics, NULL, cpu);
	}
	if (resident) {
		metrics_family(metrics, METRICS_GAUGE, "process_resident_memory_bytes",
			"Resident memory of the daemon itself, without its cells.");
		metrics_number(metrics, NULL, resident);
	}
	if (descriptors) {
		metrics_family(metrics, METRICS_GAUGE, "process_open_fds",
			"Descriptors that the daemon has open.");
		metrics_number(metrics, NULL, descriptors);
	}
	if (start_nsec) {
		metrics_family(metrics, METRICS_GAUGE, "process_start_time_seconds",
			"When the daemon was started, in seconds since 1970.");
		metrics_nsec(metrics, NULL, start_nsec);
	}
}
