// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_verdict.c: each verdict has one name, one exit code and one sentence.
 */
#include "pool/verdict.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

static const struct {
	struct result result;
	const char *name;
	int exit_code;
	const char *sentence;
} rows[] = {
	{ { .verdict = VERDICT_OK, .limit = RESULT_NO_LIMIT }, "ok", 0, "" },
	{ { .verdict = VERDICT_ERROR, .limit = RESULT_NO_LIMIT, .exit_code = 1 }, "error", 1, "" },
	{ { .verdict = VERDICT_EXIT, .limit = RESULT_NO_LIMIT, .exit_code = 7 }, "exit", 7, "" },
	{ { .verdict = VERDICT_EXIT, .limit = RESULT_NO_LIMIT, .exit_code = 255 }, "exit", 255,
		"" },
	{ { .verdict = VERDICT_SIGNAL, .limit = RESULT_NO_LIMIT, .signal = SIGSEGV }, "signal", 139,
		"the program died of signal 11 (Segmentation fault)" },
	{ { .verdict = VERDICT_TIMEOUT, .limit = LIMIT_TIMEOUT, .limit_value = 2 * NSEC_PER_SEC },
		"timeout", 124,
		"the program was still running after 2 s and was ended; raise --timeout if it "
		"needs "
		"longer" },
	{ { .verdict = VERDICT_LIMIT, .limit = LIMIT_CPU_TIME, .limit_value = NSEC_PER_SEC },
		"limit:cpu", 152,
		"the program reached its limit of 1 s for CPU time of all its processes and was "
		"ended" },
	{ { .verdict = VERDICT_LIMIT, .limit = LIMIT_MEMORY, .limit_value = 64 << 20 },
		"limit:memory", 137,
		"the program reached its limit of 64 MiB for memory of all its processes and files "
		"and was ended" },
	{ { .verdict = VERDICT_LIMIT, .limit = LIMIT_PIDS, .limit_value = 4 }, "limit:pids", 137,
		"the program reached its limit of 4 for processes and threads at one time and "
		"failed" },
	{ { .verdict = VERDICT_LIMIT, .limit = LIMIT_OUTPUT, .limit_value = 4096 }, "limit:output",
		153,
		"the program reached its limit of 4 KiB for bytes of stdout and stderr together "
		"and was ended" },
	{ { .verdict = VERDICT_LIMIT, .limit = LIMIT_FILES, .limit_value = 1 << 20 }, "limit:files",
		153,
		"the program reached its limit of 1 MiB for bytes in /tmp, /workspace and /dev/shm "
		"and failed" },
	{ { .verdict = VERDICT_DENIED, .limit = RESULT_NO_LIMIT, .reason = "it lied" }, "denied",
		125, "denied: it lied" },
	{ { .verdict = VERDICT_CANCELLED,
		  .limit = RESULT_NO_LIMIT,
		  .reason = "it was asked to end" },
		"cancelled", 130, "cancelled: it was asked to end" },
	{ { .verdict = VERDICT_LOST, .limit = RESULT_NO_LIMIT, .reason = "it broke" }, "lost", 125,
		"lost: it broke" },
	{ { .verdict = VERDICT_REJECTED, .limit = RESULT_NO_LIMIT, .reason = "the queue is full" },
		"rejected", 125, "rejected: the queue is full" },
};

Test(verdict, has_a_name_an_exit_code_and_a_sentence)
{
	bool seen[VERDICT_COUNT] = { false };
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct result *result = &rows[i].result;

		cr_expect_str_eq(verdict_name(result, text, sizeof(text)), rows[i].name);
		cr_expect_str_eq(verdict_sentence(result, text, sizeof(text)), rows[i].sentence);
		cr_expect_eq(verdict_exit_code(result), rows[i].exit_code, "%s", rows[i].name);
		seen[result->verdict] = true;
	}
	for (int i = 0; i < VERDICT_COUNT; i++)
		cr_expect(seen[i], "verdict %d has no row", i);
}

Test(verdict, is_read_back_from_its_name)
{
	struct result result = { .verdict = VERDICT_OK };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct result *row = &rows[i].result;

		cr_assert_eq(verdict_parse(rows[i].name, &result), 0, "%s", rows[i].name);
		cr_expect_eq(result.verdict, row->verdict, "%s", rows[i].name);
		if (row->verdict == VERDICT_LIMIT)
			cr_expect_eq(result.limit, row->limit, "%s", rows[i].name);
		else
			cr_expect_eq(result.limit, RESULT_NO_LIMIT, "%s", rows[i].name);
	}
	cr_expect_eq(verdict_parse("limit", &result), -EINVAL);
	cr_expect_eq(verdict_parse("limit:", &result), -EINVAL);
	cr_expect_eq(verdict_parse("limit:cpu_time", &result), -EINVAL);
	cr_expect_eq(verdict_parse("okay", &result), -EINVAL);
	cr_expect_eq(verdict_parse("", &result), -EINVAL);
}

Test(verdict, is_cut_to_the_room_that_there_is)
{
	struct result result = {
		.verdict = VERDICT_LIMIT, .limit = LIMIT_MEMORY, .limit_value = 1
	};
	char text[8];

	cr_expect_str_eq(verdict_name(&result, text, sizeof(text)), "limit:m");
	cr_expect_str_eq(verdict_sentence(&result, text, sizeof(text)), "the pro");
}
