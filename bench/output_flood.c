// SPDX-License-Identifier: Apache-2.0
/*
 * bench/output_flood.c: does a flood of output stay outside, and how fast does wanted output pass?
 *
 *	output_flood [MIB]
 *
 * Three executions, each writing MIB mebibytes (1,024) between a first and a last line:
 *	limited	print, output limit 1 MiB: ends limit:output; its first line comes, and the last
 *		part of what was written behind the limit before it was killed
 *	ring	print, limit 4 GiB: through the output ring, whole
 *	pipe	a child process's write, limit 4 GiB: through a pipe, whole
 * Each says how much came and how fast; `rss` is this process before, and the most while it ran.
 * Exit code 1 if one did not end as it should, or a line that should have come did not.
 */
#include "base/clock.h"
#include "bench/harness.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define FIRST "the first line\n"
#define LAST "the last line\n"
#define SAMPLE_BYTES (16 * MIB) /* so often the RSS is read */
#define CODE_BYTES 512u

static const char print_code[] = "line = 'x' * 65535 + '\\n'\n"
				 "print('the first line')\n"
				 "for turn in range(%u * 16):\n"
				 "    print(line, end='')\n"
				 "print('the last line')\n";

static const char pipe_code[] =
	"import subprocess\n"
	"print('the first line', flush=True)\n"
	"subprocess.run(['dd', 'if=/dev/zero', 'bs=64k', 'count=%u', 'status=none'], check=True)\n"
	"print('the last line')\n";

struct flood {
	const char *name;
	const char *code; /* a format that takes the mebibytes */
	unsigned code_factor;
	uint64_t limit_bytes;
	const char *verdict; /* how it should end */
	char first[sizeof(FIRST)], last[sizeof(LAST)];
	uint64_t bytes, dropped_bytes, sampled_bytes;
	uint64_t rss_before, rss_most;
};

static struct flood *current; /* one at a time: `user` is the harness's */

static bool flood_output(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	size_t first = strlen(FIRST), last = strlen(LAST);

	for (size_t i = 0; i < size && current->bytes + i < first; i++)
		current->first[current->bytes + i] = ((const char *)bytes)[i];
	/* What came last, be it in one part or in many. */
	size_t fresh = size < last ? size : last;

	memmove(current->last, current->last + fresh, last - fresh);
	memcpy(current->last + last - fresh, (const char *)bytes + size - fresh, fresh);
	current->bytes += size;
	if (current->bytes - current->sampled_bytes >= SAMPLE_BYTES) {
		uint64_t rss = harness_rss_bytes();

		current->sampled_bytes = current->bytes;
		current->rss_most = rss > current->rss_most ? rss : current->rss_most;
	}
	return true;
}

static void flood_gap(struct execution *execution, enum output_kind kind, uint64_t dropped_bytes)
{
	current->dropped_bytes += dropped_bytes;
}

/* A verdict of `ok` promises all of it, the last line included. */
static bool flood_is_well(const struct flood *flood, const char *verdict)
{
	return strcmp(verdict, flood->verdict) == 0 && strcmp(flood->first, FIRST) == 0 &&
		(strcmp(verdict, "ok") != 0 || strcmp(flood->last, LAST) == 0);
}

static bool flood_tell(const struct flood *flood, const struct execution *execution, double seconds)
{
	char verdict[32];

	verdict_name(&execution->result, verdict, sizeof(verdict));
	printf(",\"%s\":{\"verdict\":\"%s\",\"bytes\":%llu,\"dropped_bytes\":%llu,\"first\":%s,"
	       "\"last\":%s,\"seconds\":%.3f,\"mib_per_s\":%.0f,\"rss_before_mib\":%.1f,"
	       "\"rss_most_mib\":%.1f}",
		flood->name, verdict, (unsigned long long)flood->bytes,
		(unsigned long long)flood->dropped_bytes,
		strcmp(flood->first, FIRST) == 0 ? "true" : "false",
		strcmp(flood->last, LAST) == 0 ? "true" : "false", seconds,
		(double)flood->bytes / MIB / seconds, (double)flood->rss_before / MIB,
		(double)flood->rss_most / MIB);
	return flood_is_well(flood, verdict);
}

static bool flood_run(struct pool *pool, struct flood *flood, unsigned mebibytes)
{
	struct execution execution;
	char code[CODE_BYTES];
	uint64_t begin, rss;

	current = flood;
	snprintf(code, sizeof(code), flood->code, mebibytes * flood->code_factor);
	execution_init(&execution);
	execution.code = code;
	execution.code_bytes = strlen(code);
	execution.stream = true;
	execution.output = flood_output;
	execution.gap = flood_gap;
	limits_set(&execution.limits, LIMIT_OUTPUT, flood->limit_bytes);
	flood->rss_before = flood->rss_most = harness_rss_bytes();
	begin = clock_now_nsec();
	harness_run(pool, &execution);
	double seconds = (double)(clock_now_nsec() - begin) / 1e9;

	rss = harness_rss_bytes();
	flood->rss_most = rss > flood->rss_most ? rss : flood->rss_most;
	return flood_tell(flood, &execution, seconds);
}

int main(int argc, char **argv)
{
	unsigned mebibytes = harness_number(argc, argv, 1, 1024, 2, 4095);
	struct flood floods[] = {
		{ .name = "limited",
			.code = print_code,
			.code_factor = 1,
			.limit_bytes = MIB,
			.verdict = "limit:output" },
		{ .name = "ring",
			.code = print_code,
			.code_factor = 1,
			.limit_bytes = 4096 * MIB,
			.verdict = "ok" },
		{ .name = "pipe",
			.code = pipe_code,
			.code_factor = 16,
			.limit_bytes = 4096 * MIB,
			.verdict = "ok" },
	};
	struct pool *pool;
	bool well = true;

	harness_json_begin("output_flood");
	pool = harness_pool_start(4);
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++)
		well &= flood_run(pool, &floods[i], mebibytes);
	pool_stop(pool);
	printf("}\n");
	return well ? 0 : 1;
}
