// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/doctor.c: corral doctor: what this machine enforces, and what to mend.
 *
 * Every layer is tried, never looked up; at the end a pool of one worker is started and runs a
 * program, because all the parts being there does not yet mean that they work together. Works
 * without root too, and then says what it could not try.
 */
#include "base/clock.h"
#include "base/own.h"
#include "base/quantity.h"
#include "jail/cgroup.h"
#include "bpf/footprints.h"
#include "jail/probe.h"
#include "pool/capture.h"
#include "pool/commands/command.h"
#include "pool/commands/doctor.h"

#include <cjson/cJSON.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define TRIAL_CODE "print(6*7)"
#define TRIAL_OUTPUT "42\n"

struct doctor_options {
	unsigned workers;
	bool json;
};

static const char *const state_words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_DEGRADED] = "degraded",
	[DOCTOR_MISSING] = "missing",
};

/* --- The command line ------------------------------------------------------------------------ */

static error_t doctor_option(int key, char *argument, struct argp_state *state)
{
	struct doctor_options *options = state->input;
	uint64_t count;

	switch (key) {
	case 'w':
		if (quantity_parse_count(argument, &count) < 0 || !count ||
			count > POOL_WORKERS_MAX)
			argp_error(state, "--workers cannot be '%s': give a number from 1 to %u",
				argument, POOL_WORKERS_MAX);
		options->workers = (unsigned)count;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", argument);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option doctor_options[] = {
	{ "workers", 'w', "N", 0, "Is there room for N workers? (16)", 0 },
	{ "json", 'j', 0, 0, "Print one JSON document", 0 },
	{ 0 },
};

static const struct argp doctor_argp = {
	.options = doctor_options,
	.parser = doctor_option,
	.doc = "Tries what this machine can enforce and what the host gives, and says what to "
	       "mend. Exit code: 0 all is well, 1 something is degraded, 2 corral cannot run here.",
};

/* --- Findings -------------------------------------------------------------------------------- */

struct doctor_finding *doctor_add(struct doctor *doctor, const char *group, const char *name)
{
	/* Their number is known: the tables of layers and checks. */
	struct doctor_finding *finding = &doctor->findings[doctor->count++];

	*finding = (struct doctor_finding){ .group = group, .name = name };
	finding->word = state_words[DOCTOR_OK];
	return finding;
}

void doctor_found(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
{
	va_list list;

	finding->state = state;
	finding->word = state_words[state];
	va_start(list, format);
	vsnprintf(finding->found, sizeof(finding->found), format, list);
	va_end(list);
}

void doctor_advise(struct doctor_finding *finding, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, list);
	va_end(list);
}

static void layer_add(struct doctor *doctor, enum layer layer, const struct layer_status *status)
{
	/* The pool starts without these; the others stand or nothing runs. */
	bool is_optional = layer == LAYER_CGROUP || layer == LAYER_LANDLOCK ||
			   layer == LAYER_BPF_TRACING;
	struct doctor_finding *finding = doctor_add(doctor, "layers", layer_name(layer));
	enum doctor_state state = DOCTOR_OK;

	if (status->state != LAYER_ENFORCED)
		state = status->state == LAYER_DEGRADED || is_optional ? DOCTOR_DEGRADED :
									 DOCTOR_MISSING;
	doctor_found(finding, state, "%s", status->detail);
	finding->word = layer_state_name(status->state);
}

static void cgroup_try(struct layer_status *ret_status)
{
	struct cgroups *cgroups;
	struct error error;

	if (cgroups_open(&cgroups, 1, &error) < 0) {
		ret_status->state = LAYER_ABSENT;
		snprintf(ret_status->detail, sizeof(ret_status->detail), "%.*s",
			(int)sizeof(ret_status->detail) - 1, error.sentence);
		return;
	}
	cgroups_status(cgroups, ret_status);
	cgroups_close(cgroups);
}

/* For one slot of nobody's. */
static void tracing_try(struct layer_status *ret_status)
{
	struct footprints *footprints;
	struct error error = { .sentence = "system calls, processes, page faults, CPU time" };
	bool is_open = footprints_open(&footprints, 1, UINT32_MAX - 1, &error) == 0;

	ret_status->state = is_open ? LAYER_ENFORCED : LAYER_ABSENT;
	snprintf(ret_status->detail, sizeof(ret_status->detail), "%.*s",
		(int)sizeof(ret_status->detail) - 1, error.sentence);
	if (is_open)
		footprints_close(footprints);
}

static void layers_check(struct doctor *doctor)
{
	for (int layer = 0; layer < LAYER_COUNT; layer++) {
		struct layer_status status;

		if (layer == LAYER_CGROUP)
			cgroup_try(&status);
		else if (layer == LAYER_BPF_TRACING)
			tracing_try(&status);
		else
			probe_layer(layer, &status);
		layer_add(doctor, layer, &status);
	}
}

/* --- A real execution ------------------------------------------------------------------------ */

struct trial {
	struct execution execution;
	struct capture capture;
	sem_t done;
};

static bool trial_output(
	struct execution *execution, enum output_kind kind, const void *bytes, size_t size)
{
	struct trial *trial = execution->user;

	capture_add(&trial->capture, kind, bytes, size);
	return true;
}

static void trial_done(struct execution *execution)
{
	struct trial *trial = execution->user;

	sem_post(&trial->done);
}

static bool trial_is_well(const struct trial *trial)
{
	const struct capture_part *out = &trial->capture.parts[OUTPUT_STDOUT];

	return trial->execution.result.verdict == VERDICT_OK && out->used == strlen(TRIAL_OUTPUT) &&
		memcmp(out->bytes, TRIAL_OUTPUT, out->used) == 0;
}

static void trial_run(
	struct pool *pool, struct trial *trial, struct doctor_finding *finding, uint64_t start_nsec)
{
	struct execution *execution = &trial->execution;
	char words[2][160];

	execution_init(execution);
	execution->code = TRIAL_CODE;
	execution->code_bytes = strlen(TRIAL_CODE);
	execution->output = trial_output;
	execution->done = trial_done;
	execution->user = trial;
	sem_init(&trial->done, 0, 0);
	if (pool_submit(pool, execution) == 0)
		while (sem_wait(&trial->done) < 0)
			;
	sem_destroy(&trial->done);
	if (trial_is_well(trial)) {
		doctor_found(finding, DOCTOR_OK, "warm in %s, " TRIAL_CODE " printed 42 in %s",
			quantity_print_duration(start_nsec, words[0], sizeof(words[0])),
			quantity_print_duration(execution->result.usage.wall_usec * NSEC_PER_USEC,
				words[1], sizeof(words[1])));
		return;
	}
	doctor_found(finding, DOCTOR_MISSING, TRIAL_CODE " ended %s with %zu bytes of output: %s",
		verdict_name(&execution->result, words[0], sizeof(words[0])),
		trial->capture.parts[OUTPUT_STDOUT].used,
		verdict_sentence(&execution->result, words[1], sizeof(words[1])));
	doctor_advise(finding,
		"a worker that does not print 42 runs nothing; 'corral run -e " TRIAL_CODE
		"' shows more");
}

static void runtime_check(struct doctor *doctor)
{
	struct doctor_finding *finding = doctor_add(doctor, "runtimes", "python");
	struct trial trial = { .capture = { .short_of_memory = false } };
	uint64_t begin = clock_now_nsec();
	struct pool_config config;
	struct pool *pool;
	struct error error;

	pool_config_init(&config);
	config.workers = 1;
	if (pool_start(&pool, &config, &error) < 0) {
		doctor_found(finding, DOCTOR_MISSING, "%s", error.sentence);
		return;
	}
	trial_run(pool, &trial, finding, clock_now_nsec() - begin);
	pool_stop(pool);
	capture_clear(&trial.capture);
}

/* --- The report ------------------------------------------------------------------------------ */

static unsigned count_of(const struct doctor *doctor, enum doctor_state state)
{
	unsigned count = 0;

	for (unsigned i = 0; i < doctor->count; i++)
		count += doctor->findings[i].state == state;
	return count;
}

/* What the exit code says. */
static int verdict_of(const struct doctor *doctor)
{
	if (count_of(doctor, DOCTOR_MISSING))
		return 2;
	return count_of(doctor, DOCTOR_DEGRADED) ? 1 : 0;
}

static void people_print(const struct doctor *doctor)
{
	unsigned missing = count_of(doctor, DOCTOR_MISSING);
	unsigned degraded = count_of(doctor, DOCTOR_DEGRADED);
	const char *group = "";

	for (unsigned i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		if (strcmp(group, finding->group) != 0)
			printf("%s%s\n", i ? "\n" : "", group = finding->group);
		printf("  %-15s %-9s %s\n", finding->name, finding->word, finding->found);
		if (finding->advice[0])
			printf("  %-15s %-9s -> %s\n", "", "", finding->advice);
	}
	if (missing)
		printf("\ncorral cannot run here: %u missing, %u degraded\n", missing, degraded);
	else if (degraded)
		printf("\ncorral runs here, with %u degraded\n", degraded);
	else
		printf("\ncorral runs here with all it can have\n");
}

static void json_print(const struct doctor *doctor)
{
	static const char *const verdicts[] = { "well", "degraded", "unable" };
	cJSON *object = cJSON_CreateObject();
	struct utsname system;

	cJSON_AddStringToObject(object, "verdict", verdicts[verdict_of(doctor)]);
	cJSON_AddStringToObject(object, "corral", CORRAL_VERSION);
	cJSON_AddStringToObject(object, "kernel", uname(&system) == 0 ? system.release : "");
	cJSON *findings = cJSON_AddArrayToObject(object, "findings");

	for (unsigned i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];
		cJSON *one = cJSON_CreateObject();

		cJSON_AddStringToObject(one, "group", finding->group);
		cJSON_AddStringToObject(one, "name", finding->name);
		cJSON_AddStringToObject(one, "state", state_words[finding->state]);
		cJSON_AddStringToObject(one, "word", finding->word);
		cJSON_AddStringToObject(one, "found", finding->found);
		cJSON_AddStringToObject(one, "advice", finding->advice);
		cJSON_AddItemToArray(findings, one);
	}
	AUTO_FREE char *text = cJSON_Print(object);

	printf("%s\n", text ? text : "{}");
	cJSON_Delete(object);
}

int command_doctor(int argc, char **argv)
{
	struct doctor_options options = { .json = false };
	struct pool_config standard;
	static struct doctor doctor;

	pool_config_init(&standard);
	options.workers = standard.workers;
	argp_parse(&doctor_argp, argc, argv, 0, NULL, &options);
	doctor.workers = options.workers;
	/* The layers first: each try is a fork, and the pool of the last check has threads. */
	layers_check(&doctor);
	doctor_check_host(&doctor);
	runtime_check(&doctor);
	if (options.json)
		json_print(&doctor);
	else
		people_print(&doctor);
	return verdict_of(&doctor);
}
