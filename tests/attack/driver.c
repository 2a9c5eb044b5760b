// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/driver.c: runs hostile programs in one pool of two slots, and looks after each.
 *
 * The pool is embedded: what a program does to the daemon it does to this process. After each
 * program both slots must become ready again, a harmless program must give the right bytes on each,
 * and the oracle must find the daemon and the host as they were.
 *
 * Of a pair, NNN_name_a is run and then NNN_name_b, twice at one time: on the slot that the first
 * part used and on the other one.
 *
 *	driver [--reset replace|auto|rewind] PROGRAM…
 *
 * Where workers are rewound, the template has ready what the programs import, so that none has to
 * open a file and more of them are rewound; the matrix tells what became of each one's worker, and
 * it must be true: the same process, or another.
 */
#include "base/clock.h"
#include "base/own.h"
#include "tests/attack/canary.h"
#include "tests/attack/job.h"
#include "tests/attack/oracle.h"
#include "tests/attack/resets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WORKERS 2u
#define IMPORTS \
	"builtins,ctypes,decimal,errno,fcntl,gc,glob,hashlib,json,locale,os,random,re,resource," \
	"secrets,signal,socket,struct,subprocess,sys,tempfile,threading,time,types,uuid," \
	"warnings,zlib"
#define REST_NSEC_MAX (10 * NSEC_PER_SEC)
#define MISSED_MAX 50u /* pairs whose second part ran on one slot twice, a variant */
#define HOST_SOCKET "corral-attack-host" /* abstract; 093 looks for it */

static struct driver {
	struct pool *pool;
	struct oracle before;
	struct pool_status status_before;
	struct canary canary;
	struct resets resets; /* before the program that runs now */
	enum reset_policy reset;
	unsigned passed, failed;
} driver;

static void tell(const struct program *program, const char *variant, const struct job *job,
	uint64_t nsec, const char *sentence)
{
	char title[100], verdict[32] = "-";

	snprintf(title, sizeof(title), "%s%s%s", program->name, variant[0] ? " " : "", variant);
	if (job && job->done)
		verdict_name(&job->execution.result, verdict, sizeof(verdict));
	printf("%-4s %-34s %-14s %-18s %08x %5" PRIu64 " ms  %s\n", sentence ? "FAIL" : "ok",
		title, verdict, job && job->done ? job->execution.result.reset : "-",
		job ? job->digest : 0, nsec / NSEC_PER_MSEC, program->stops);
	if (sentence)
		printf("     %s: %s\n", title, sentence);
	driver.passed += !sentence;
	driver.failed += !!sentence;
	fflush(stdout);
}

/* Nothing can be said of the programs after it: the slots may never come back. */
static void __attribute__((noreturn)) give_up(const struct program *program, const char *variant,
	const struct job *job, const char *sentence)
{
	tell(program, variant, job, 0, sentence);
	printf("%u passed, %u failed\n", driver.passed, driver.failed);
	fflush(stdout);
	_exit(1);
}

static bool pool_is_unharmed(char *sentence, size_t size)
{
	const struct pool_status *before = &driver.status_before;
	struct pool_status now;

	pool_status(driver.pool, &now);
	if (now.quarantined == before->quarantined &&
	    now.birth_failures == before->birth_failures &&
	    now.template_restarts == before->template_restarts &&
	    strcmp(now.last_failure, before->last_failure) == 0)
		return true;
	snprintf(sentence, size, "the pool had trouble: %s", now.last_failure);
	driver.status_before = now;
	return false;
}

/* Everything that must be so once the program is gone. */
static bool aftermath_is_clean(char *sentence, size_t size)
{
	struct oracle after;

	if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX)) {
		snprintf(sentence, size, "its slot did not come back");
		return false;
	}
	if (!canary_sings(&driver.canary, sentence, size) || !pool_is_unharmed(sentence, size))
		return false;
	oracle_look(&after);
	bool content = oracle_is_content(&driver.before, &after, sentence, size);

	/* What one program did is not told again of the next. */
	if (!content)
		driver.before = after;
	return content;
}

static void start_or_give_up(struct job *job, const struct program *program,
	const struct expectation *expectation, bool open_stdin)
{
	int result = job_start(job, driver.pool, program, expectation, TENANT_HOSTILE, open_stdin);

	if (result < 0)
		give_up(program, expectation->variant, NULL, error_text(result));
}

static void wait_or_give_up(struct job *job, const struct program *program,
	const struct expectation *expectation)
{
	if (!job_wait(job, driver.pool))
		give_up(program, expectation->variant, job, "no verdict came");
}

/* Called while the pool rests: behind one program that ran alone. */
static bool reset_is_true(struct job *job)
{
	struct resets now;

	resets_look(&now, driver.pool);
	return resets_agree(&driver.resets, &now, job->execution.result.reset, job->sentence,
		sizeof(job->sentence));
}

static void single_run(const struct program *program, const struct expectation *expectation)
{
	uint64_t start = clock_now_nsec();
	char sentence[600] = "";
	struct job job;
	bool well = true;

	for (unsigned i = 0; i < expectation->repeat && well; i++) {
		if (i)
			job_free(&job);
		if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX))
			give_up(program, expectation->variant, NULL, "a slot did not come back");
		resets_look(&driver.resets, driver.pool);
		start_or_give_up(&job, program, expectation, false);
		wait_or_give_up(&job, program, expectation);
		well = job_is_as_expected(&job, expectation);
		if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX))
			give_up(program, expectation->variant, &job, "its slot did not come back");
		well = well && reset_is_true(&job);
	}
	if (!well)
		snprintf(sentence, sizeof(sentence), "%s; ", job.sentence);
	job_forget_output(&job);
	if (!aftermath_is_clean(sentence + strlen(sentence), sizeof(sentence) - strlen(sentence)))
		well = false;
	tell(program, expectation->variant, &job, clock_now_nsec() - start,
		well ? NULL : sentence);
	job_free(&job);
}

/* Runs the second part on every slot that is free, at one time. */
static bool second_run(const struct program *program, const struct expectation *expectation,
	struct job *jobs, unsigned count, char *sentence, size_t size)
{
	bool well = true;

	for (unsigned i = 0; i < count; i++)
		start_or_give_up(&jobs[i], program, expectation, false);
	for (unsigned i = 0; i < count; i++) {
		wait_or_give_up(&jobs[i], program, expectation);
		if (well && !job_is_as_expected(&jobs[i], expectation)) {
			snprintf(sentence, size, "on slot %d: %.500s", jobs[i].slot,
				jobs[i].sentence);
			well = false;
		}
	}
	if (well && count > 1 && expectation->unlike &&
	    strcmp(job_stdout(&jobs[0]), job_stdout(&jobs[1])) == 0) {
		snprintf(sentence, size, "two executions say the same: %.200s",
			job_stdout(&jobs[0]));
		well = false;
	}
	return well;
}

/* What the second part says where the first never ran. */
static void baseline_take(const struct program *second, const struct expectation *expectation,
	char *text, size_t size)
{
	struct job job;

	start_or_give_up(&job, second, expectation, false);
	wait_or_give_up(&job, second, expectation);
	snprintf(text, size, "%s", job_stdout(&job));
	job_free(&job);
	if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX))
		give_up(second, expectation->variant, NULL, "its slot did not come back");
}

static bool baseline_holds(const char *before, struct job *jobs, unsigned count, char *sentence,
	size_t size)
{
	for (unsigned i = 0; i < count; i++) {
		const char *now = job_stdout(&jobs[i]);
		size_t same = 0;

		if (strcmp(before, now) == 0)
			continue;
		while (before[same] && before[same] == now[same])
			same++;
		while (same && before[same - 1] != '\n')
			same--;
		before += same;
		now += same;
		snprintf(sentence, size, "slot %d was '%.*s', is '%.*s'", jobs[i].slot,
			(int)strcspn(before, "\n"), before, (int)strcspn(now, "\n"), now);
		return false;
	}
	return true;
}

struct pair {
	const struct program *first, *second;
	const struct expectation *a, *b;
	struct job job_a, jobs_b[WORKERS];
	unsigned count; /* of jobs_b */
	unsigned missed; /* times that both of jobs_b were on one slot */
	bool well_a, well_b;
	char sentence[700];
};

static void pair_try(struct pair *pair, const char *baseline)
{
	const struct expectation *a = pair->a, *b = pair->b;
	char *sentence = pair->sentence;

	resets_look(&driver.resets, driver.pool);
	start_or_give_up(&pair->job_a, pair->first, a, a->beside);
	if (a->beside && !job_wait_spoken(&pair->job_a))
		give_up(pair->first, "", &pair->job_a, "it said nothing");
	if (!a->beside) {
		wait_or_give_up(&pair->job_a, pair->first, a);
		if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX))
			give_up(pair->first, "", &pair->job_a, "its slot did not come back");
		pair->well_a = job_is_as_expected(&pair->job_a, a) && reset_is_true(&pair->job_a);
	}
	pair->well_b = second_run(pair->second, b, pair->jobs_b, pair->count, sentence,
		sizeof(pair->sentence));
	if (pair->well_b && b->unchanged)
		pair->well_b = baseline_holds(baseline, pair->jobs_b, pair->count, sentence,
			sizeof(pair->sentence));
	if (a->beside) {
		job_close_stdin(&pair->job_a);
		wait_or_give_up(&pair->job_a, pair->first, a);
		pair->well_a = job_is_as_expected(&pair->job_a, a);
	}
	job_forget_output(&pair->job_a);
	for (unsigned i = 0; i < pair->count; i++)
		job_forget_output(&pair->jobs_b[i]);
}

/*
 * A worker is rewound in less time than this thread may have to wait for a CPU between its two
 * starts, and then both found the same slot: nothing is known of the other one.
 */
static bool pair_missed_a_slot(struct pair *pair)
{
	if (pair->count < WORKERS || pair->jobs_b[0].slot != pair->jobs_b[1].slot)
		return false;
	if (++pair->missed < MISSED_MAX)
		return true;
	snprintf(pair->sentence, sizeof(pair->sentence), "both runs were on one slot, %u times",
		pair->missed);
	return pair->well_b = false;
}

static void pair_free(struct pair *pair)
{
	job_free(&pair->job_a);
	for (unsigned i = 0; i < pair->count; i++)
		job_free(&pair->jobs_b[i]);
}

static void variant_run(struct pair *pair, const char *baseline)
{
	const char *variant = pair->a->variant;
	uint64_t start = clock_now_nsec();
	size_t used;

	pair->count = pair->a->beside ? WORKERS - 1 : WORKERS;
	pair->well_a = pair->well_b = true;
	pair->missed = 0;
	pair->sentence[0] = '\0';
	for (unsigned i = 0, tries = 0; i < pair->b->repeat && pair->well_a && pair->well_b;) {
		if (tries++)
			pair_free(pair);
		if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX))
			give_up(pair->first, variant, NULL, "a slot did not come back");
		pair_try(pair, baseline);
		i += !pair_missed_a_slot(pair);
	}
	tell(pair->first, variant, &pair->job_a, 0, pair->well_a ? NULL : pair->job_a.sentence);
	used = strlen(pair->sentence);
	if (!aftermath_is_clean(pair->sentence + used, sizeof(pair->sentence) - used))
		pair->well_b = false;
	tell(pair->second, variant, &pair->jobs_b[0], clock_now_nsec() - start,
		pair->well_b ? NULL : pair->sentence);
	pair_free(pair);
}

static void pair_run(const struct program *first, const struct program *second)
{
	struct pair pair = { .first = first, .second = second, .b = &second->expectations[0] };
	static char baseline[1 << 16];

	if (pair.b->unchanged)
		baseline_take(second, pair.b, baseline, sizeof(baseline));
	for (unsigned i = 0; i < first->expectation_count; i++) {
		pair.a = &first->expectations[i];
		variant_run(&pair, baseline);
	}
}

static int programs_run(char **paths, unsigned count, const char *natives, struct error *error)
{
	static struct program program, second;
	int result = 0;

	for (unsigned i = 0; i < count && result == 0; i++) {
		result = program_load(&program, paths[i], natives, error);
		if (result == 0 && program.part == 'a') {
			result = ++i < count ? program_load(&second, paths[i], natives, error)
					     : error_set(error, -EINVAL, "%s has no second part",
						       program.name);
			if (result == 0)
				pair_run(&program, &second);
			program_free(&second);
		} else if (result == 0) {
			for (unsigned k = 0; k < program.expectation_count; k++)
				single_run(&program, &program.expectations[k]);
		}
		program_free(&program);
	}
	return result;
}

/* Something of the host's that a program could reach if its network namespace were not its own. */
static int host_socket_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(HOST_SOCKET);
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path + 1, HOST_SOCKET, strlen(HOST_SOCKET));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4) < 0)
		return -errno;
	return fd_take(&fd);
}

static int driver_start(struct error *error)
{
	struct pool_config config;
	char sentence[600];
	int result;

	pool_config_init(&config);
	config.workers = WORKERS;
	config.shards = 1;
	config.reset = driver.reset;
	if (driver.reset != RESET_REPLACE)
		config.imports = IMPORTS;
	result = pool_start(&driver.pool, &config, error);
	if (result < 0)
		return result;
	if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX))
		return error_set(error, -EIO, "the pool does not come to rest");
	result = canary_load(&driver.canary, driver.pool, WORKERS, error);
	if (result < 0)
		return result;
	/* Twice, so that what is made at the first use is there. */
	for (int i = 0; i < 2; i++)
		if (!pool_wait_idle(driver.pool, WORKERS, REST_NSEC_MAX) ||
			!canary_sings(&driver.canary, sentence, sizeof(sentence)))
			return error_set(error, -EIO, "the pool does not run: %s", sentence);
	pool_status(driver.pool, &driver.status_before);
	oracle_look(&driver.before);
	return 0;
}

static void end_check(const struct oracle *at_start)
{
	const struct program end = { .name = "end", .stops = "nothing is left behind" };
	struct oracle now;
	char sentence[256];
	unsigned groups = oracle_cgroups();
	bool well;

	oracle_look(&now);
	now.memory_kib = at_start->memory_kib; /* what a pool left in the heap is no matter */
	well = oracle_is_content(at_start, &now, sentence, sizeof(sentence));
	if (well && groups) {
		snprintf(sentence, sizeof(sentence), "%u control groups are left", groups);
		well = false;
	}
	tell(&end, "", NULL, 0, well ? NULL : sentence);
}

/* The number of arguments that were options, or a negative errno. */
static int options_read(int argc, char **argv, struct error *error)
{
	static const char *const policies[] = {
		[RESET_REPLACE] = "replace", [RESET_AUTO] = "auto", [RESET_REWIND] = "rewind",
	};

	if (argc < 3 || strcmp(argv[1], "--reset") != 0)
		return 0;
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(argv[2], policies[i]) == 0) {
			driver.reset = (enum reset_policy)i;
			return 2;
		}
	return error_set(error, -EINVAL, "--reset %s: give replace, auto or rewind", argv[2]);
}

int main(int argc, char **argv)
{
	struct error error = { .sentence = "" };
	struct oracle at_start;
	char natives[400];
	AUTO_FD host_socket = host_socket_open();
	int result = options_read(argc, argv, &error), options = result;

	snprintf(natives, sizeof(natives), "%s", argv[0]);
	if (strrchr(natives, '/'))
		*strrchr(natives, '/') = '\0';
	if (host_socket < 0)
		result = error_set(&error, host_socket, "no host socket: %s",
			error_text(host_socket));
	oracle_look(&at_start);
	if (result >= 0)
		result = driver_start(&error);
	if (result == 0)
		result = programs_run(argv + 1 + options, (unsigned)(argc - 1 - options), natives,
			&error);
	pool_stop(driver.pool);
	canary_free(&driver.canary);
	if (result < 0)
		printf("FAIL %s\n", error.sentence);
	else
		end_check(&at_start);
	printf("%u passed, %u failed\n", driver.passed, driver.failed + (result < 0));
	return driver.failed || result < 0;
}
