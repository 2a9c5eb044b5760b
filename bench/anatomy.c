// SPDX-License-Identifier: Apache-2.0
/*
 * bench/anatomy.c: where does the time of one rewound execution go?
 *
 *	anatomy [EXECUTIONS [MODULES]]
 *
 * MODULES are what the template has imported, instead of the usual ones.
 *
 * One stream through a pool of one worker, so that the steps of an execution follow each other and
 * add up. The pool is the daemon's own, unchanged: the linker puts this bench between it and the
 * functions that are the steps (--wrap, for each TIMED and ENTERED below, see bench/bench.mk), so
 * that nothing in the pool asks whether it is measured. A new step is a name in STEPS and a line
 * below that says which function it is. What a program does is told by itself: it prints the time
 * at its first and at its last instruction, by the same clock.
 *
 * Three times: "known", where no page fault was counted, so that what the last scan found still
 * holds; "looked", where that is forgotten before each rewind, as after a page fault, so that table
 * and pages are looked at anew; and "mended", where the program leaves a descriptor open as well,
 * which its worker is told to close. (A program that took a new page each time would soon have so
 * many of its own that copying them is what is measured.)
 *
 * A table of medians to stderr, in the order in which the steps happen, with the part of the
 * executions in which they did; one line of JSON to stdout. Rewound executions alone count.
 */
#include "base/clock.h"
#include "bench/harness.h"
#include "pool/pool_private.h"
#include "ring/message.h"

#include <err.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_EXECUTIONS 200u
#define PROGRAM_OF(LINE)                                                                          \
	"import time\nfirst = time.monotonic_ns()\n" LINE "\nprint(first, time.monotonic_ns())\n"

/* X(step, what it is) */
#define STEPS(X)                                                                                  \
	X(DISPATCH, "dispatch", "limits, mailbox, message sent")                                  \
	X(WAKE, "wake", "until the program's first instruction")                                  \
	X(RUN, "run", "until its last")                                                           \
	X(NOTIFY, "notify", "end record, until the daemon looks")                                 \
	X(ANSWER, "answer", "verdict and callbacks")                                              \
	X(STOP, "stop", "interrupt, until it has stopped")                                        \
	X(REPAIR, "repair", "its errand, until it has stopped again")                             \
	X(TABLE, "table", "mapping table compared")                                               \
	X(SCAN, "scan", "own pages found")                                                        \
	X(COPY, "copy", "pages written")                                                          \
	X(REGISTERS, "registers", "set")                                                          \
	X(CHANNEL, "channel", "mailbox and ring emptied")                                         \
	X(LET_GO, "let_go", "detached")                                                           \
	X(USAGE, "usage", "counters for the next one")                                            \
	X(OTHER, "other", "what is left of the whole")                                            \
	X(WHOLE, "whole", "from dispatch until it is idle again")

#define STEP_ENUM(STEP, NAME, HELP) STEP_##STEP,
#define STEP_NAME(STEP, NAME, HELP) { NAME, HELP },

enum step { STEPS(STEP_ENUM) STEP_COUNT };

static const struct {
	const char *name, *help;
} steps[STEP_COUNT] = { STEPS(STEP_NAME) };

/* Of the execution under way; the shard's thread alone writes. */
static struct {
	uint64_t nsec[STEP_COUNT];
	uint64_t began_nsec, sent_nsec, looked_nsec, stopping_nsec, errand_nsec;
	bool counts;   /* not to warm up */
	char told[64]; /* by the program */
	size_t told_bytes;
} now;

static struct {
	struct pool *pool;
	struct execution execution;
	const char *program;
	bool looks;    /* forgets what is known, each time */
	unsigned left, warming;
	struct histogram histograms[STEP_COUNT];
	sem_t done;
} bench;

/* --- Between the pool and its steps ----------------------------------------------------------- */

/* The function is the step. Its type is the pool's own: one that changes is told here. */
#define TIMED(STEP, TYPE, NAME, PARAMETERS, ARGUMENTS)                                            \
	__typeof__(NAME) __real_##NAME, __wrap_##NAME;                                            \
	TYPE __wrap_##NAME PARAMETERS                                                             \
	{                                                                                         \
		uint64_t before_nsec = clock_now_nsec();                                          \
		TYPE result = __real_##NAME ARGUMENTS;                                            \
                                                                                                  \
		now.nsec[STEP_##STEP] += clock_now_nsec() - before_nsec;                          \
		return result;                                                                    \
	}

/* A step begins or ends where the function is entered: `HOOK` is called before it, as it is. */
#define ENTERED(HOOK, NAME, PARAMETERS, ARGUMENTS)                                                \
	__typeof__(NAME) __real_##NAME, __wrap_##NAME;                                            \
	void __wrap_##NAME PARAMETERS                                                             \
	{                                                                                         \
		HOOK ARGUMENTS;                                                                   \
		__real_##NAME ARGUMENTS;                                                          \
	}

static void execution_begins(struct slot *slot, struct execution *execution)
{
	memset(&now, 0, sizeof(now));
	now.counts = !bench.warming;
	now.began_nsec = clock_now_nsec();
}

/* The first doorbell; what rings beside it is looked at with it. */
static void daemon_looks(void *owner, int32_t result)
{
	if (now.sent_nsec && !now.looked_nsec)
		now.looked_nsec = clock_now_nsec();
}

static void rewind_begins(struct slot *slot)
{
	if (bench.looks)
		image_own_forget(&slot->own);
	now.stopping_nsec = clock_now_nsec();
	now.nsec[STEP_ANSWER] = now.stopping_nsec - now.looked_nsec;
}

/* The first stop, if there are several. */
static void worker_has_stopped(struct slot *slot)
{
	if (!now.nsec[STEP_STOP] && now.stopping_nsec)
		now.nsec[STEP_STOP] = clock_now_nsec() - now.stopping_nsec;
}

static void worker_is_idle(struct slot *slot);

ENTERED(execution_begins, slot_run, (struct slot *slot, struct execution *execution),
	(slot, execution))
ENTERED(daemon_looks, slot_control_received, (void *owner, int32_t result), (owner, result))
ENTERED(rewind_begins, slot_rewind, (struct slot *slot), (slot))
ENTERED(worker_has_stopped, slot_held, (struct slot *slot), (slot))
ENTERED(worker_is_idle, slot_idle, (struct slot *slot), (slot))
TIMED(TABLE, int, image_compare_mappings, (const struct image *image, pid_t pid,
	uint64_t inode, struct mapping_change *changes, unsigned capacity, unsigned *ret_count),
	(image, pid, inode, changes, capacity, ret_count))
TIMED(SCAN, int, written_scan, (pid_t pid, uint64_t start, uint64_t end,
	struct written_range *ranges, unsigned capacity, unsigned *ret_count),
	(pid, start, end, ranges, capacity, ret_count))
TIMED(COPY, int, image_apply_memory, (const struct image *image, pid_t pid,
	struct image_own *own, uint64_t *ret_pages), (image, pid, own, ret_pages))
TIMED(REGISTERS, int, image_apply_registers, (const struct image *image,
	const struct tracee *tracee), (image, tracee))
TIMED(CHANNEL, int, channel_empty, (struct channel *channel, struct channel_pages *pages),
	(channel, pages))
TIMED(LET_GO, int, tracee_end, (struct tracee *tracee), (tracee))
TIMED(USAGE, int, slot_usage_begin, (struct slot *slot), (slot))

__typeof__(message_send) __real_message_send, __wrap_message_send;

/* The letters to template and nursery go this way too, before there is an execution. */
int __wrap_message_send(int socket, const void *bytes, size_t size, const int *fds,
	unsigned fd_count)
{
	int result = __real_message_send(socket, bytes, size, fds, fd_count);

	if (!now.sent_nsec) {
		now.sent_nsec = clock_now_nsec();
		now.nsec[STEP_DISPATCH] = now.sent_nsec - now.began_nsec;
	}
	return result;
}

__typeof__(errand_start) __real_errand_start, __wrap_errand_start;

int __wrap_errand_start(const struct errand *errand, struct tracee *tracee,
	const struct user_regs_struct *general, uint64_t rseq)
{
	now.errand_nsec = clock_now_nsec();
	return __real_errand_start(errand, tracee, general, rseq);
}

__typeof__(errand_check) __real_errand_check, __wrap_errand_check;

int __wrap_errand_check(const struct errand *errand, struct tracee *tracee)
{
	int result = __real_errand_check(errand, tracee);

	now.nsec[STEP_REPAIR] = clock_now_nsec() - now.errand_nsec;
	return result;
}

/* --- An execution, whole ---------------------------------------------------------------------- */

static void program_steps(void)
{
	uint64_t first_nsec, last_nsec;

	if (sscanf(now.told, "%" SCNu64 " %" SCNu64, &first_nsec, &last_nsec) != 2 ||
	    first_nsec < now.sent_nsec || last_nsec > now.looked_nsec)
		errx(1, "the program told no times that can be: %s", now.told);
	now.nsec[STEP_WAKE] = first_nsec - now.sent_nsec;
	now.nsec[STEP_RUN] = last_nsec - first_nsec;
	now.nsec[STEP_NOTIFY] = now.looked_nsec - last_nsec;
}

static void worker_is_idle(struct slot *slot)
{
	uint64_t known_nsec = 0;

	/* It was replaced, or it is the newborn. */
	if (!now.stopping_nsec || !now.counts)
		return;
	program_steps();
	now.nsec[STEP_COPY] -= now.nsec[STEP_SCAN]; /* which is done within */
	now.nsec[STEP_WHOLE] = clock_now_nsec() - now.began_nsec;
	for (int i = 0; i < STEP_OTHER; i++)
		known_nsec += now.nsec[i];
	now.nsec[STEP_OTHER] = now.nsec[STEP_WHOLE] - known_nsec;
	for (int i = 0; i < STEP_COUNT; i++)
		if (now.nsec[i])
			histogram_add(&bench.histograms[i], now.nsec[i]);
}

static bool times_take(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	size_t room = sizeof(now.told) - 1 - now.told_bytes;

	size = size < room ? size : room;
	memcpy(now.told + now.told_bytes, bytes, size);
	now.told_bytes += size;
	return true;
}

static void execution_submit(void);

static void execution_done(struct execution *execution)
{
	if (execution->result.verdict != VERDICT_OK)
		errx(1, "an execution did not end well: %s", execution->result.reason);
	if (bench.warming)
		bench.warming--;
	else
		bench.left--;
	if (bench.left)
		execution_submit();
	else
		sem_post(&bench.done);
}

static void execution_submit(void)
{
	execution_init(&bench.execution);
	bench.execution.code = bench.program;
	bench.execution.code_bytes = strlen(bench.program);
	bench.execution.output = times_take;
	bench.execution.done = execution_done;
	if (pool_submit(bench.pool, &bench.execution) < 0)
		errx(1, "the pool takes no execution");
}

/* --- The figures ------------------------------------------------------------------------------ */

static void table_print(const char *name, unsigned executions)
{
	uint64_t whole = bench.histograms[STEP_WHOLE].count;

	fprintf(stderr, "\n%s: %" PRIu64 " of %u executions rewound; microseconds\n", name, whole,
		executions);
	fprintf(stderr, "  %-10s %8s %8s %6s\n", "step", "p50", "p90", "of all");
	for (int i = 0; i < STEP_COUNT; i++) {
		const struct histogram *histogram = &bench.histograms[i];

		if (histogram->count)
			fprintf(stderr, "  %-10s %8.1f %8.1f %5.0f%%  %s\n", steps[i].name,
				(double)histogram_quantile(histogram, 0.5) / 1e3,
				(double)histogram_quantile(histogram, 0.9) / 1e3,
				100 * (double)histogram->count / (double)whole, steps[i].help);
	}
}

/* One that is called from beside itself is out of the linker's reach. */
static void steps_check(void)
{
	for (int i = 0; i < STEP_COUNT; i++)
		if (!bench.histograms[i].count)
			errx(1, "the step %s was never seen", steps[i].name);
}

static void rewinds_measure(
	const char *name, const char *program, bool looks, unsigned executions)
{
	bench.program = program;
	bench.looks = looks;
	bench.left = executions;
	bench.warming = WARM_EXECUTIONS;
	for (int i = 0; i < STEP_COUNT; i++)
		histogram_init(&bench.histograms[i]);
	execution_submit();
	while (sem_wait(&bench.done) < 0)
		;
	/* The last one's worker is rewound behind its answer. */
	harness_pool_fill(bench.pool, 1);
	if (!bench.histograms[STEP_WHOLE].count)
		errx(1, "no worker was rewound: %s", bench.execution.result.reset);
	table_print(name, executions);
	printf(",\"%s\":{\"rewound\":%" PRIu64, name, bench.histograms[STEP_WHOLE].count);
	for (int i = 0; i < STEP_COUNT; i++)
		if (bench.histograms[i].count)
			harness_json_quantiles(steps[i].name, &bench.histograms[i]);
	printf("}");
}

int main(int argc, char **argv)
{
	unsigned executions = harness_number(argc, argv, 1, 5000, 100, 1000000);
	struct pool_config config;

	pool_config_init(&config);
	config.workers = config.shards = 1;
	config.reset = RESET_REWIND;
	config.template_executions = 0;
	config.imports = argc > 2 ? argv[2] : NULL;
	sem_init(&bench.done, 0, 0);
	bench.pool = harness_pool_open(&config);
	harness_json_begin("anatomy");
	printf(",\"executions\":%u", executions);
	rewinds_measure("known", PROGRAM_OF("1 + 1"), false, executions);
	rewinds_measure("looked", PROGRAM_OF("1 + 1"), true, executions);
	rewinds_measure("mended", PROGRAM_OF("import os; os.dup(1)"), true, executions);
	steps_check();
	printf("}\n");
	pool_stop(bench.pool);
	return 0;
}
