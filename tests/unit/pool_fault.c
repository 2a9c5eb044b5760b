// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_fault.c: each fault point fails once, at its first pass, its second…, and then
 * for good: the pool starts or says a sentence, answers every execution, and leaves nothing behind.
 *
 * A plan is read once a process, so each run is a child; it tells what went wrong by its exit
 * status.
 */
#include "tests/unit/pool_fixture.h"

#include "base/fault.h"
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <criterion/parameterized.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(pool_fault, .timeout = 55);

#ifdef CORRAL_FAULTS

#define PASSES_MAX 6 /* of a point that is passed more often, the later ones are like these */

enum outcome {
	OUTCOME_WELL,
	OUTCOME_WELL_UNREACHED, /* the point is passed less often than that */
	OUTCOME_NO_SENTENCE,
	OUTCOME_WRONG_VERDICT,
	OUTCOME_NOT_WHOLE,
	OUTCOME_LEAK,
};

static const char *const outcome_names[] = {
	"well", "well", "it failed without a sentence", "an execution got the wrong verdict",
	"the pool is not whole again", "something is left behind",
};

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* Every execution has an answer; whether the answer may be that it is lost, the caller says. */
static enum outcome executions_run(struct pool *pool, bool may_be_lost)
{
	for (int i = 0; i < 5; i++) {
		struct job job;
		enum verdict verdict;

		job_init(&job, pool, "print('x' * 1000)");
		limits_set(&job.execution.limits, LIMIT_FILES, i == 2 ? 1 << 20 : 64 << 20);
		if (pool_submit(pool, &job.execution) < 0)
			return OUTCOME_WRONG_VERDICT;
		verdict = job_wait(&job)->verdict;
		if (verdict != VERDICT_OK)
			fprintf(stderr, "%s: %s\n", job_verdict(&job), job.execution.result.reason);
		job_fini(&job);
		if (verdict != VERDICT_OK && !(may_be_lost && verdict == VERDICT_LOST))
			return OUTCOME_WRONG_VERDICT;
	}
	return OUTCOME_WELL;
}

static enum outcome pool_try(bool for_good)
{
	struct pool_config config = pool_configured(2);
	struct error error = { .sentence = "" };
	struct pool *pool = NULL;
	enum outcome outcome;

	if (pool_start(&pool, &config, &error) < 0) {
		fprintf(stderr, "not started: %s\n", error.sentence);
		return error.sentence[0] && !pool ? OUTCOME_WELL : OUTCOME_NO_SENTENCE;
	}
	outcome = executions_run(pool, for_good);
	if (outcome == OUTCOME_WELL && !for_good && !pool_wait(pool, all_idle))
		outcome = OUTCOME_NOT_WHOLE;
	pool_stop(pool);
	return outcome;
}

/* Behind one that the kernel killed for its memory, others fail in their own way. */
static enum outcome pool_try_blame(bool for_good)
{
	struct pool_config config = pool_configured(1);
	struct error error = { .sentence = "" };
	enum outcome outcome = OUTCOME_WELL;
	struct pool *pool = NULL;
	struct job job;

	if (pool_start(&pool, &config, &error) < 0)
		return error.sentence[0] && !pool ? OUTCOME_WELL : OUTCOME_NO_SENTENCE;
	for (int i = 0; i < 4 && outcome == OUTCOME_WELL; i++) {
		job_init(&job, pool, i ? "raise SystemExit(3)" : "x = b'x' * (1 << 26)");
		if (!i)
			limits_set(&job.execution.limits, LIMIT_MEMORY, 32 << 20);
		job_run(&job);
		if (i && strcmp(job_verdict(&job), "exit") != 0)
			outcome = OUTCOME_WRONG_VERDICT;
		job_fini(&job);
	}
	pool_stop(pool);
	return outcome;
}

static bool something_is_left(unsigned descriptors)
{
	AUTO_FREE struct cgroup_places *places = malloc(sizeof(*places));
	char path[PATH_MAX + 64], name[48];
	siginfo_t info;

	if (descriptors_count() != descriptors ||
		waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) == 0)
		return true;
	if (cgroup_places_find(places) < 0 || cgroup_tree_name(name, sizeof(name)) < 0)
		return true;
	for (int i = -1; i < CGROUP_CONTROLLERS; i++) {
		snprintf(path, sizeof(path), "%s/%s",
			i < 0 ? places->unified.own : places->v1[i].own, name);
		if (access(path, F_OK) == 0)
			return true;
	}
	return __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check();
}

static enum outcome child_try(
	const char *plan, unsigned pass, enum outcome (*try)(bool for_good), bool for_good)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		unsigned descriptors = descriptors_count();
		enum outcome outcome;

		setenv("CORRAL_FAULT", plan, 1);
		outcome = try(for_good);
		if (outcome == OUTCOME_WELL && something_is_left(descriptors))
			outcome = OUTCOME_LEAK;
		if (outcome == OUTCOME_WELL && fault_passes() < pass)
			outcome = OUTCOME_WELL_UNREACHED;
		_exit((int)outcome);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "%s: the process died of signal %d", plan, WTERMSIG(status));
	cr_assert(
		WEXITSTATUS(status) <= OUTCOME_LEAK, "%s: exit code %d", plan, WEXITSTATUS(status));
	cr_expect(WEXITSTATUS(status) <= OUTCOME_WELL_UNREACHED, "%s: %s", plan,
		outcome_names[WEXITSTATUS(status)]);
	return (enum outcome)WEXITSTATUS(status);
}

/* Criterion copies a parameter into the test's process: no pointers. */
struct point {
	char name[32];
};

static struct point points[] = {
	{ "pool.memory" },
	{ "tenants.memory" },
	{ "shard.thread" },
	{ "loop.memory" },
	{ "loop.ring" },
	{ "loop.waitid" },
	{ "netns.memory" },
	{ "spawn.pipe" },
	{ "spawn.fork" },
	{ "message.pair" },
	{ "message.send" },
	{ "channel.create" },
	{ "channel.map" },
	{ "cgroup.mkdir" },
	{ "cgroup.write" },
	{ "cgroup.read" },
	{ "dispatch.pipe" },
	{ "dispatch.files" },
	{ "residue.files" },
};

ParameterizedTestParameters(pool_fault, that_happens_once_is_survived_or_told)
{
	return cr_make_param_array(struct point, points, sizeof(points) / sizeof(points[0]));
}

ParameterizedTest(struct point *point, pool_fault, that_happens_once_is_survived_or_told)
{
	unsigned pass;

	for (pass = 1; pass <= PASSES_MAX; pass++) {
		char plan[64];

		snprintf(plan, sizeof(plan), "%s:%u", point->name, pass);
		if (child_try(plan, pass, pool_try, false) != OUTCOME_WELL)
			break;
	}
	cr_expect_gt(pass, 1, "%s is never passed", point->name);
}

ParameterizedTestParameters(pool_fault, that_stays_is_told)
{
	return cr_make_param_array(struct point, points, sizeof(points) / sizeof(points[0]));
}

ParameterizedTest(struct point *point, pool_fault, that_stays_is_told)
{
	char plan[64];

	snprintf(plan, sizeof(plan), "%s:1+", point->name);
	cr_expect_eq(child_try(plan, 1, pool_try, true), OUTCOME_WELL, "%s is never passed", plan);
}

/* A number that could not be read is nobody's: least of all the next execution's. */
Test(pool_fault, in_reading_the_counters_blames_nobody)
{
	unsigned pass = 1;
	char plan[64];

	do
		snprintf(plan, sizeof(plan), "cgroup.read:%u", pass);
	while (child_try(plan, pass, pool_try_blame, false) == OUTCOME_WELL && pass++ < 20);
	cr_expect_gt(pass, 8, "the counters of four executions are read only %u times", pass - 1);
}

/* The last of a group's processes may be listed no more and still be there: v1 says EBUSY. */
Test(pool_fault, in_removing_a_group_leaves_none)
{
	unsigned pass = 1;
	char plan[64];

	do
		snprintf(plan, sizeof(plan), "cgroup.rmdir:%u", pass);
	while (child_try(plan, pass, pool_try, false) == OUTCOME_WELL && pass++ < 30);
	cr_expect_gt(pass, 10, "the trees of a pool of 2 are more than %u groups", pass - 1);
}

#else

Test(pool_fault, is_compiled_out_of_a_release)
{
	setenv("CORRAL_FAULT", "spawn.fork:1+", 1);

	struct pool *pool = pool_of(1);

	pool_expect(pool, "pass", "ok");
	pool_stop(pool);
}

#endif
