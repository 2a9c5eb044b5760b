// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_metrics.c: what a real pool tells of what it did, against what its callers saw.
 */
#include "pool/metrics.h"

#include "tests/unit/pool_fixture.h"

#include <regex.h>
#include <stdlib.h>

TestSuite(pool_metrics, .timeout = 50);

static char text[POOL_METRICS_BYTES_MAX];

static void print(struct pool *pool, bool openmetrics)
{
	size_t length = pool_metrics_print(pool, openmetrics, text, sizeof(text));

	cr_assert(length < sizeof(text) && length == strlen(text), "%zu bytes", length);
}

/* The value of a series, as text; "" when there is none. */
static const char *series(const char *name)
{
	static char value[64];
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ') {
			snprintf(value, sizeof(value), "%.*s",
				(int)strcspn(line + length + 1, "\n"), line + length + 1);
			return value;
		}
	}
	return "";
}

static uint64_t number(const char *name)
{
	const char *value = series(name);

	cr_expect_neq(*value, '\0', "no %s", name);
	return strtoull(value, NULL, 10);
}

static uint64_t labelled(const char *name, const char *labels, const char *value)
{
	char whole[160];

	snprintf(whole, sizeof(whole), "%s{%s=\"%s\"}", name, labels, value);
	return number(whole);
}

static uint64_t answers_of(const char *verdict)
{
	return labelled("corral_executions_total", "runtime=\"python\",verdict", verdict);
}

static void expect_nsec(const char *name, uint64_t nsec)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%lu.%09lu", (unsigned long)(nsec / NSEC_PER_SEC),
		(unsigned long)(nsec % NSEC_PER_SEC));
	cr_expect_str_eq(series(name), expected, "%s is %s, not %s", name, series(name), expected);
}

/* --- What was answered ------------------------------------------------------------------------ */

/* What the callers of all executions were told. */
static struct answers told;
static uint64_t told_count, waited_nsec, lasted_nsec;

static void run(struct pool *pool, const char *code, enum limit limit, uint64_t value)
{
	struct job job;

	job_init(&job, pool, code);
	if (value)
		job.execution.limits.values[limit] = value;
	const struct result *result = job_run(&job);

	told.verdicts[result->verdict]++;
	if (result->limit != RESULT_NO_LIMIT)
		told.limits[result->limit]++;
	told.output_bytes += result->usage.output_bytes;
	told.dropped_bytes += result->usage.dropped_bytes;
	told.system_calls += result->usage.system_calls;
	told.page_faults += result->usage.page_faults;
	told.processes += result->usage.processes;
	told_count++;
	waited_nsec += job.execution.started_nsec - job.execution.submitted_nsec;
	lasted_nsec += result->ended_nsec - job.execution.started_nsec;
	job_fini(&job);
}

static void expect_told(void)
{
	for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
		cr_expect_eq(answers_of(verdict_word(verdict)), told.verdicts[verdict], "%s",
			verdict_word(verdict));
	for (enum limit limit = 0; limit < LIMIT_COUNT; limit++)
		if (limit != LIMIT_OPEN_FILES)
			cr_expect_eq(labelled("corral_limit_hits_total", "limit",
					     limit_types[limit].name),
				told.limits[limit], "%s", limit_types[limit].name);
	cr_expect_eq(number("corral_output_bytes_total"), told.output_bytes);
	cr_expect_eq(number("corral_output_dropped_bytes_total"), told.dropped_bytes);
	cr_expect_eq(number("corral_system_calls_total"), told.system_calls);
	cr_expect_eq(number("corral_page_faults_total"), told.page_faults);
	cr_expect_eq(number("corral_processes_total"), told.processes);
	cr_expect_eq(number("corral_executions_started_total{runtime=\"python\"}"), told_count);
	cr_expect_eq(number("corral_queue_wait_seconds_count"), told_count);
	cr_expect_eq(number("corral_execution_duration_seconds_count{runtime=\"python\"}"),
		told_count);
	expect_nsec("corral_queue_wait_seconds_sum", waited_nsec);
	expect_nsec("corral_execution_duration_seconds_sum{runtime=\"python\"}", lasted_nsec);
}

static void expect_status(struct pool *pool)
{
	struct pool_status status = status_of(pool);

	cr_expect_eq(number("corral_workers{state=\"idle\",runtime=\"python\"}"), status.total);
	cr_expect_eq(number("corral_workers{state=\"busy\",runtime=\"python\"}"), 0);
	cr_expect_eq(number("corral_workers{state=\"resetting\",runtime=\"python\"}"), 0);
	cr_expect_eq(number("corral_workers{state=\"dead\",runtime=\"python\"}"), 0);
	cr_expect_eq(number("corral_queue_depth"), 0);
	cr_expect_eq(number("corral_births_total"), status.total + told_count);
	cr_expect_eq(number("corral_cells_built_total"), status.cells);
	cr_expect_geq(status.cells, status.total);
	cr_expect_eq(number("corral_birth_failures_total"), 0);
	cr_expect_eq(number("corral_template_restarts_total"), 0);
	cr_expect_eq(number("corral_rewind_mismatches_total"), 0);
	cr_expect_eq(number("corral_template_renewals_total"), 0);
	cr_expect_eq(number("corral_quarantined_total"), 0);
	for (enum layer layer = 0; layer < LAYER_COUNT; layer++)
		cr_expect_eq(labelled("corral_layer_enforced", "layer", layer_name(layer)),
			status.layers[layer].state == LAYER_ENFORCED);
	cr_expect_eq(number("corral_build_info{version=\"" CORRAL_VERSION "\"}"), 1);
}

Test(pool_metrics, count_what_callers_were_told)
{
	struct pool_config config = pool_configured(4);

	config.shards = 2;
	struct pool *pool = pool_started(&config);

	print(pool, false);
	expect_told();
	for (int i = 0; i < 4; i++)
		run(pool, "print('hello')", 0, 0);
	run(pool, "1/0", 0, 0);
	run(pool, "1/0", 0, 0);
	run(pool, "import sys; print('e', file=sys.stderr); sys.exit(3)", 0, 0);
	run(pool, "import os; os.kill(os.getpid(), 9)", 0, 0);
	run(pool, "while True: pass", LIMIT_TIMEOUT, 30 * NSEC_PER_MSEC);
	run(pool, "while True: pass", LIMIT_CPU_TIME, 20 * NSEC_PER_MSEC);
	run(pool, "print('x' * 100000)", LIMIT_OUTPUT, 4096);
	run(pool, "x = b'x' * (1 << 30)", LIMIT_MEMORY, 32 << 20);
	cr_expect(pool_wait(pool, all_idle));
	print(pool, false);
	/* Each on its own, so that a table mixed up as a whole does not pass. */
	cr_expect_eq(told.verdicts[VERDICT_OK], 4);
	cr_expect_eq(told.verdicts[VERDICT_ERROR], 2);
	cr_expect_eq(told.verdicts[VERDICT_LIMIT], 3);
	cr_expect_eq(told.limits[LIMIT_TIMEOUT], 1);
	cr_expect_gt(told.dropped_bytes, 80000);
	expect_told();
	expect_status(pool);
	pool_stop(pool);
}

Test(pool_metrics, tell_what_waits_and_what_was_never_begun)
{
	struct pool_config config = pool_configured(1);
	struct job jobs[4];

	config.queue_max = 2;
	struct pool *pool = pool_started(&config);

	for (int i = 0; i < 4; i++) {
		job_init(&jobs[i], pool, "print('on', flush=True); import signal; signal.pause()");
		jobs[i].execution.stream = true;
		job_submit(&jobs[i]);
		if (i == 0)
			cr_assert(job_wait_said(&jobs[0], "on"));
	}
	job_wait(&jobs[3]);
	print(pool, false);
	cr_expect_eq(number("corral_workers{state=\"busy\",runtime=\"python\"}"), 1);
	cr_expect_eq(number("corral_workers{state=\"idle\",runtime=\"python\"}"), 0);
	cr_expect_eq(number("corral_queue_depth"), 2);
	cr_expect_eq(number("corral_executions_started_total{runtime=\"python\"}"), 1);
	cr_expect_eq(answers_of("rejected"), 1);
	for (int i = 2; i >= 0; i--) {
		pool_cancel(pool, &jobs[i].execution);
		job_wait(&jobs[i]);
	}
	print(pool, false);
	cr_expect_eq(number("corral_queue_depth"), 0);
	cr_expect_eq(answers_of("cancelled"), 3);
	/* Only what began has waited and lasted. */
	cr_expect_eq(number("corral_queue_wait_seconds_count"), 1);
	cr_expect_eq(number("corral_execution_duration_seconds_count{runtime=\"python\"}"), 1);
	pool_stop(pool);
	for (int i = 0; i < 4; i++)
		job_fini(&jobs[i]);
}

/* --- The text --------------------------------------------------------------------------------- */

static bool line_is(const char *line, size_t length, const char *pattern)
{
	char copy[512];
	regex_t expression;

	cr_assert_lt(length, sizeof(copy));
	memcpy(copy, line, length);
	copy[length] = '\0';
	cr_assert_eq(regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool is = regexec(&expression, copy, 0, NULL, 0) == 0;

	regfree(&expression);
	return is;
}

/* A help and a type before each family, of one name, and samples that are of that family. */
static void expect_form(bool openmetrics)
{
	static const char number_form[] = " [0-9]+(\\.[0-9]{9})?$";
	static const char labels_form[] = "(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})?";
	char family[128] = "", type[32] = "", pattern[512] = "^$";
	unsigned families = 0;
	const char *next;

	for (const char *line = text; *line; line = next) {
		size_t length = strcspn(line, "\n");

		cr_assert_eq(line[length], '\n');
		next = line + length + 1;
		if (openmetrics && strcmp(line, "# EOF\n") == 0)
			break;
		if (sscanf(line, "# HELP %127s", family) == 1) {
			families++;
			cr_expect(line_is(line, length, "^# HELP [a-z_]+ [A-Z0-9].*\\.$"), "%.*s",
				(int)length, line);
			snprintf(pattern, sizeof(pattern),
				"^# TYPE %s (counter|gauge|histogram%s)$", family,
				openmetrics ? "|info" : "");
			cr_assert(line_is(next, strcspn(next, "\n"), pattern), "%.80s", next);
		} else if (sscanf(line, "# TYPE %*s %31s", type) == 1) {
			const char *suffix = strcmp(type, "histogram") == 0 ? "_(bucket|sum|count)"
				: strcmp(type, "info") == 0                 ? "_info"
				: strcmp(type, "counter") == 0 && openmetrics ? "_total"
									      : "";

			cr_expect(strcmp(type, "counter") != 0 ||
					line_is(family, strlen(family), "_total$") != openmetrics,
				"%s", family);
			snprintf(pattern, sizeof(pattern), "^%s%s%s%s", family, suffix, labels_form,
				number_form);
			cr_expect_neq(*next, '#', "%s has no sample", family);
		} else {
			cr_expect(line_is(line, length, pattern), "%.*s in %s", (int)length, line,
				family);
		}
	}
	cr_expect_eq(families, 36, "%u", families);
	size_t length = strlen(text);

	cr_expect_eq(strcmp(text + length - strlen("\n# EOF\n"), "\n# EOF\n") == 0, openmetrics);
}

/* Also with each number at its greatest, which is what the buffer's size has to be enough for. */
Test(pool_metrics, have_the_form_of_both_formats)
{
	struct pool *pool = pool_of(1);
	struct shard_counters *counters = &pool->shards[0].counters;

	run(pool, "print('hello')", 0, 0);
	cr_assert(pool_wait(pool, all_idle));
	for (int openmetrics = 0; openmetrics <= 1; openmetrics++) {
		print(pool, openmetrics);
		expect_form(openmetrics);
	}
	for (int i = 0; i < VERDICT_COUNT; i++)
		atomic_store(&counters->verdicts[i], UINT64_MAX);
	for (int i = 0; i < LIMIT_COUNT; i++)
		atomic_store(&counters->limits[i], UINT64_MAX);
	atomic_store(&counters->output_bytes, UINT64_MAX);
	atomic_store(&counters->dropped_bytes, UINT64_MAX);
	atomic_store(&counters->executions, UINT64_MAX);
	atomic_store(&counters->births, UINT64_MAX);
	atomic_store(&counters->cells, UINT64_MAX);
	atomic_store(&counters->birth_failures, UINT64_MAX);
	atomic_store(&counters->template_restarts, UINT64_MAX);
	atomic_store(&counters->template_renewals, UINT64_MAX);
	atomic_store(&counters->quarantined, UINT64_MAX);
	atomic_store(&counters->rewind_mismatches, UINT64_MAX);
	memset(counters->waits.buckets, 0, sizeof(counters->waits.buckets));
	counters->waits.sum = counters->waits.buckets[0] = UINT64_MAX;
	counters->durations = counters->waits;
	for (int openmetrics = 0; openmetrics <= 1; openmetrics++) {
		print(pool, openmetrics);
		expect_form(openmetrics);
		cr_expect_eq(number("corral_queue_wait_seconds_bucket{le=\"0.0001\"}"), UINT64_MAX);
	}
	pool_stop(pool);
}

Test(pool_metrics, tell_what_rewinding_took)
{
	struct pool_config config = pool_configured(1);
	char sum[64];

	config.reset = RESET_REWIND;
	struct pool *pool = pool_started(&config);

	for (int i = 0; i < 5; i++)
		run(pool, "print('hello')", 0, 0);
	cr_assert(pool_wait(pool, all_idle));
	print(pool, true);
	cr_expect_eq(number("corral_rewinds_total"), 5);
	cr_expect_eq(labelled("corral_resets_total", "reset", "rewind"), 5);
	cr_expect_eq(labelled("corral_resets_total", "reset", "replace:processes"), 0);
	cr_expect_eq(number("corral_rewind_seconds_count"), 5);
	cr_expect_eq(number("corral_rewind_pages_count"), 5);
	/* A few dozen each, where a worker has thousands. */
	cr_expect_eq(labelled("corral_rewind_pages_bucket", "le", "1024.0"), 5);
	cr_expect_eq(labelled("corral_rewind_pages_bucket", "le", "16.0"), 0);
	snprintf(sum, sizeof(sum), "%lu",
		(unsigned long)pool->shards[0].counters.rewind_pages.sum);
	cr_expect_str_eq(series("corral_rewind_pages_sum"), sum);
	cr_expect_geq(number("corral_rewind_pages_sum"), 5 * 16);
	pool_stop(pool);
}

/* --- A reader beside the writers -------------------------------------------------------------- */

Test(pool_metrics, never_run_backwards_while_executions_run)
{
	static struct job jobs[60];
	const uint64_t count = sizeof(jobs) / sizeof(jobs[0]);
	struct pool *pool = pool_of(2);
	uint64_t answered = 0, began = 0;

	for (uint64_t i = 0; i < count; i++) {
		job_init(&jobs[i], pool, "pass");
		job_submit(&jobs[i]);
	}
	while (answered < count) {
		print(pool, true);
		uint64_t now = labelled(
			"corral_execution_duration_seconds_count", "runtime", "python");
		uint64_t last = labelled("corral_execution_duration_seconds_bucket",
			"runtime=\"python\",le", "+Inf");

		cr_assert(now >= answered && now == last, "%lu after %lu, %lu in buckets",
			(unsigned long)now, (unsigned long)answered, (unsigned long)last);
		answered = now;
		now = number("corral_executions_started_total{runtime=\"python\"}");
		cr_assert(now >= began && now <= count);
		began = now;
	}
	for (uint64_t i = 0; i < count; i++) {
		cr_expect_eq(job_wait(&jobs[i])->verdict, VERDICT_OK);
		job_fini(&jobs[i]);
	}
	/* An answer is counted before it is given, so whoever has it finds it here. */
	print(pool, true);
	cr_expect_eq(answers_of("ok"), count);
	pool_stop(pool);
}
