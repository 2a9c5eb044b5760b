// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/stats_process.c: the process's figures beside what the test knows of itself.
 */
#include "stats/process.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAPPED_BYTES (32u << 20)

/* The value of the process's sample of this name. */
static double value(const char *name)
{
	char buffer[2048], start[64];
	struct metrics metrics;
	double number;

	metrics_init(&metrics, true, buffer, sizeof(buffer));
	process_metrics_write(&metrics);
	cr_assert_lt(metrics_finish(&metrics), sizeof(buffer));
	snprintf(start, sizeof(start), "\n%s ", name);
	const char *line = strstr(buffer, start);

	cr_assert(line && sscanf(line + strlen(start), "%lf\n", &number) == 1, "%s in %s", name,
		buffer);
	return number;
}

static unsigned descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count - 1;
}

static void expect_descriptors(void)
{
	unsigned before = descriptors();

	cr_expect_eq(value("process_open_fds"), before);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_expect_eq(value("process_open_fds"), before + 1);
	close(fd);
	cr_expect_eq(value("process_open_fds"), before);
}

Test(process, counts_its_descriptors)
{
	expect_descriptors();
}

#ifdef CORRAL_FAULTS
Test(process, counts_its_descriptors_where_the_kernel_does_not)
{
	setenv("CORRAL_FAULT", "process.stat:1+", 1);
	expect_descriptors();
}
#endif

Test(process, tells_its_start_and_never_another)
{
	struct timespec now;
	double start = value("process_start_time_seconds");

	clock_gettime(CLOCK_REALTIME, &now);
	/* A tick is 10 ms; the harness started this process, and ends it after a minute. */
	cr_expect_leq(start, (double)now.tv_sec + 1.01);
	cr_expect_geq(start, (double)now.tv_sec - 60);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(value("process_start_time_seconds"), start);
}

Test(process, tells_the_memory_that_it_uses)
{
	double before = value("process_resident_memory_bytes");
	char *bytes = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	cr_assert_neq(bytes, MAP_FAILED);
	double after = value("process_resident_memory_bytes");

	/* The kernel counts pages per CPU and in batches, each far below a megabyte. */
	cr_expect(after - before > MAPPED_BYTES - (1 << 20) &&
			after - before < MAPPED_BYTES + (1 << 20),
		"%.0f more", after - before);
	munmap(bytes, MAPPED_BYTES);
}

Test(process, tells_the_time_that_it_used)
{
	uint64_t before = clock_process_cpu_nsec(getpid());
	double between = value("process_cpu_seconds_total");
	uint64_t after = clock_process_cpu_nsec(getpid());

	cr_expect(between * 1e9 >= (double)before - 1 && between * 1e9 <= (double)after + 1,
		"%.9f, between %lu and %lu ns", between, (unsigned long)before,
		(unsigned long)after);
}
