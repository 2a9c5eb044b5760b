// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_room.c: programs with few objects make no mapping, and nobody pays.
 *
 * In workers of a real pool, because only a template that is sealed has the room; which calls a
 * program made says the footprint that its slot keeps until the next one.
 */
#include "tests/unit/pool_fixture.h"

#include "bpf/footprints.h"

#include <criterion/parameterized.h>
#include <stdlib.h>
#include <sys/syscall.h>

TestSuite(pool_room, .timeout = 60);

/* Criterion copies a parameter into the test's process: no pointers. */
struct program {
	char code[200];
	bool maps;
};

ParameterizedTestParameters(pool_room, holds_the_objects_of_small_programs)
{
	static struct program programs[] = {
		{ "x = [object() for i in range(2000)]", false },
		{ "x = {i: str(i) for i in range(20000)}", false },
		{ "s = ''.join(str(i) for i in range(20000))", false },
		{ "s = ''\nfor i in range(5000): s += str(i)", false },
		{ "x = [[i] for i in range(60000)]", false },
		{ "for i in range(5): x = [[i] for i in range(30000)]; del x", false },
		{ "def f(n): return n and f(n - 1)\nf(900)", false },
		{ "def f(n): return n and f(n - 1)\nfor i in range(9): f(900)\nx = [[]] * 9000",
			false },
		{ "x = [[i] for i in range(200000)]", true },
		{ "import sys\nsys.setrecursionlimit(90000)\ndef f(n): return n and f(n - 1)\n"
		  "f(80000)", true },
	};

	return cr_make_param_array(struct program, programs, sizeof(programs) / sizeof(*programs));
}

ParameterizedTest(struct program *program, pool_room, holds_the_objects_of_small_programs)
{
	struct pool *pool = pool_of(1);
	struct footprint footprint;

	pool_expect(pool, program->code, "ok");
	cr_assert(pool_wait(pool, all_idle));
	footprint = footprint_read(pool->slots[0].footprint);
	cr_expect_gt(footprint.calls, 0);
	cr_expect_eq(footprint_has_call(&footprint, SYS_mmap) ||
			     footprint_has_call(&footprint, USE_MMAP_PLAIN),
		program->maps, "%s", program->code);
	if (!program->maps) {
		cr_expect_not(footprint_has_call(&footprint, SYS_munmap), "%s", program->code);
		cr_expect_not(footprint_has_call(&footprint, SYS_brk), "%s", program->code);
	}
	pool_stop(pool);
}

/* Of the worker's heap, in KiB. */
static void heap_measure(pid_t worker, long *ret_size, long *ret_resident)
{
	char path[32], line[256], *rest;
	bool is_heap = false;
	FILE *smaps;

	*ret_size = *ret_resident = 0;
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)worker);
	smaps = fopen(path, "re");
	cr_assert_not_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		/* A mapping's first line begins with its address, the others with a word. */
		if (strtoul(line, &rest, 16) && *rest == '-')
			is_heap = strstr(line, "[heap]");
		else if (is_heap && strncmp(line, "Size:", 5) == 0)
			*ret_size += strtol(line + 5, NULL, 10);
		else if (is_heap && strncmp(line, "Rss:", 4) == 0)
			*ret_resident += strtol(line + 4, NULL, 10);
	}
	fclose(smaps);
}

Test(pool_room, costs_a_worker_that_waits_nothing)
{
	struct pool *pool = pool_of(1);
	long size, resident;

	heap_measure(pool->slots[0].worker_pid, &size, &resident);
	cr_expect_geq(size, 16 << 10, "%ld KiB", size);
	cr_expect_leq(resident, 256, "%ld KiB", resident);
	pool_stop(pool);
}
