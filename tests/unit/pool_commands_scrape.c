// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_commands_scrape.c: what is read of /metrics, of real ones and of odd ones, and
 * what the difference of two says.
 */
#include "pool/commands/scrape.h"

#include "stats/metrics.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHORTEST \
	"corral_executions_started_total{runtime=\"python\"} 7\n" \
	"corral_executions_total{runtime=\"python\",verdict=\"ok\"} 5\n" \
	"corral_execution_duration_seconds_bucket{runtime=\"python\",le=\"0.001\"} 4\n" \
	"corral_execution_duration_seconds_bucket{runtime=\"python\",le=\"+Inf\"} 5\n"

static struct scrape scrape;
static struct error error;

Test(scrape, reads_what_is_written)
{
	static char text[65536];
	struct histogram histogram;
	struct metrics metrics;

	histogram_init(&histogram);
	for (int i = 0; i < 90; i++)
		histogram_add(&histogram, 800000);
	for (int i = 0; i < 10; i++)
		histogram_add(&histogram, 40000000);
	metrics_init(&metrics, false, text, sizeof(text));
	metrics_family(&metrics, METRICS_COUNTER, "corral_executions_started", "Begun.");
	metrics_number(&metrics, METRICS_LABELS({ "runtime", "python" }), 101);
	metrics_family(&metrics, METRICS_COUNTER, "corral_executions", "Answered.");
	metrics_number(&metrics, METRICS_LABELS({ "runtime", "a\"},b" }, { "verdict", "ok" }), 90);
	metrics_number(&metrics, METRICS_LABELS({ "runtime", "x" }, { "verdict", "exit" }), 10);
	metrics_family(&metrics, METRICS_HISTOGRAM, "corral_execution_duration_seconds", "Took.");
	metrics_histogram(&metrics, METRICS_LABELS({ "runtime", "python" }), &histogram);
	cr_assert_lt(metrics_finish(&metrics), sizeof(text));

	const struct scrape before = { .bucket_count = 0 };

	cr_assert_eq(scrape_read(text, &scrape, &error), 0, "%s", error.sentence);
	cr_expect_eq(scrape.executions, 101);
	cr_expect_eq(scrape.verdict_count, 2);
	cr_expect_eq(scrape_verdict(&scrape, "ok"), 90);
	cr_expect_eq(scrape_verdict(&scrape, "exit"), 10);
	cr_expect_eq(scrape_verdict(&scrape, "lost"), 0);
	cr_expect(isnan(scrape_quantile(&before, &scrape, 0.5)), "nothing to compare with");
	struct scrape empty = scrape;

	for (unsigned i = 0; i < empty.bucket_count; i++)
		empty.buckets[i].count = 0;
	/* 0.8 ms lies between the bounds of 0.5 and 1 ms, 40 ms between those of 25 and 50. */
	cr_expect_float_eq(scrape_quantile(&empty, &scrape, 0.5), 0.0005 + 0.0005 * 50 / 90, 1e-9);
	cr_expect_float_eq(scrape_quantile(&empty, &scrape, 0.95), 0.025 + 0.025 * 0.5, 1e-9);
	cr_expect(isnan(scrape_quantile(&scrape, &scrape, 0.5)), "none between the two");
}

Test(scrape, adds_up_what_differs_in_other_labels)
{
	cr_assert_eq(scrape_read(SHORTEST
			"corral_executions_started_total{runtime=\"other\",tenant=\"a b\"} 3\n"
			"corral_executions_total{verdict=\"ok\",tenant=\"verdict=\\\"no\\\"\"} 4\n"
			"corral_execution_duration_seconds_bucket{le=\"0.001\",x=\"\"} 6\n",
			&scrape, &error), 0, "%s", error.sentence);
	cr_expect_eq(scrape.executions, 10);
	cr_expect_eq(scrape_verdict(&scrape, "ok"), 9);
	cr_expect_eq(scrape.bucket_count, 2);
	cr_expect_eq(scrape.buckets[0].count, 10);
}

Test(scrape, tells_two_lives_apart)
{
	struct scrape later;

	cr_assert_eq(
		scrape_read(SHORTEST "process_start_time_seconds 1000.5\n", &scrape, &error), 0);
	later = scrape;
	later.executions += 1;
	cr_expect(scrape_is_same_life(&scrape, &later));
	cr_expect_not(scrape_is_same_life(&later, &scrape), "counters never fall");
	later.started += 0.25;
	cr_expect_not(scrape_is_same_life(&scrape, &later));
}

Test(scrape, rates_are_by_the_second)
{
	const struct scrape before = { .when_nsec = 1000000000 }, now = { .when_nsec = 1500000000 };

	cr_expect_float_eq(scrape_rate(&before, &now, 10, 35), 50, 1e-9);
	cr_expect_eq(scrape_rate(&now, &now, 10, 35), 0, "no time has passed");
}

Test(scrape, refuses_what_lacks_a_figure)
{
	static const char *const texts[] = { "", "no metrics at all", "\n\n", "a{", "a{b=\"",
		"{} 1", "corral_executions_started_total 1\n",
		"corral_executions_total{verdict=\"ok\"} 1\n",
		"# corral_executions_started_total 7\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(scrape_read(texts[i], &scrape, &error), -EBADMSG, "%s", texts[i]);
	cr_expect_not_null(strstr(error.sentence, "of another version"));
}

/* A daemon of a stranger: every cut of the text, and labels beyond all bounds. */
Test(scrape, takes_any_text)
{
	static char text[200 * SCRAPE_VERDICTS_MAX];
	size_t used = 0;

	for (size_t size = 0; size < sizeof(SHORTEST); size++) {
		memcpy(text, SHORTEST, size);
		text[size] = '\0';
		scrape_read(text, &scrape, &error);
	}
	used = (size_t)snprintf(text, sizeof(text), "%s", SHORTEST);
	for (unsigned i = 0; i < 2 * SCRAPE_VERDICTS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"corral_executions_total{verdict=\"v%u\"} 1\n"
			"corral_execution_duration_seconds_bucket{le=\"%u\"} 1\n", i, i);
	cr_assert_eq(scrape_read(text, &scrape, &error), 0);
	cr_expect_eq(scrape.verdict_count, SCRAPE_VERDICTS_MAX);
	cr_expect_leq(scrape.bucket_count, SCRAPE_BUCKETS_MAX);
}
